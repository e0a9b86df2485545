//! What the log has and the index has not committed: extracted once, in order, and searched as
//! it is. Whoever needs it first takes it in, the indexing thread or a question.

use std::collections::VecDeque;
use std::sync::Arc;

use hub_log::{EventLog, Record};

use crate::doc::Extract;
use crate::entry::{Entry, owner_of};
use crate::error::IndexError;
use crate::owners::Owners;
use crate::snapshot::Snapshot;

/// Entries of one chunk, at most.
const CHUNK_ENTRIES: usize = 512;

/// Adjacent entries.
pub(crate) struct Chunk {
    pub(crate) first: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Chunk {
    pub(crate) fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// The entries within the bounds, ascending.
    pub(crate) fn within(
        &self,
        low: u64,
        high: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        let at = |sequence: u64| {
            let offset = sequence.saturating_sub(self.first);
            usize::try_from(offset).unwrap_or(usize::MAX).min(self.entries.len())
        };
        let start = at(low);
        let end = at(high.saturating_add(1)).max(start);
        let first = self.first + start as u64;
        let entries = self.entries[start..end].iter().enumerate();
        entries.map(move |(offset, entry)| (first + offset as u64, entry))
    }
}

/// The entries after the last commit, without a hole.
pub(crate) struct Tail {
    chunks: VecDeque<Arc<Chunk>>,
    /// The last sequence in it, or committed.
    end: u64,
    bytes: usize,
    pub(crate) owners: Owners,
}

impl Tail {
    pub(crate) fn new(position: u64, owners_max: usize) -> Self {
        Self { chunks: VecDeque::new(), end: position, bytes: 0, owners: Owners::new(owners_max) }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in some of the records after its end; false if there are none.
    pub(crate) fn extend(
        &mut self,
        log: &dyn EventLog,
        extract: &dyn Extract,
        committed: &Snapshot,
        records_max: usize,
    ) -> Result<bool, IndexError> {
        let records = log.read(self.end + 1, records_max)?;
        for record in &records {
            self.take(record, extract, committed)?;
        }
        Ok(!records.is_empty())
    }

    fn take(
        &mut self,
        record: &Record,
        extract: &dyn Extract,
        committed: &Snapshot,
    ) -> Result<(), IndexError> {
        let mut failed = None;
        let owners = &mut self.owners;
        let doc = extract.extract(record, &mut |flow| match owners.owner(flow, committed) {
            Ok(owner) => owner,
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let mut owned: Vec<String> = Vec::new();
        if let Some(doc) = &doc
            && let Some(owner) = owner_of(doc)
        {
            for flow in &doc.owns {
                if self.owners.owner(flow, committed)?.is_none() {
                    self.owners.tie(flow, owner, record.sequence);
                    owned.push(flow.clone());
                }
            }
        }
        self.push(record.sequence, Entry::new(record, doc.as_ref(), owned));
        Ok(())
    }

    fn push(&mut self, sequence: u64, entry: Entry) {
        self.bytes += entry.size();
        self.end = sequence;
        // A chunk that a view holds is left alone: the entry begins another.
        if let Some(chunk) = self.chunks.back_mut().and_then(Arc::get_mut)
            && chunk.entries.len() < CHUNK_ENTRIES
        {
            chunk.entries.push(entry);
            return;
        }
        self.chunks.push_back(Arc::new(Chunk { first: sequence, entries: vec![entry] }));
    }

    /// All of it, as it is now.
    pub(crate) fn chunks(&self) -> Vec<Arc<Chunk>> {
        self.chunks.iter().cloned().collect()
    }

    /// The chunks that have something after this sequence, at most so many entries of them.
    pub(crate) fn after(&self, sequence: u64, entries_max: usize) -> Vec<Arc<Chunk>> {
        let start = self.chunks.partition_point(|chunk| chunk.last() <= sequence);
        let mut count = 0;
        let chunks = self.chunks.iter().skip(start).take_while(|chunk| {
            let wanted = count < entries_max;
            count += chunk.entries.len();
            wanted
        });
        chunks.cloned().collect()
    }

    /// Forgets what is committed now.
    pub(crate) fn release(&mut self, position: u64) {
        while let Some(chunk) = self.chunks.front().filter(|chunk| chunk.first <= position) {
            if chunk.last() > position {
                // The commit ended within it, as it still grew. It stays until all of it is
                // committed; a view skips what its index has.
                break;
            }
            let chunk = self.chunks.pop_front();
            for (sequence, entry) in chunk.iter().flat_map(|chunk| chunk.within(0, u64::MAX)) {
                self.bytes = self.bytes.saturating_sub(entry.size());
                for flow in &entry.owned {
                    self.owners.committed(flow, sequence);
                }
            }
        }
    }
}
