//! A record's terms, sorted: what goes into the index, and what the tail is searched by.

use hub_log::{Hash, Record};

use crate::doc::{Doc, OWNER};
use crate::plan::Need;
use crate::question::Times;
use crate::terms;

/// One record, extracted.
pub(crate) struct Entry {
    pub(crate) hash: Hash,
    pub(crate) time_ms: i64,
    /// False for a record that no question may find.
    pub(crate) found: bool,
    /// Flows this entry was the first to tie to an owner.
    pub(crate) owned: Box<[String]>,
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Entry {
    /// `owned` are the flows of the document that had no owner before.
    pub(crate) fn new(record: &Record, doc: Option<&Doc>, owned: Vec<String>) -> Self {
        let mut all: Vec<Vec<u8>> = Vec::new();
        if let Some(doc) = doc {
            all.extend(doc.tags.iter().map(|(name, value)| terms::tag(name, value)));
            all.extend(terms::words(&doc.text).map(|word| terms::word(&word)));
            let owner = owner_of(doc).unwrap_or_default();
            all.extend(owned.iter().filter_map(|flow| terms::owned(flow, owner)));
        }
        all.sort_unstable();
        all.dedup();
        let mut at = 0;
        // A record has at most a few megabytes, so its terms are far below 4 GiB.
        let ends = all.iter().map(|term| {
            at += u32::try_from(term.len()).unwrap_or(u32::MAX);
            at
        });
        Self {
            hash: record.hash,
            time_ms: doc.map_or(0, |doc| doc.time_ms),
            found: doc.is_some(),
            ends: ends.collect(),
            bytes: all.concat().into(),
            owned: owned.into(),
        }
    }

    /// About what it takes in memory.
    pub(crate) fn size(&self) -> usize {
        let owned: usize = self.owned.iter().map(|flow| flow.len() + size_of::<String>()).sum();
        size_of::<Self>() + self.bytes.len() + self.ends.len() * size_of::<u32>() + owned
    }

    fn term(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    pub(crate) fn terms(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| self.term(at))
    }

    /// The first term that is not below `bound`.
    fn at_least(&self, bound: &[u8]) -> Option<&[u8]> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.term(middle) < bound { low = middle + 1 } else { high = middle }
        }
        (low < self.ends.len()).then(|| self.term(low))
    }

    pub(crate) fn matches(&self, need: &Need, times: Times) -> bool {
        self.found && times.has(self.time_ms) && self.meets(need)
    }

    fn meets(&self, need: &Need) -> bool {
        match need {
            Need::Term(term) => self.at_least(term) == Some(term),
            Need::Prefix(prefix) => self.at_least(prefix).is_some_and(|t| t.starts_with(prefix)),
            Need::Any(needs) => needs.iter().any(|need| self.meets(need)),
            Need::All(needs) => needs.iter().all(|need| self.meets(need)),
        }
    }
}

/// Whose document it is.
pub(crate) fn owner_of(doc: &Doc) -> Option<&str> {
    doc.tags.iter().find(|(name, _)| *name == OWNER).map(|(_, value)| value.as_str())
}
