//! The way in: records to documents to commits.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tantivy::indexer::{IndexWriterOptions, NoMergePolicy};
use tantivy::{IndexWriter, TantivyDocument};

use crate::entry::Entry;
use crate::error::{IndexError, engine, io as io_error};
use crate::merge::merge_if_due;
use crate::shared::{PAGE_RECORDS, Shared, locked};
use crate::store::{Fields, payload};

/// How long a writer waits for another's merge to end.
const MERGE_WAIT: Duration = Duration::from_secs(10);

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is more to take in.
    More,
    /// Nothing, until something is appended, or until this time to commit.
    Wait(Option<Instant>),
}

/// The one writer.
#[derive(Default)]
pub(crate) struct Builder {
    writer: Option<IndexWriter>,
    /// The last event given to the writer, and its hash.
    added: u64,
    hash: hub_log::Hash,
    uncommitted: usize,
    bytes: usize,
    /// When the first event came that is not committed.
    since: Option<Instant>,
}

impl Builder {
    /// The last event that it has taken in.
    pub(crate) fn added(&self) -> u64 {
        self.added
    }

    /// Takes in a page of records, and commits when it is time. After an error, the next call
    /// starts again from the last commit.
    pub(crate) fn step(&mut self, shared: &Arc<Shared>) -> Result<Next, IndexError> {
        let next = self.try_step(shared);
        if next.is_err() {
            self.abandon();
        }
        next
    }

    /// Commits what was taken in, if anything was.
    pub(crate) fn commit(&mut self, shared: &Arc<Shared>) -> Result<(), IndexError> {
        let done = self.try_commit(shared);
        if done.is_err() {
            self.abandon();
        }
        done
    }

    /// Starts a merge if one is due.
    pub(crate) fn merge(&mut self, shared: &Arc<Shared>) -> Result<bool, IndexError> {
        self.writer.as_mut().map_or(Ok(false), |writer| merge_if_due(shared, writer))
    }

    /// Lets go of the writer, and of what it has not committed.
    pub(crate) fn abandon(&mut self) {
        *self = Self::default();
    }

    fn open(&mut self, shared: &Arc<Shared>) -> Result<(), IndexError> {
        if self.writer.is_some() {
            return Ok(());
        }
        check_space(shared)?;
        if !shared.settled(MERGE_WAIT) {
            return Err(engine("go on")("a merge of the last attempt has not ended"));
        }
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(shared.options.heap_bytes)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter =
            shared.store.index.writer_with_options(options).map_err(engine("start its writer"))?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        // The last commit may have been made without its maker being told.
        shared.publish(|| shared.store.committed())?;
        let position = *shared.position.borrow();
        *self = Self { writer: Some(writer), added: position, ..Self::default() };
        Ok(())
    }

    fn try_step(&mut self, shared: &Arc<Shared>) -> Result<Next, IndexError> {
        self.open(shared)?;
        let options = &shared.options;
        let due = self.since.map(|since| since + options.commit_after);
        if self.uncommitted >= options.commit_events
            || self.bytes >= options.tail_bytes_max / 4
            || due.is_some_and(|due| due <= Instant::now())
        {
            self.try_commit(shared)?;
        }
        let mut state = locked(&shared.state);
        if state.tail.end() <= self.added {
            shared.take_in(&mut state, PAGE_RECORDS)?;
        }
        let chunks = state.tail.after(self.added, PAGE_RECORDS);
        drop(state);
        let Some(writer) = &self.writer else { return Ok(Next::More) };
        for (sequence, entry) in chunks.iter().flat_map(|c| c.within(self.added + 1, u64::MAX)) {
            if entry.found {
                let document = document(sequence, entry, &shared.store.fields);
                writer.add_document(document).map_err(engine("add an event"))?;
            }
            self.uncommitted += 1;
            self.bytes += entry.size();
        }
        let end = chunks.last().and_then(|chunk| Some((chunk.last(), chunk.entries.last()?.hash)));
        let Some((last, hash)) = end.filter(|(last, _)| *last > self.added) else {
            return Ok(Next::Wait(self.since.map(|since| since + options.commit_after)));
        };
        (self.added, self.hash) = (last, hash);
        self.since.get_or_insert_with(Instant::now);
        Ok(Next::More)
    }

    fn try_commit(&mut self, shared: &Arc<Shared>) -> Result<(), IndexError> {
        let Some(writer) = self.writer.as_mut().filter(|_| self.uncommitted > 0) else {
            return Ok(());
        };
        check_space(shared)?;
        let (added, hash) = (self.added, self.hash);
        shared.publish(|| {
            let mut commit = writer.prepare_commit().map_err(engine("prepare a commit"))?;
            commit.set_payload(&payload(shared.extract.version(), added, &hash));
            commit.commit().map_err(engine("commit"))?;
            Ok(added)
        })?;
        (self.uncommitted, self.bytes, self.since) = (0, 0, None);
        merge_if_due(shared, writer)?;
        Ok(())
    }
}

fn document(sequence: u64, entry: &Entry, fields: &Fields) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    document.add_u64(fields.sequence, sequence);
    document.add_i64(fields.time, entry.time_ms);
    for term in entry.terms() {
        document.add_bytes(fields.terms, term);
    }
    document
}

/// What is left of the disk is for the log.
fn check_space(shared: &Shared) -> Result<(), IndexError> {
    let reserve_bytes = shared.options.free_bytes_reserve;
    let dir = &shared.store.dir;
    let stat = rustix::fs::statvfs(dir)
        .map_err(|error| io_error("read the free space of", dir)(io::Error::from(error)))?;
    let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free_bytes < reserve_bytes {
        return Err(IndexError::Full { free_bytes, reserve_bytes });
    }
    Ok(())
}
