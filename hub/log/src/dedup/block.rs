//! The bytes of the saved index: sorted entries, and the filters that say where not to look.
//!
//! ```text
//! block:  ( first 8 bytes of the id ‖ sequence u48 BE )*  ‖ check (8)
//! filter: seed u64 BE ‖ segment length u32 BE ‖ segment count × length u32 BE
//!         ‖ fingerprint u16 BE *  ‖ check (8)
//! ```
//!
//! The check is of `BLAKE3(key ‖ what is before it)`: a filter that is wrong would let a
//! payment happen twice, so nothing here is believed without it.

use xorf::{BinaryFuse16, Descriptor, Filter as _};

use crate::api::Sequence;

/// First eight bytes of an id, and where the record is.
pub(super) type Entry = (u64, Sequence);

/// Entries of one block: 8 KiB, which is what one look-up reads. A block may get more, so that
/// entries with the same first eight bytes are never in two.
pub(super) const BLOCK_ENTRIES: usize = 580;

/// Blocks that share a filter: 16,240 entries make one of 40 to 50 KiB, below what the store
/// takes ([`crate::frame`]), and 1 ms of work.
pub(super) const FILTER_BLOCKS: usize = 28;

const ENTRY_BYTES: usize = 14;
const CHECK_BYTES: usize = 8;
const FILTER_HEAD_BYTES: usize = 16;

pub(super) fn encode(key: &[u8], entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * ENTRY_BYTES + CHECK_BYTES);
    for (short, sequence) in entries {
        out.extend_from_slice(&short.to_be_bytes());
        out.extend_from_slice(&sequence.to_be_bytes()[2..]);
    }
    seal(key, out)
}

/// The entries of a block; none if it is damaged.
pub(super) fn decode(key: &[u8], value: &[u8]) -> Option<Vec<Entry>> {
    let entries = unseal(key, value)?.chunks_exact(ENTRY_BYTES);
    if !entries.remainder().is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut sequence = [0; 8];
        sequence[2..].copy_from_slice(&entry[8..]);
        out.push((u64::from_be_bytes(*entry.first_chunk()?), u64::from_be_bytes(sequence)));
    }
    Some(out)
}

/// Says of eight bytes that they are not in a stretch of a run, or perhaps are (1 in 65,536
/// times without being there): 2.5 bytes an entry.
pub(super) struct Filter(BinaryFuse16);

impl Filter {
    /// `shorts` ascending, each once. None if none could be made, which may happen and only
    /// costs time later.
    pub(super) fn of(shorts: &[u64]) -> Option<Self> {
        BinaryFuse16::try_from(shorts).ok().map(Self)
    }

    pub(super) fn may_hold(&self, short: u64) -> bool {
        self.0.contains(&short)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.fingerprints.len() * 2
    }

    pub(super) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let Descriptor { seed, segment_length, segment_count_length, .. } = self.0.descriptor;
        let mut out = Vec::with_capacity(FILTER_HEAD_BYTES + self.bytes() + CHECK_BYTES);
        out.extend_from_slice(&seed.to_be_bytes());
        out.extend_from_slice(&segment_length.to_be_bytes());
        out.extend_from_slice(&segment_count_length.to_be_bytes());
        for fingerprint in &self.0.fingerprints {
            out.extend_from_slice(&fingerprint.to_be_bytes());
        }
        seal(key, out)
    }

    /// None if it is damaged.
    pub(super) fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let (head, data) = unseal(key, value)?.split_at_checked(FILTER_HEAD_BYTES)?;
        let segment_length = u32::from_be_bytes(head[8..12].try_into().ok()?);
        let segment_count_length = u32::from_be_bytes(head[12..].try_into().ok()?);
        let fingerprints: Box<[u16]> =
            data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        // A look-up reads at most two segments past the count.
        let reach = u64::from(segment_count_length) + 2 * u64::from(segment_length);
        if !segment_length.is_power_of_two() || reach > fingerprints.len() as u64 {
            return None;
        }
        let descriptor = Descriptor {
            seed: u64::from_be_bytes(*head.first_chunk()?),
            segment_length,
            segment_length_mask: segment_length - 1,
            segment_count_length,
        };
        Some(Self(BinaryFuse16 { descriptor, fingerprints }))
    }
}

pub(super) fn seal(key: &[u8], mut data: Vec<u8>) -> Vec<u8> {
    let check = check(key, &data);
    data.extend_from_slice(&check);
    data
}

pub(super) fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (data, found) = value.split_last_chunk::<CHECK_BYTES>()?;
    (check(key, data) == *found).then_some(data)
}

fn check(key: &[u8], data: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key).update(data);
    *hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shorts(count: u64) -> Vec<u64> {
        let short = |n: u64| {
            let hash = blake3::hash(&n.to_be_bytes());
            u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
        };
        let mut shorts: Vec<_> = (0..count).map(short).collect();
        shorts.sort_unstable();
        shorts
    }

    #[test]
    fn a_block_comes_back_and_damage_gives_none() {
        let entries: Vec<_> = shorts(300).into_iter().zip(1 << 40..).collect();
        let value = encode(b"key", &entries);
        assert_eq!(decode(b"key", &value), Some(entries));
        assert_eq!(decode(b"kez", &value), None, "it was saved under another key");
        for at in 0..value.len() {
            let mut bad = value.clone();
            bad[at] ^= 1;
            assert_eq!(decode(b"key", &bad), None, "byte {at}");
            assert_eq!(decode(b"key", &value[..at]), None, "cut to {at}");
        }
    }

    #[test]
    fn a_filter_has_every_entry_and_little_else_saved_or_not() {
        for count in [1, 2, 3, 10, 500, (BLOCK_ENTRIES * FILTER_BLOCKS) as u64] {
            let there = shorts(count);
            let filter = Filter::of(&there).expect("these can be had");
            let value = filter.encode(b"key");
            assert!(value.len() <= crate::frame::STORED_BYTES_MAX, "{count}: {}", value.len());
            assert!(Filter::decode(b"key", &value[..value.len() - 1]).is_none());
            let saved = Filter::decode(b"key", &value).expect("an untouched one decodes");
            for filter in [filter, saved] {
                assert!(there.iter().all(|short| filter.may_hold(*short)));
                let wrong = (0..100_000).filter(|n| filter.may_hold(n * 7 + 1)).count();
                assert!(wrong < 20, "{count}: {wrong} of 100,000 are taken for held");
            }
        }
    }
}
