//! The form of a kept delivery.
//!
//! `HUBD`, version 1, scope (1 clients, 2 day, 3 nothing kept), how many owners (u16, big-endian),
//! each owner's length and text; then nonce and ciphertext, with everything before as associated
//! data. The key is derived from all owners' keys in their order.
use crate::vault::SealKey;
use crate::vault::key_file::Key;

const MAGIC: &[u8] = b"HUBD\x01";
const KEY_CONTEXT: &str = "hub 2026-11 delivery of owners";
/// Level 3 is zstd's own default: deliveries are small, and each is compressed by itself.
const ZSTD_LEVEL: i32 = 3;
/// What a delivery may come to when it is unpacked: above what the hub takes in.
const PLAIN_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Owners of one delivery: Adyen's batches are far below this.
const OWNERS_MAX: usize = u16::MAX as usize;

/// What a delivery is sealed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Keys of clients.
    Clients = 1,
    /// The key of a day.
    Day = 2,
    /// Nothing was kept: a client was erased before it came.
    Nothing = 3,
}

fn header(scope: Scope, owners: &[String]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(scope as u8);
    let count = u16::try_from(owners.len().min(OWNERS_MAX)).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&count.to_be_bytes());
    for owner in owners.iter().take(OWNERS_MAX) {
        bytes.push(u8::try_from(owner.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(owner.as_bytes());
    }
    bytes
}

/// A blob that says only whom it would have been about.
pub fn empty(owners: &[String]) -> Vec<u8> {
    header(Scope::Nothing, owners)
}

/// A blob under the keys of these owners, in the same order.
pub fn seal(scope: Scope, owners: &[String], keys: &[Key], plain: &[u8]) -> Vec<u8> {
    let mut bytes = header(scope, owners);
    let packed = zstd::bulk::compress(plain, ZSTD_LEVEL)
        .expect("zstd fails only for want of memory or of room, and it makes its own room");
    let sealed = key(keys).seal(&bytes, &packed);
    bytes.extend_from_slice(&sealed);
    bytes
}

fn key(keys: &[Key]) -> SealKey {
    SealKey::new(blake3::derive_key(KEY_CONTEXT, &keys.concat()))
}

/// A blob taken apart.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// Whose keys open it.
    pub owners: Vec<&'a str>,
    header: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Parsed<'a> {
    /// Takes a blob apart; nothing if it is not of this form.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (scope, rest) = rest.split_first()?;
        if !(1..=3).contains(scope) {
            return None;
        }
        let (count, mut rest) = rest.split_first_chunk::<2>()?;
        let mut owners = Vec::new();
        for _ in 0..u16::from_be_bytes(*count) {
            let (length, tail) = rest.split_first()?;
            let (owner, tail) = tail.split_at_checked(usize::from(*length))?;
            owners.push(std::str::from_utf8(owner).ok()?);
            rest = tail;
        }
        let (header, sealed) = bytes.split_at(bytes.len() - rest.len());
        Some(Self { owners, header, sealed })
    }

    /// What was sealed; nothing if it does not open.
    pub fn open(&self, keys: &[Key]) -> Option<Vec<u8>> {
        let packed = key(keys).open(self.header, self.sealed).ok()?;
        let size = zstd::zstd_safe::get_frame_content_size(&packed).ok().flatten()?;
        let size = usize::try_from(size).ok().filter(|size| *size <= PLAIN_BYTES_MAX)?;
        zstd::bulk::decompress(&packed, size).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_opens_only_with_every_key_and_an_untouched_header() {
        let owners = ["a".to_owned(), "b:c".to_owned()];
        let keys = [[1; 32], [2; 32]];
        let plain = b"{}\nbody ".repeat(500);
        let sealed = seal(Scope::Clients, &owners, &keys, &plain);
        assert!(sealed.len() < plain.len() / 4, "it is compressed: {} bytes", sealed.len());
        let parsed = Parsed::of(&sealed).unwrap();
        assert_eq!(parsed.owners, ["a", "b:c"]);
        assert_eq!(parsed.open(&keys).unwrap(), plain);
        assert!(parsed.open(&[keys[0]]).is_none());
        assert!(parsed.open(&[keys[1], keys[0]]).is_none());
        for at in [5, 9, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 2;
            assert!(Parsed::of(&changed).is_none_or(|p| p.open(&keys).is_none()), "byte {at}");
        }
    }

    #[test]
    fn of_an_erased_client_nothing_is_kept() {
        let blob = empty(&["cl-1".to_owned()]);
        let parsed = Parsed::of(&blob).unwrap();
        assert_eq!(parsed.owners, ["cl-1"]);
        assert!(parsed.open(&[[1; 32]]).is_none());
        assert!(Parsed::of(b"HUB").is_none() && Parsed::of(&[0; 64]).is_none());
    }
}
