//! Getting the index back at opening, or making it.

use sled::Tree;

use super::mark::short;
use super::{Index, RECENT_MAX, manifest, run};
use crate::api::Sequence;
use crate::error::{ReadError, read_failed};
use crate::keys;
use crate::read;

/// Records read between two steps of writing.
const WINDOW: u64 = 32 << 10;

impl Index {
    /// Reads the index of a store whose last sequence is `last`: the filters of its runs, and
    /// the marks of the records after them. Makes it, if there is none.
    pub(crate) fn load(tree: &Tree, last: Sequence, keep_days: u32) -> Result<Self, ReadError> {
        Self::load_with(tree, last, keep_days, RECENT_MAX)
    }

    /// Tests have less in memory.
    pub(super) fn load_with(
        tree: &Tree,
        last: Sequence,
        keep_days: u32,
        recent_max: usize,
    ) -> Result<Self, ReadError> {
        let new = || Self { recent_max, ..Self::new(keep_days) };
        let mut index = new();
        let found = tree.get(keys::DEDUP_MANIFEST).map_err(|e| read_failed("dedup", &e))?;
        match found {
            Some(value) => match index.load_saved(tree, &value, last) {
                Ok(()) => {}
                Err(error @ ReadError::Corrupt { stream: "dedup", .. }) => {
                    tracing::error!(%error, "the dedup index is damaged, and is built anew");
                    index = new();
                    index.start_anew(tree)?;
                }
                Err(other) => return Err(other),
            },
            None => index.start_anew(tree)?,
        }
        let from = index.saved_to() + 1;
        index.add_events(tree, from, last)?;
        Ok(index)
    }

    /// Makes the index from that of format 1, whose parts stay until the stamp has changed.
    pub(crate) fn from_v1(tree: &Tree, last: Sequence, keep_days: u32) -> Result<Self, ReadError> {
        let mut index = Self::new(keep_days);
        index.start_anew(tree)?;
        let mut before = 0;
        for item in tree.scan_prefix(keys::DEDUP_V1) {
            let (key, saved) = item.map_err(|e| read_failed("dedup", &e))?;
            let to = keys::dedup_v1_to(&key).filter(|to| *to <= last && saved.len() % 16 == 0);
            let Some(to) = to else {
                let detail = "the saved index after it does not fit the events".into();
                return Err(ReadError::Corrupt { stream: "dedup", at: before, detail });
            };
            for entry in saved.chunks_exact(16) {
                let (id, sequence) = entry.split_at(8);
                let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b));
                index.add_short(number(id), number(sequence));
            }
            index.save(tree, to, i64::MIN)?;
            before = to;
        }
        index.add_events(tree, before + 1, last)?;
        index.save_rest(tree, last)?;
        Ok(index)
    }

    /// Nothing is known: what there may be is garbage.
    fn start_anew(&mut self, tree: &Tree) -> Result<(), ReadError> {
        let mut from = 0;
        loop {
            let next = tree.get_gt(keys::saved_run(from)).map_err(|e| read_failed("dedup", &e))?;
            let run = next.and_then(|(key, _)| keys::saved_run_of(&key));
            // No run is ever given the last number, so one that has it is no run.
            let Some(run) = run.filter(|run| *run < u32::MAX) else { break };
            self.garbage.push_back(run);
            from = run + 1;
        }
        self.next_id = from.max(1);
        self.write_manifest(tree)
    }

    fn load_saved(&mut self, tree: &Tree, value: &[u8], last: Sequence) -> Result<(), ReadError> {
        let corrupt = |detail: &str| {
            Err(ReadError::Corrupt { stream: "dedup", at: 0, detail: detail.into() })
        };
        let Some(saved) = manifest::decode(value) else {
            return corrupt("the list of its runs is damaged");
        };
        (self.floor, self.next_id, self.tail) = (saved.floor, saved.next_id, saved.tail);
        (self.runs, self.garbage) = (saved.runs, saved.garbage.into());
        if self.saved_to() > last {
            return corrupt("its runs tell of more records than there are");
        }
        for run in &mut self.runs {
            run.load(tree)?;
        }
        let Some((tail, _)) = self.tail else { return Ok(()) };
        let mut after = None;
        while let Some(block) = run::next_block(tree, tail, after)? {
            after = block.first().map(|(short, _)| *short);
            block.into_iter().for_each(|(short, sequence)| self.add_short(short, sequence));
        }
        // They were worked for when they came: the first append is not to wait for it again.
        self.debt = 0;
        Ok(())
    }

    fn add_events(
        &mut self,
        tree: &Tree,
        mut from: Sequence,
        last: Sequence,
    ) -> Result<(), ReadError> {
        while from <= last {
            let to = last.min(from + WINDOW - 1);
            read::marks(tree, from, to, &mut |sequence, mark| {
                // The last chunk may go on past the window.
                if sequence <= to {
                    self.add_short(short(&mark.id), sequence);
                }
            })?;
            self.save(tree, to, i64::MIN)?;
            from = to + 1;
        }
        Ok(())
    }
}
