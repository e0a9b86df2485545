//! What the index does beside its owner's appends: writing, merging and removing runs, a block
//! at a time.

use std::sync::Arc;

use sled::Tree;

use super::block::{self, BLOCK_ENTRIES, Entry};
use super::merge::{Merge, Source};
use super::run::Run;
use super::{Frozen, Index};
use crate::api::Sequence;
use crate::error::{ReadError, read_failed};
use crate::keys::{self, Saved};
use crate::read;

/// Bounds what opening reads again when few records have keys. Twice [`super::RECENT_MAX`], so that
/// it does not matter as long as most of them have one.
pub(super) const UNSAVED_RECORDS_MAX: u64 = 256 << 10;

/// So many neighbours of a size become one run.
const FAN_IN: usize = 4;

/// Runs of [`super::RECENT_MAX`] × 4³, eight million keys, are left as they are: a run goes only when
/// all of it is old.
const LEVEL_MAX: u32 = 3;

/// Three of each of three sizes, and those that come while others are merged.
const SMALL_RUNS_MAX: usize = 14;

/// Keys of the store removed in one step.
const REMOVED_AT_ONCE: usize = 4;

impl Index {
    pub(super) fn work(
        &mut self,
        tree: &Tree,
        last: Sequence,
        now_us: i64,
    ) -> Result<(), ReadError> {
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

    pub(super) fn finish_frozen(&mut self, tree: &Tree, now_us: i64) -> Result<(), ReadError> {
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
    pub(super) fn write_tail(&mut self, tree: &Tree, last: Sequence) -> Result<(), ReadError> {
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

    pub(super) fn drop_oldest(&mut self) -> bool {
        if self.runs.len() < 2 || self.merging.as_ref().is_some_and(|m| m.reads(self.runs[0].id)) {
            return false;
        }
        let run = self.runs.remove(0);
        self.garbage.push_back(run.id);
        true
    }
}
