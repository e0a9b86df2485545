//! A run: the sorted, unchanging index of a stretch of the stream.

use sled::Tree;

use super::block::{self, Entry, Filter};
use crate::api::Sequence;
use crate::error::{ReadError, read_failed};
use crate::keys::{self, Saved};

/// See the module. Its blocks are in the store, its filters here too.
pub(super) struct Run {
    pub(super) id: u32,
    /// The records it is about, those without a key included.
    pub(super) from: Sequence,
    pub(super) to: Sequence,
    pub(super) entries: u64,
    pub(super) stretches: Vec<Stretch>,
}

/// Part of a run, by what comes first in the ids.
pub(super) struct Stretch {
    pub(super) first: u64,
    /// Without one, everything may be there.
    pub(super) filter: Option<Filter>,
}

impl Run {
    /// Reads the filters of a run the manifest tells of.
    pub(super) fn load(&mut self, tree: &Tree) -> Result<(), ReadError> {
        for item in tree.scan_prefix(keys::saved_kind(self.id, Saved::Filter)) {
            let (key, value) = item.map_err(|e| read_failed("dedup", &e))?;
            let first = keys::saved_short(&key).ok_or_else(|| damaged(self.id, 0))?;
            let filter = match value.is_empty() {
                true => None,
                false => Some(Filter::decode(&key, &value).ok_or_else(|| damaged(self.id, first))?),
            };
            self.stretches.push(Stretch { first, filter });
        }
        match self.stretches.is_empty() && self.entries > 0 {
            true => Err(damaged(self.id, 0)),
            false => Ok(()),
        }
    }

    pub(super) fn find(
        &self,
        tree: &Tree,
        short: u64,
        found: &mut Vec<Sequence>,
    ) -> Result<(), ReadError> {
        let after = self.stretches.partition_point(|stretch| stretch.first <= short);
        let Some(stretch) = after.checked_sub(1).map(|at| &self.stretches[at]) else {
            return Ok(());
        };
        if stretch.filter.as_ref().is_some_and(|filter| !filter.may_hold(short)) {
            return Ok(());
        }
        let mut past = keys::saved(self.id, Saved::Block, short).to_vec();
        past.push(0);
        let block = tree.get_lt(past).map_err(|e| read_failed("dedup", &e))?;
        let block =
            block.filter(|(key, _)| key.starts_with(&keys::saved_kind(self.id, Saved::Block)));
        let (key, value) = block.ok_or_else(|| damaged(self.id, short))?;
        let entries = block::decode(&key, &value).ok_or_else(|| damaged(self.id, short))?;
        find_in(&entries, short, found);
        Ok(())
    }

    /// What its filters take.
    pub(super) fn bytes(&self) -> usize {
        let filter = |stretch: &Stretch| stretch.filter.as_ref().map_or(0, Filter::bytes);
        self.stretches.iter().map(|stretch| filter(stretch) + size_of::<Stretch>()).sum()
    }
}

/// Looks through sorted entries.
pub(super) fn find_in(entries: &[Entry], short: u64, found: &mut Vec<Sequence>) {
    let from = entries.partition_point(|(other, _)| *other < short);
    let same = entries[from..].iter().take_while(|(other, _)| *other == short);
    found.extend(same.map(|(_, sequence)| *sequence));
}

/// The block of a run after the one that starts with `after`, or the first.
pub(super) fn next_block(
    tree: &Tree,
    id: u32,
    after: Option<u64>,
) -> Result<Option<Vec<Entry>>, ReadError> {
    let prefix = keys::saved_kind(id, Saved::Block);
    let next = match after {
        Some(short) => tree.get_gt(keys::saved(id, Saved::Block, short)),
        None => tree.get_gt(prefix),
    };
    let next = next.map_err(|e| read_failed("dedup", &e))?;
    let Some((key, value)) = next.filter(|(key, _)| key.starts_with(&prefix)) else {
        return Ok(None);
    };
    let block = block::decode(&key, &value).filter(|block| !block.is_empty());
    block.map(Some).ok_or_else(|| damaged(id, after.unwrap_or(0)))
}

pub(super) fn damaged(id: u32, short: u64) -> ReadError {
    let detail = format!(
        "run {id} of the saved index is damaged near {short:016x}; the next opening builds the \
         index anew from the events"
    );
    ReadError::Corrupt { stream: "dedup", at: u64::from(id), detail }
}
