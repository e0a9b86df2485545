//! Whose flow it is, by all events so far: not committed yet, remembered, or in the index.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use lru::LruCache;

use crate::error::IndexError;
use crate::snapshot::Snapshot;

/// Bounded: what it forgets is looked up again.
pub(crate) struct Owners {
    /// Owners that no commit has, and the sequence of the event that says so.
    pending: HashMap<String, (String, u64)>,
    /// Also that a flow has none so far.
    known: LruCache<String, Option<String>>,
}

impl Owners {
    pub(crate) fn new(owners_max: usize) -> Self {
        let max = NonZeroUsize::new(owners_max).unwrap_or(NonZeroUsize::MIN);
        Self { pending: HashMap::new(), known: LruCache::new(max) }
    }

    pub(crate) fn owner(
        &mut self,
        flow: &str,
        committed: &Snapshot,
    ) -> Result<Option<String>, IndexError> {
        if let Some((owner, _)) = self.pending.get(flow) {
            return Ok(Some(owner.clone()));
        }
        if let Some(known) = self.known.get(flow) {
            return Ok(known.clone());
        }
        let found = committed.owner(flow)?;
        self.known.put(flow.to_owned(), found.clone());
        Ok(found)
    }

    /// The event at `sequence` is the first to tie `flow` to an owner.
    pub(crate) fn tie(&mut self, flow: &str, owner: &str, sequence: u64) {
        self.pending.insert(flow.to_owned(), (owner.to_owned(), sequence));
        self.known.put(flow.to_owned(), Some(owner.to_owned()));
    }

    /// A commit has what this flow's event at `sequence` says.
    pub(crate) fn committed(&mut self, flow: &str, sequence: u64) {
        if self.pending.get(flow).is_some_and(|(_, at)| *at == sequence) {
            self.pending.remove(flow);
        }
    }
}
