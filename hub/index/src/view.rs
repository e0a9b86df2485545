//! The index as of one moment, together with what the log has beyond it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::IndexError;
use crate::part::Wanted;
use crate::plan::Need;
use crate::question::{Order, Question};
use crate::snapshot::Snapshot;
use crate::tail::Chunk;
use crate::terms;

/// Every event up to [`View::last`], without a hole, whatever is appended meanwhile.
///
/// Holds files and memory of its moment: for one question or a few, not for long.
pub struct View {
    pub(crate) committed: Arc<Snapshot>,
    pub(crate) tail: Vec<Arc<Chunk>>,
    pub(crate) last: u64,
}

impl View {
    /// The last event that comes from the index; the ones after come from the log.
    pub fn position(&self) -> u64 {
        self.committed.position
    }

    /// The last event that questions to this view can find.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The sequences of the events asked for, in the order asked for. Fewer than the limit means
    /// that there are no more.
    ///
    /// Reads memory-mapped files: microseconds to milliseconds when they are cached, so it
    /// belongs on a blocking thread.
    pub fn search(&self, question: &Question) -> Result<Vec<u64>, IndexError> {
        let mut found = Vec::new();
        let Some((low, high)) = question.bounds(self.last).filter(|_| question.limit > 0) else {
            return Ok(found);
        };
        let need = Need::all(&question.all);
        let wanted = Wanted {
            need: &need,
            times: question.times(),
            bounds: (low, high.min(self.position())),
            order: question.order,
            limit: question.limit,
        };
        let tail = (low.max(self.position() + 1), high);
        match question.order {
            Order::NewestFirst => {
                self.search_tail(&wanted, tail, &mut found);
                self.search_committed(&wanted, &mut found)?;
            }
            Order::OldestFirst => {
                self.search_committed(&wanted, &mut found)?;
                self.search_tail(&wanted, tail, &mut found);
            }
        }
        Ok(found)
    }

    fn search_committed(
        &self,
        wanted: &Wanted<'_>,
        found: &mut Vec<u64>,
    ) -> Result<(), IndexError> {
        if found.len() < wanted.limit && wanted.bounds.0 <= wanted.bounds.1 {
            self.committed.search(wanted, found)?;
        }
        Ok(())
    }

    fn search_tail(&self, wanted: &Wanted<'_>, (low, high): (u64, u64), found: &mut Vec<u64>) {
        let left = wanted.limit.saturating_sub(found.len());
        let within = self.tail.iter().filter(|chunk| chunk.first <= high && chunk.last() >= low);
        let entries = within.flat_map(|chunk| chunk.within(low, high));
        let matches = entries
            .filter(|(_, entry)| entry.matches(wanted.need, wanted.times))
            .map(|(sequence, _)| sequence);
        match wanted.order {
            Order::NewestFirst => found.extend(matches.rev().take(left)),
            Order::OldestFirst => found.extend(matches.take(left)),
        }
    }

    /// How many events have each value of a tag. Costs by the number of values, not of events.
    pub fn counts(&self, name: &str) -> Result<BTreeMap<String, u64>, IndexError> {
        let mut counts = BTreeMap::new();
        self.committed.count(name, &mut counts)?;
        let key = terms::key(name);
        let low = self.position() + 1;
        for (_, entry) in self.tail.iter().flat_map(|chunk| chunk.within(low, self.last)) {
            for value in entry.terms().filter_map(|term| term.strip_prefix(key.as_slice())) {
                *counts.entry(String::from_utf8_lossy(value).into_owned()).or_default() += 1;
            }
        }
        Ok(counts)
    }
}
