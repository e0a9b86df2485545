//! The newest keys, in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::block::Entry;
use crate::api::Sequence;

/// See the module.
#[derive(Default)]
pub(super) struct Recent {
    first: HashMap<u64, Sequence>,
    /// Those whose eight bytes another id had first.
    others: Vec<Entry>,
}

impl Recent {
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.others.len()
    }

    /// Its table's memory: 17 bytes a slot, of which seven in eight are used at most.
    pub(super) fn bytes(&self) -> usize {
        self.first.capacity() / 7 * 8 * 17
    }

    pub(super) fn add(&mut self, short: u64, sequence: Sequence) {
        match self.first.entry(short) {
            Slot::Vacant(free) => {
                free.insert(sequence);
            }
            Slot::Occupied(_) => self.others.push((short, sequence)),
        }
    }

    pub(super) fn find(&self, short: u64, found: &mut Vec<Sequence>) {
        if let Some(sequence) = self.first.get(&short) {
            found.push(*sequence);
            let others = self.others.iter().filter(|(other, _)| *other == short);
            found.extend(others.map(|(_, sequence)| *sequence));
        }
    }

    /// Forgets what is before this record; says how many.
    pub(super) fn forget(&mut self, before: Sequence) -> usize {
        let had = self.len();
        let mut all = self.sorted();
        all.retain(|(_, sequence)| *sequence >= before);
        if all.len() < had {
            (self.first, self.others) = Default::default();
            all.iter().for_each(|(short, sequence)| self.add(*short, *sequence));
        }
        had - self.len()
    }

    /// Everything in it, as a run has it.
    pub(super) fn sorted(&self) -> Vec<Entry> {
        let first = self.first.iter().map(|(short, sequence)| (*short, *sequence));
        let mut all: Vec<_> = first.chain(self.others.iter().copied()).collect();
        all.sort_unstable();
        all
    }
}
