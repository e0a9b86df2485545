//! The dedup index: which record was the first with a key.
//!
//! Every record that has a key carries its [`Mark`] in its chunk, so that the key is durable
//! with the record, at no write of its own: a random key a record in the store would cost
//! 15 µs, more than everything else together. What finds it is in memory: eight bytes of the
//! mark's id, and the sequence. A hit is checked against the whole id in the chunk.
//!
//! So that opening need not read every chunk, the index is saved as it grows, 3,072 entries a
//! value: key `'d' ‖ sequence up to which everything is saved u64 BE`, value
//! `(8 bytes of the id ‖ sequence u64 BE)*`. Opening reads those, and the events after.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sled::Tree;

use crate::api::{Dedup, Sequence};
use crate::error::{ReadError, read_failed};
use crate::keys;
use crate::read;

/// Vendors retry for days (Stripe three, Adyen seven and then by hand): no key younger than
/// this many days is ever forgotten.
pub(crate) const KEEP_DAYS: i64 = 30;

const DAY_US: i64 = 86_400_000_000;

/// Entries in one saved value: 48 KiB, below what the store takes ([`crate::frame`]).
const SAVED_ENTRIES: usize = 3_072;

/// Save after this many records even if few have keys: bounds what opening reads again.
const UNSAVED_RECORDS_MAX: u64 = 65_536;

/// Small maps grow one at a time: growing one map of ten million entries would hold up the
/// writer for half a second.
pub(crate) const SHARDS: usize = 64;

/// A dedup key as kept: the first 16 bytes of `BLAKE3(scope length u64 BE ‖ scope ‖ key)`.
pub(crate) type Id = [u8; 16];

/// What a record's chunk keeps of its dedup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: Id,
    /// Of the body's hash.
    pub(crate) body: [u8; 8],
}

impl Mark {
    pub(crate) fn of(dedup: &Dedup) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(dedup.scope.len() as u64).to_be_bytes());
        hasher.update(dedup.scope.as_bytes());
        hasher.update(&dedup.key);
        let mut mark = Self { id: [0; 16], body: [0; 8] };
        mark.id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        mark.body.copy_from_slice(&dedup.body_hash[..8]);
        mark
    }
}

/// See the module.
pub(crate) struct Index {
    shards: Vec<HashMap<u64, Sequence>>,
    /// Ids whose eight bytes another id had first.
    others: HashMap<Id, Sequence>,
    unsaved: Vec<(u64, Sequence)>,
    saved_to: Sequence,
}

impl Index {
    fn new() -> Self {
        let shards = (0..SHARDS).map(|_| HashMap::new()).collect();
        Self { shards, others: HashMap::new(), unsaved: Vec::new(), saved_to: 0 }
    }

    /// Reads the index of a store whose last sequence is `last`.
    pub(crate) fn load(tree: &Tree, last: Sequence) -> Result<Self, ReadError> {
        let mut index = Self::new();
        for item in tree.scan_prefix(keys::DEDUP) {
            let (key, saved) = item.map_err(|e| read_failed("dedup", &e))?;
            let to = keys::dedup_to(&key).filter(|_| saved.len() % 16 == 0);
            let Some(to) = to.filter(|to| *to <= last) else {
                return Err(ReadError::Corrupt {
                    stream: "dedup",
                    at: index.saved_to,
                    detail: "the saved index after it does not fit the events".into(),
                });
            };
            for entry in saved.chunks_exact(16) {
                let (short, sequence) = entry.split_at(8);
                index.restore(tree, number(short), number(sequence))?;
            }
            index.saved_to = to;
        }
        let from = index.saved_to + 1;
        read::marks(tree, from, last, &mut |sequence, mark| index.add(&mark.id, sequence))?;
        Ok(index)
    }

    fn restore(&mut self, tree: &Tree, short: u64, sequence: Sequence) -> Result<(), ReadError> {
        match self.shard(short).entry(short) {
            Entry::Vacant(free) => {
                free.insert(sequence);
            }
            Entry::Occupied(_) => {
                if let Some(mark) = read::mark(tree, sequence)? {
                    self.others.insert(mark.id, sequence);
                }
            }
        }
        Ok(())
    }

    /// The record that has this id, and its mark.
    pub(crate) fn find(&self, tree: &Tree, id: &Id) -> Result<Option<(Sequence, Mark)>, ReadError> {
        let short = short(id);
        let first = self.shards[shard_of(short)].get(&short);
        for sequence in first.into_iter().chain(self.others.get(id)) {
            if let Some(mark) = read::mark(tree, *sequence)?.filter(|mark| mark.id == *id) {
                return Ok(Some((*sequence, mark)));
            }
        }
        Ok(None)
    }

    /// Adds a record that is in the store and whose id is not here yet.
    pub(crate) fn add(&mut self, id: &Id, sequence: Sequence) {
        let short = short(id);
        match self.shard(short).entry(short) {
            Entry::Vacant(free) => {
                free.insert(sequence);
            }
            Entry::Occupied(_) => {
                self.others.insert(*id, sequence);
            }
        }
        self.unsaved.push((short, sequence));
    }

    /// What to save now, if it is time: keys and values. To be called once the records up to
    /// `last` are in the store and added here.
    pub(crate) fn save(&mut self, last: Sequence) -> Vec<([u8; 9], Vec<u8>)> {
        let due =
            self.unsaved.len() >= SAVED_ENTRIES || last - self.saved_to >= UNSAVED_RECORDS_MAX;
        if due { self.save_rest(last) } else { Vec::new() }
    }

    /// The same, whether it is time or not: for a clean close, so that the next opening need
    /// not read any event but the last.
    pub(crate) fn save_rest(&mut self, last: Sequence) -> Vec<([u8; 9], Vec<u8>)> {
        if last == self.saved_to {
            return Vec::new();
        }
        let mut saved = Vec::new();
        let mut rest = std::mem::take(&mut self.unsaved);
        // All but the last value end below the next entry's record: whatever prefix of them a
        // crash leaves, what is after its key is read again.
        while rest.len() > SAVED_ENTRIES {
            let later = rest.split_off(SAVED_ENTRIES);
            saved.push((keys::dedup(later[0].1 - 1), encode(&rest)));
            rest = later;
        }
        saved.push((keys::dedup(last), encode(&rest)));
        self.saved_to = last;
        saved
    }

    /// Forgets records before `before` in one of the [`SHARDS`]; says how many. One at a time,
    /// so that the writer gets its turn in between.
    pub(crate) fn forget(&mut self, shard: usize, before: Sequence) -> u64 {
        let shard = &mut self.shards[shard];
        let had = shard.len() + self.others.len();
        shard.retain(|_, sequence| *sequence >= before);
        shard.shrink_to_fit();
        self.others.retain(|_, sequence| *sequence >= before);
        (had - shard.len() - self.others.len()) as u64
    }

    fn shard(&mut self, short: u64) -> &mut HashMap<u64, Sequence> {
        &mut self.shards[shard_of(short)]
    }
}

/// The time before which keys may go, if that is what is asked.
pub(crate) fn cutoff_us(before_us: i64, now_us: i64) -> i64 {
    before_us.min(now_us.saturating_sub(KEEP_DAYS * DAY_US))
}

/// Removes saved values that are wholly before this record. The newest stays: it says how far
/// the index is saved. A removal that a crash undoes is made again by the next sweep.
pub(crate) fn forget_saved(tree: &Tree, before: Sequence) -> Result<(), ReadError> {
    let mut previous = None;
    for item in tree.scan_prefix(keys::DEDUP) {
        let (key, _) = item.map_err(|e| read_failed("dedup", &e))?;
        if let Some(old) = previous.take() {
            tree.remove(old).map_err(|e| read_failed("dedup", &e))?;
        }
        if keys::dedup_to(&key).is_some_and(|to| to < before) {
            previous = Some(key);
        } else {
            break;
        }
    }
    Ok(())
}

fn encode(entries: &[(u64, Sequence)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 16);
    for (short, sequence) in entries {
        out.extend_from_slice(&short.to_be_bytes());
        out.extend_from_slice(&sequence.to_be_bytes());
    }
    out
}

fn short(id: &Id) -> u64 {
    number(&id[..8])
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("the caller slices eight bytes"))
}

fn shard_of(short: u64) -> usize {
    usize::try_from(short % SHARDS as u64).expect("below the number of shards")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_and_key_do_not_run_together() {
        let mark = |scope: &str, key: &str| {
            Mark::of(&Dedup { scope: scope.into(), key: key.into(), body_hash: [1; 32] })
        };
        assert_ne!(mark("ab", "c").id, mark("a", "bc").id);
        assert_eq!(mark("ab", "c"), mark("ab", "c"));
    }

    #[test]
    fn nothing_younger_than_30_days_may_go_whatever_is_asked() {
        let now_us = 100 * DAY_US;
        assert_eq!(cutoff_us(65 * DAY_US, now_us), 65 * DAY_US);
        assert_eq!(cutoff_us(i64::MAX, now_us), 70 * DAY_US);
        assert_eq!(cutoff_us(i64::MAX, i64::MIN), i64::MIN);
    }

    #[test]
    fn every_entry_is_saved_once_and_under_a_key_that_does_not_claim_later_ones() {
        let mut index = Index::new();
        let mut entries = Vec::new();
        let mut last = 0_u64;
        for round in 0..7_u64 {
            for _ in 0..1_000 + round * 900 {
                last += 1;
                let mut id = [0; 16];
                id[..8].copy_from_slice(&blake3::hash(&last.to_be_bytes()).as_bytes()[..8]);
                index.add(&id, last);
            }
            for (key, value) in index.save(last) {
                let to = keys::dedup_to(&key).expect("a saved key parses");
                let sequences = value.chunks_exact(16).map(|entry| number(&entry[8..]));
                entries.extend(sequences.inspect(|sequence| assert!(*sequence <= to)));
                assert_eq!(entries.last(), Some(&to), "every record here has a key");
            }
        }
        let unsaved = index.unsaved.iter().map(|(_, sequence)| *sequence);
        assert!(entries.into_iter().chain(unsaved).eq(1..=last));
    }

    #[test]
    fn a_long_stretch_without_keys_is_marked_as_saved() {
        let mut index = Index::new();
        assert!(index.save(UNSAVED_RECORDS_MAX - 1).is_empty());
        assert_eq!(index.save(UNSAVED_RECORDS_MAX).len(), 1);
        assert!(index.save(UNSAVED_RECORDS_MAX + 1).is_empty());
    }
}
