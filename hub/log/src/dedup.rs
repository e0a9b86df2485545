//! The dedup index: which record was the first with a key.
//!
//! Key: the first 16 bytes of `BLAKE3(scope length u64 BE ‖ scope ‖ key)`. Value: sequence of
//! the original u64 BE ‖ 8 bytes of its body hash ‖ day recorded (since the epoch) u32 BE.

use sled::Tree;

use crate::api::{Dedup, Sequence};
use crate::error::{ReadError, read_failed};
use crate::keys;

/// Vendors retry for days (Stripe three, Adyen seven and then by hand): no key younger than
/// this many days is ever forgotten.
pub(crate) const KEEP_DAYS: i64 = 30;

const DAY_US: i64 = 86_400_000_000;

/// A dedup key as stored.
pub(crate) type Id = [u8; 16];

/// The stored id of a key, and the part of the body's hash that is kept.
pub(crate) fn id(dedup: &Dedup) -> (Id, [u8; 8]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(dedup.scope.len() as u64).to_be_bytes());
    hasher.update(dedup.scope.as_bytes());
    hasher.update(&dedup.key);
    let (mut id, mut body) = ([0; 16], [0; 8]);
    id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    body.copy_from_slice(&dedup.body_hash[..8]);
    (id, body)
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: Sequence,
    pub(crate) body: [u8; 8],
    pub(crate) day: u32,
}

impl Entry {
    pub(crate) fn new(sequence: Sequence, body: [u8; 8], recorded_us: i64) -> Self {
        let day = recorded_us.div_euclid(DAY_US).clamp(0, i64::from(u32::MAX));
        Self { sequence, body, day: u32::try_from(day).expect("clamped to u32 just above") }
    }

    pub(crate) fn encode(&self) -> [u8; 20] {
        let mut out = [0; 20];
        out[..8].copy_from_slice(&self.sequence.to_be_bytes());
        out[8..16].copy_from_slice(&self.body);
        out[16..].copy_from_slice(&self.day.to_be_bytes());
        out
    }

    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let (sequence, rest) = value.split_first_chunk()?;
        let (body, day) = rest.split_first_chunk()?;
        let day = u32::from_be_bytes(day.try_into().ok()?);
        Some(Self { sequence: u64::from_be_bytes(*sequence), body: *body, day })
    }
}

/// Looks a key up in the store.
pub(crate) fn find(tree: &Tree, id: &Id) -> Result<Option<Entry>, ReadError> {
    let Some(value) = tree.get(keys::dedup(id)).map_err(|e| read_failed("dedup", &e))? else {
        return Ok(None);
    };
    match Entry::decode(&value) {
        Some(entry) => Ok(Some(entry)),
        None => Err(ReadError::Corrupt {
            stream: "dedup",
            at: 0,
            detail: format!("an entry has {} bytes and should have 20", value.len()),
        }),
    }
}

/// Removes entries recorded on a day before `before_us`, but none younger than [`KEEP_DAYS`].
///
/// Runs beside the writer: an entry is removed only if it is still the one that was looked at.
/// A removal that a crash undoes is made again by the next sweep.
pub(crate) fn forget(
    tree: &Tree,
    before_us: i64,
    now_us: i64,
    mut stop: impl FnMut() -> bool,
) -> Result<u64, ReadError> {
    let before_day = before_us.min(now_us - KEEP_DAYS * DAY_US).div_euclid(DAY_US);
    let mut forgotten = 0;
    for item in tree.scan_prefix(keys::DEDUP) {
        if stop() {
            return Err(ReadError::Closed);
        }
        let (key, value) = item.map_err(|e| read_failed("dedup", &e))?;
        let old = Entry::decode(&value).is_some_and(|e| i64::from(e.day) < before_day);
        if old {
            let removed = tree
                .compare_and_swap(&key, Some(&value), None::<sled::IVec>)
                .map_err(|e| read_failed("dedup", &e))?;
            forgotten += u64::from(removed.is_ok());
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scope: &str, key: &str) -> Dedup {
        Dedup { scope: scope.into(), key: key.into(), body_hash: [1; 32] }
    }

    #[test]
    fn scope_and_key_do_not_run_together() {
        assert_ne!(id(&key("ab", "c")).0, id(&key("a", "bc")).0);
        assert_eq!(id(&key("ab", "c")), id(&key("ab", "c")));
    }

    #[test]
    fn only_old_entries_are_forgotten_whatever_is_asked() {
        let db = sled::Config::new().temporary(true).open().expect("a store in memory opens");
        let now_us = 100 * DAY_US;
        for day in 60..=100_i64 {
            let entry = Entry::new(1, [0; 8], day * DAY_US);
            let id = [u8::try_from(day).expect("a day of this test fits"); 16];
            db.insert(keys::dedup(&id), &entry.encode()).expect("an insert works");
        }
        db.insert(b"e12345678", b"not a dedup entry").expect("an insert works");
        let forget = |before| forget(&db, before, now_us, || false).expect("a sweep works");
        assert_eq!(forget(65 * DAY_US), 5);
        assert_eq!(forget(i64::MAX), 5, "days 70 to 100 are younger than 30 days");
        assert_eq!(db.len(), 32);
    }
}
