//! The dedup index: which record was the first with a key.
//!
//! Every record that has a key carries its [`Mark`] in its chunk, so that the key is durable
//! with the record, at no write of its own: a random key a record in the store would cost
//! 15 µs, more than everything else together. The index only finds it, by eight bytes of the
//! mark's id; a hit is checked against the whole id in the chunk.
//!
//! The newest keys are in memory (`recent`). Each [`RECENT_MAX`] of them become a run: sorted,
//! never changed, in blocks in the store (`block`), of which memory has filters only, 2.5 bytes a
//! key (`run`). Four runs of a size become one (`merge`), so that there are some dozen at most.
//! All this (`work`) is done a block at a time, in step with what is appended: no append waits
//! for more than a few blocks. A key that is new costs a look into the filters; one that is
//! known, or is taken for known once in 65,536 times, a block.
//!
//! The index is derived, and a crash may come between any two of its writes: what counts is in
//! the manifest, one value, which says up to which record the runs tell; the events after are
//! read again at opening. If a part of it is found damaged, the manifest is removed, and the
//! next opening builds the index anew.
//!
//! Keys older than the retention go with their whole run, and at once if
//! [`Index::forget`] is called: what is before its `floor` does not count any more.

mod block;
mod load;
mod manifest;
mod mark;
mod merge;
mod recent;
mod run;
#[cfg(test)]
mod tests;
mod work;

use std::collections::VecDeque;
use std::sync::Arc;

use sled::Tree;

pub(crate) use self::mark::{Id, Mark};

use self::block::Entry;
use self::mark::short;
use self::merge::Merge;
use self::recent::Recent;
use self::run::{Run, find_in};
use crate::api::Sequence;
use crate::error::{ReadError, read_failed};
use crate::keys;
use crate::read;

const DAY_US: i64 = 86_400_000_000;

/// Keys in memory before they become a run: 4 to 6 MB.
const RECENT_MAX: usize = 128 << 10;

/// Work done for each key added, in entries: being written once and merged three times, and
/// removed as often but four times as fast, comes to five. The rest is for catching up.
const WORK_PER_KEY: usize = 16;

/// See the module.
pub(crate) struct Index {
    keep_us: i64,
    /// [`RECENT_MAX`], but in tests.
    recent_max: usize,
    recent: Recent,
    frozen: Option<Frozen>,
    /// Ascending by record.
    runs: Vec<Run>,
    merging: Option<Merge>,
    /// Id of the saved copy of what was in memory, and up to which record it tells.
    tail: Option<(u32, Sequence)>,
    garbage: VecDeque<u32>,
    next_id: u32,
    /// What is before does not count.
    floor: Sequence,
    /// Work owed, in entries.
    debt: usize,
}

/// What was in memory and is being written as a run.
struct Frozen {
    entries: Arc<[Entry]>,
    merge: Merge,
}

impl Index {
    fn new(keep_days: u32) -> Self {
        Self {
            keep_us: i64::from(keep_days).saturating_mul(DAY_US),
            recent_max: RECENT_MAX,
            recent: Recent::default(),
            frozen: None,
            runs: Vec::new(),
            merging: None,
            tail: None,
            garbage: VecDeque::new(),
            next_id: 1,
            floor: 0,
            debt: 0,
        }
    }

    /// The record that has this id, and its mark.
    pub(crate) fn find(&self, tree: &Tree, id: &Id) -> Result<Option<(Sequence, Mark)>, ReadError> {
        let short = short(id);
        let mut found = Vec::new();
        self.recent.find(short, &mut found);
        if let Some(frozen) = &self.frozen {
            find_in(&frozen.entries, short, &mut found);
        }
        for run in &self.runs {
            run.find(tree, short, &mut found).map_err(|e| condemn(tree, e))?;
        }
        for sequence in found.into_iter().filter(|sequence| *sequence >= self.floor) {
            if let Some(mark) = read::mark(tree, sequence)?.filter(|mark| mark.id == *id) {
                return Ok(Some((sequence, mark)));
            }
        }
        Ok(None)
    }

    /// Adds a record that is in the store and whose id is not here yet.
    pub(crate) fn add(&mut self, id: &Id, sequence: Sequence) {
        self.add_short(short(id), sequence);
    }

    fn add_short(&mut self, short: u64, sequence: Sequence) {
        if sequence >= self.floor {
            self.recent.add(short, sequence);
            self.debt += WORK_PER_KEY;
        }
    }

    /// Does what is due, in small steps. To be called by the writer, once the records up to
    /// `last` are in the store and added here; `now_us` decides what is too old.
    pub(crate) fn save(
        &mut self,
        tree: &Tree,
        last: Sequence,
        now_us: i64,
    ) -> Result<(), ReadError> {
        self.work(tree, last, now_us).map_err(|e| condemn(tree, e))
    }

    /// Saves what is in memory too: for a clean close, so that the next opening need not read
    /// any event but the last.
    pub(crate) fn save_rest(&mut self, tree: &Tree, last: Sequence) -> Result<(), ReadError> {
        if self.saved_to() == last {
            return Ok(());
        }
        self.finish_frozen(tree, i64::MIN)?;
        self.write_tail(tree, last)
    }

    /// Forgets records before `before`; says how many keys were let go.
    pub(crate) fn forget(&mut self, tree: &Tree, before: Sequence) -> Result<u64, ReadError> {
        if before <= self.floor {
            return Ok(0);
        }
        self.floor = before;
        let mut forgotten = self.recent.forget(before) as u64;
        while let Some(entries) = self.runs.first().filter(|r| r.to < before).map(|r| r.entries) {
            if !self.drop_oldest() {
                break;
            }
            forgotten += entries;
        }
        self.write_manifest(tree)?;
        Ok(forgotten)
    }

    /// How many keys it has.
    pub(crate) fn keys(&self) -> u64 {
        let frozen = self.frozen.as_ref().map_or(0, |frozen| frozen.entries.len());
        let runs: u64 = self.runs.iter().map(|run| run.entries).sum();
        runs + (frozen + self.recent.len()) as u64
    }

    /// What it takes of memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let frozen = self
            .frozen
            .as_ref()
            .map_or(0, |f| f.entries.len() * size_of::<Entry>() + f.merge.run.bytes());
        let runs: usize = self.runs.iter().map(Run::bytes).sum();
        let merging = self.merging.as_ref().map_or(0, |merge| merge.run.bytes());
        (self.recent.bytes() + frozen + runs + merging) as u64
    }

    /// The record up to which nothing need be read again.
    fn saved_to(&self) -> Sequence {
        let runs = self.runs.last().map_or(0, |run| run.to);
        runs.max(self.tail.map_or(0, |(_, to)| to))
    }

    fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn write_manifest(&self, tree: &Tree) -> Result<(), ReadError> {
        let making = self.frozen.as_ref().map(|frozen| frozen.merge.run.id);
        let making = making.into_iter().chain(self.merging.as_ref().map(|merge| merge.run.id));
        let garbage = self.garbage.iter().copied().chain(making);
        let value = manifest::encode(self.floor, self.next_id, self.tail, &self.runs, garbage);
        tree.insert(keys::DEDUP_MANIFEST, value).map_err(|e| read_failed("dedup", &e))?;
        Ok(())
    }
}

/// The time before which keys may go, if that is what is asked.
pub(crate) fn cutoff_us(before_us: i64, now_us: i64, keep_days: u32) -> i64 {
    before_us.min(now_us.saturating_sub(i64::from(keep_days).saturating_mul(DAY_US)))
}

/// Sees to it that a damaged index is built anew by the next opening.
fn condemn(tree: &Tree, error: ReadError) -> ReadError {
    if matches!(error, ReadError::Corrupt { stream: "dedup", .. }) {
        tracing::error!(%error, "the dedup index is damaged");
        let _failing_too = tree.remove(keys::DEDUP_MANIFEST);
    }
    error
}
