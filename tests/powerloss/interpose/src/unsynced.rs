//! What Linux does with pages that a failed sync was to write: they stay as they are, count as
//! clean, and no later sync writes them. Only when they are dropped from the cache
//! (posix_fadvise with DONTNEED) does a reader see again what the disk holds.
//!
//! So what each write covers is kept until a sync has written it.

use std::collections::BTreeMap;

struct Covered {
    id: u32,
    at: u64,
    before: Vec<u8>,
    /// A sync of it failed.
    lost: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Unsynced {
    writes: BTreeMap<u64, Covered>,
    count: u64,
    /// Syncs under way, and the writes they cover.
    syncs: BTreeMap<u64, u64>,
}

impl Unsynced {
    pub(crate) fn wrote(&mut self, id: u32, at: u64, before: Vec<u8>) {
        self.count += 1;
        self.writes.insert(self.count, Covered { id, at, before, lost: false });
    }

    pub(crate) fn sync_began(&mut self, number: u64) {
        self.syncs.insert(number, self.count);
    }

    pub(crate) fn sync_ended(&mut self, number: u64, id: u32, ok: bool) {
        let Some(to) = self.syncs.remove(&number) else { return };
        for (_, write) in self.writes.range_mut(..=to).filter(|(_, write)| write.id == id) {
            write.lost |= !ok;
        }
        self.writes.retain(|n, write| write.id != id || *n > to || write.lost);
    }

    /// What dropping a file's pages brings to light: offsets and content, to be written in
    /// this order.
    pub(crate) fn dropped(&mut self, id: u32) -> Vec<(u64, Vec<u8>)> {
        let is_lost = |write: &Covered| write.id == id && write.lost;
        let lost: Vec<u64> =
            self.writes.iter().rev().filter(|(_, w)| is_lost(w)).map(|(n, _)| *n).collect();
        lost.iter().filter_map(|n| self.writes.remove(n)).map(|w| (w.at, w.before)).collect()
    }
}
