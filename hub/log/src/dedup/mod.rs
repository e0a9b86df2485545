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
//! All this is done a block at a time, in step with what is appended: no append waits for more
//! than a few blocks. A key that is new costs a look into the filters; one that is known, or is
//! taken for known once in 65,536 times, a block.
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

use std::collections::VecDeque;
use std::sync::Arc;

use sled::Tree;

pub(crate) use self::mark::{Id, Mark};

use self::block::{BLOCK_ENTRIES, Entry};
use self::mark::short;
use self::merge::{Merge, Source};
use self::recent::Recent;
use self::run::{Run, find_in};
use crate::api::Sequence;
use crate::error::{ReadError, read_failed};
use crate::keys::{self, Saved};
use crate::read;

const DAY_US: i64 = 86_400_000_000;

/// Keys in memory before they become a run: 4 to 6 MB.
const RECENT_MAX: usize = 128 << 10;

/// Bounds what opening reads again when few records have keys. Twice [`RECENT_MAX`], so that
/// it does not matter as long as most of them have one.
const UNSAVED_RECORDS_MAX: u64 = 256 << 10;

/// So many neighbours of a size become one run.
const FAN_IN: usize = 4;

/// Runs of [`RECENT_MAX`] × 4³, eight million keys, are left as they are: a run goes only when
/// all of it is old.
const LEVEL_MAX: u32 = 3;

/// Three of each of three sizes, and those that come while others are merged.
const SMALL_RUNS_MAX: usize = 14;

/// Work done for each key added, in entries: being written once and merged three times, and
/// removed as often but four times as fast, comes to five. The rest is for catching up.
const WORK_PER_KEY: usize = 16;

/// Keys of the store removed in one step.
const REMOVED_AT_ONCE: usize = 4;

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
            keep_us: i64::from(keep_days) * DAY_US,
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

    fn work(&mut self, tree: &Tree, last: Sequence, now_us: i64) -> Result<(), ReadError> {
        if self.recent.len() >= self.recent_max {
            self.finish_frozen(tree, now_us)?;
            self.freeze(tree, last)?;
        } else if last - self.saved_to() >= UNSAVED_RECORDS_MAX {
            self.finish_frozen(tree, now_us)?;
            if last - self.saved_to() >= UNSAVED_RECORDS_MAX / 2 {
                self.write_tail(tree, last)?;
            }
        }
        while self.debt >= BLOCK_ENTRIES {
            if !self.step(tree, now_us)? {
                self.debt = 0;
                break;
            }
            self.debt -= BLOCK_ENTRIES;
        }
        Ok(())
    }

    /// One block's worth of work; false if there is none.
    fn step(&mut self, tree: &Tree, now_us: i64) -> Result<bool, ReadError> {
        if self.frozen.is_some() {
            self.step_frozen(tree, now_us)?;
            return Ok(true);
        }
        if let Some(id) = self.garbage.front() {
            let keys = tree.scan_prefix(keys::saved_run(*id)).keys().take(REMOVED_AT_ONCE);
            let keys = keys.collect::<Result<Vec<_>, _>>().map_err(|e| read_failed("dedup", &e))?;
            for key in &keys {
                tree.remove(key).map_err(|e| read_failed("dedup", &e))?;
            }
            if keys.len() < REMOVED_AT_ONCE {
                self.garbage.pop_front();
            }
            return Ok(true);
        }
        if self.merging.is_none() {
            self.start_merge(tree)?;
        }
        let Some(merge) = &mut self.merging else { return Ok(false) };
        if !merge.step(tree, self.floor)? {
            self.finish_merge(tree)?;
        }
        Ok(true)
    }

    fn freeze(&mut self, tree: &Tree, last: Sequence) -> Result<(), ReadError> {
        let entries: Arc<[Entry]> = std::mem::take(&mut self.recent).sorted().into();
        let from = self.runs.last().map_or(0, |run| run.to) + 1;
        let source = Source::Memory { entries: entries.clone(), at: 0 };
        let merge = Merge::new(self.new_id(), from, last, vec![source]);
        self.frozen = Some(Frozen { entries, merge });
        self.write_manifest(tree)
    }

    fn finish_frozen(&mut self, tree: &Tree, now_us: i64) -> Result<(), ReadError> {
        while self.frozen.is_some() {
            self.step_frozen(tree, now_us)?;
        }
        Ok(())
    }

    fn step_frozen(&mut self, tree: &Tree, now_us: i64) -> Result<(), ReadError> {
        let Some(frozen) = &mut self.frozen else { return Ok(()) };
        if frozen.merge.step(tree, self.floor)? {
            return Ok(());
        }
        if let Some(frozen) = self.frozen.take() {
            self.runs.push(frozen.merge.run);
        }
        self.garbage.extend(self.tail.take().map(|(id, _)| id));
        self.drop_old(tree, now_us)?;
        self.write_manifest(tree)
    }

    /// Picks neighbours to merge, if there are enough of a size.
    fn start_merge(&mut self, tree: &Tree) -> Result<(), ReadError> {
        let at = self.runs.windows(FAN_IN).rposition(|some| {
            let first = self.level(&some[0]);
            first < LEVEL_MAX && some.iter().all(|run| self.level(run) == first)
        });
        let Some(at) = at.or_else(|| self.odd_neighbours()) else { return Ok(()) };
        let some = &self.runs[at..at + FAN_IN];
        let (from, to) = (some[0].from, some[FAN_IN - 1].to);
        let sources = some.iter().map(|run| Source::stored(run.id)).collect();
        self.merging = Some(Merge::new(self.new_id(), from, to, sources));
        self.write_manifest(tree)
    }

    /// Crashes and forgetting leave runs of odd sizes, with no three others of a size beside them.
    /// Once there are too many, the neighbours that are smallest together.
    fn odd_neighbours(&self) -> Option<usize> {
        let small = self.runs.iter().filter(|run| self.level(run) < LEVEL_MAX).count();
        let size = |some: &[Run]| some.iter().map(|run| run.entries).sum::<u64>();
        let windows = self.runs.windows(FAN_IN).enumerate();
        let least = windows.min_by_key(|(_, some)| size(some)).map(|(at, _)| at);
        least.filter(|_| small > SMALL_RUNS_MAX)
    }

    /// How often runs of the smallest size were merged to make one of this size.
    fn level(&self, run: &Run) -> u32 {
        // A group of appends may go beyond the size a little.
        let mut most = (self.recent_max + self.recent_max / 8) as u64;
        let mut level = 0;
        while run.entries > most && level < LEVEL_MAX {
            most *= FAN_IN as u64;
            level += 1;
        }
        level
    }

    fn finish_merge(&mut self, tree: &Tree) -> Result<(), ReadError> {
        let Some(merge) = self.merging.take() else { return Ok(()) };
        let at = self.runs.iter().position(|run| merge.reads(run.id)).unwrap_or(0);
        self.garbage.extend(self.runs.iter().map(|run| run.id).filter(|id| merge.reads(*id)));
        self.runs.retain(|run| !merge.reads(run.id));
        self.runs.insert(at, merge.run);
        self.write_manifest(tree)
    }

    /// Writes what is in memory beside the runs. It stays in memory.
    fn write_tail(&mut self, tree: &Tree, last: Sequence) -> Result<(), ReadError> {
        let id = self.new_id();
        // Known as garbage before it is written, so that a crash leaves nothing unknown.
        self.garbage.push_back(id);
        self.write_manifest(tree)?;
        let (mut rest, entries) = (0, self.recent.sorted());
        while rest < entries.len() {
            let mut end = (rest + BLOCK_ENTRIES).min(entries.len());
            while end < entries.len() && entries[end].0 == entries[end - 1].0 {
                end += 1;
            }
            let key = keys::saved(id, Saved::Block, entries[rest].0);
            let value = block::encode(&key, &entries[rest..end]);
            tree.insert(key, value).map_err(|e| read_failed("dedup", &e))?;
            rest = end;
        }
        self.garbage.pop_back();
        self.garbage.extend(self.tail.replace((id, last)).map(|(id, _)| id));
        self.write_manifest(tree)
    }

    /// Drops runs whose newest record is older than is to be kept. The newest run stays: it
    /// says how far the index is saved.
    fn drop_old(&mut self, tree: &Tree, now_us: i64) -> Result<(), ReadError> {
        let cutoff_us = now_us.saturating_sub(self.keep_us);
        while let [oldest, _, ..] = self.runs.as_slice() {
            let newest = read::one(tree, oldest.to, oldest.to)?;
            if newest.is_none_or(|record| record.recorded_us >= cutoff_us) || !self.drop_oldest() {
                break;
            }
        }
        Ok(())
    }

    fn drop_oldest(&mut self) -> bool {
        if self.runs.len() < 2 || self.merging.as_ref().is_some_and(|m| m.reads(self.runs[0].id)) {
            return false;
        }
        let run = self.runs.remove(0);
        self.garbage.push_back(run.id);
        true
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
    before_us.min(now_us.saturating_sub(i64::from(keep_days) * DAY_US))
}

/// Sees to it that a damaged index is built anew by the next opening.
fn condemn(tree: &Tree, error: ReadError) -> ReadError {
    if matches!(error, ReadError::Corrupt { stream: "dedup", .. }) {
        tracing::error!(%error, "the dedup index is damaged");
        let _failing_too = tree.remove(keys::DEDUP_MANIFEST);
    }
    error
}
