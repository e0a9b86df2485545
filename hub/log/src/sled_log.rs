//! The event log on sled: its face.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use sled::Tree;
use tokio::sync::oneshot;

use crate::api::{
    Batch, Committed, EventLog, Follower, Health, LogStats, NewRecord, PutValue, Record, Sequence,
    Table, Trimmed,
};
use crate::backup::{self, BackedUp, BackupSink};
use crate::builder::{Builder, Job, Prepared};
use crate::chain::{GENESIS, body_hash};
use crate::committer::{Committer, PANICKED};
use crate::dedup::{self, Index, Mark};
use crate::error::{AppendError, BackupError, OpenError, ReadError, VerifyError};
use crate::follow::SledFollower;
use crate::frame::STORED_BYTES_MAX;
use crate::host::{Host, Machine};
use crate::keys::Stream;
use crate::open::{self, Head, Opened};
use crate::options::LogOptions;
use crate::pipeline;
use crate::queue::{Queue, Refused};
use crate::read;
use crate::state::{Durable, State};
use crate::store::Store;
use crate::trim;
use crate::verify::{self, Verified};

const EVENT: &str = Stream::Events.noun();
const BLOB: &str = Stream::Blobs.noun();

/// Longest key of a table: with 17 in a page, far below what the store keeps in one.
const TABLE_KEY_BYTES_MAX: usize = 512;

/// The event log on sled 0.34. Dropping it closes it.
pub struct SledLog {
    options: LogOptions,
    host: Arc<dyn Host>,
    pub(crate) store: Arc<Store>,
    queue: Arc<Queue<Box<Job>>>,
    state: Arc<State>,
    index: Arc<Mutex<Index>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    found: Opened,
    /// Its end when it was opened.
    opened_at: Sequence,
}

impl std::fmt::Debug for SledLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledLog")
            .field("dir", &self.options.dir)
            .field("last", &self.last())
            .finish_non_exhaustive()
    }
}

impl SledLog {
    /// Opens the log in `options.dir`, or creates it there. Blocks: recovery takes 0.5 to 1.7 s
    /// for a million events when the files are cold.
    pub fn open(options: LogOptions) -> Result<Self, OpenError> {
        Self::open_on(options, |machine| Arc::new(machine))
    }

    pub(crate) fn open_on(
        options: LogOptions,
        host: impl FnOnce(Machine) -> Arc<dyn Host>,
    ) -> Result<Self, OpenError> {
        options.check()?;
        let open::Parts { db, machine, head, index, found } = open::open(&options)?;
        let opened_at = head.last;
        let index = Arc::new(Mutex::new(index));
        let host = host(machine);
        let durable = Durable { last: head.last, blob_last: head.blob_last, closed: false };
        let state = Arc::new(State::new(durable));
        let queue = Arc::new(Queue::new(options.queue_batches_max, options.queue_bytes_max));
        let tree = sled::Tree::clone(&db);
        let builder = Builder {
            tree: tree.clone(),
            host: host.clone(),
            state: state.clone(),
            free_bytes_reserve: options.free_bytes_reserve,
            index: index.clone(),
            head,
        };
        let committer = Committer { tree, host: host.clone(), state: state.clone() };
        let threads = pipeline::start("log-writer", &queue, builder, committer).map_err(|e| {
            let doing = "start the writer of the log in";
            OpenError::Io { doing, path: options.dir.clone(), source: e }
        })?;
        let store = Arc::new(Store::new(db));
        let threads = Mutex::new(threads);
        Ok(Self { options, host, store, queue, state, index, threads, found, opened_at })
    }

    /// What the opening found and did.
    pub fn opened(&self) -> &Opened {
        &self.found
    }

    /// At the end, when there is no writer any more. Acknowledged records do not depend on it:
    /// without it the next opening takes longer, and looks closer.
    fn end_cleanly(&self) -> Result<(), ReadError> {
        if self.health() != Health::Ready {
            return Ok(());
        }
        let dir = &self.options.dir;
        self.store.read("the end", self.last(), |tree| {
            self.index().save_rest(tree, self.last())?;
            let Durable { last, blob_last, .. } = self.state.durable();
            let record = read::one(tree, last, last)?;
            let (last_hash, recorded_us) =
                record.map_or((GENESIS, 0), |record| (record.hash, record.recorded_us));
            let head = Head { last, last_hash, recorded_us, blob_last };
            open::note_closed(tree, &*self.host, dir, &head)
                .map_err(|e| ReadError::Io { what: "the end", detail: e.to_string() })
        })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The size of a batch as the queue counts it, or what of it is too large.
    fn weigh(&self, batch: &Batch) -> Result<usize, AppendError> {
        const EACH: usize = 64;
        let mut total = EACH;
        let mut add = |what: &'static str, bytes: usize, bytes_max: usize| {
            total += bytes + EACH;
            if bytes > bytes_max {
                return Err(AppendError::TooLarge { what, bytes, bytes_max });
            }
            Ok(())
        };
        for record in &batch.records {
            add("a record", record.body.len(), self.options.record_bytes_max)?;
        }
        if let Some(blob) = &batch.blob {
            add("a blob", blob.len(), self.options.blob_bytes_max)?;
        }
        for put in &batch.puts {
            add("a table's key", put.key.len(), TABLE_KEY_BYTES_MAX)?;
            if let PutValue::Bytes(value) = &put.value {
                add("a table's value", value.len(), STORED_BYTES_MAX)?;
            }
        }
        let bytes_max = self.options.batch_bytes_max;
        match total > bytes_max {
            true => Err(AppendError::TooLarge { what: "a batch", bytes: total, bytes_max }),
            false => Ok(total),
        }
    }

    fn submit(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<crate::builder::Answer>, AppendError> {
        let bytes = self.weigh(&batch)?;
        if let Some(failure) = self.state.failure() {
            return Err(failure.into());
        }
        let prepare = |record: &NewRecord| Prepared {
            body_hash: body_hash(&record.body),
            mark: record.dedup.as_ref().map(Mark::of),
        };
        let prepared = batch.records.iter().map(prepare).collect();
        let (reply, answer) = oneshot::channel();
        match self.queue.push(Box::new(Job { batch, prepared, bytes, reply })) {
            Ok(()) => Ok(answer),
            Err(Refused::Full) => {
                Err(AppendError::Busy { retry_after_ms: self.state.retry_after_ms() })
            }
            Err(Refused::Closed) => {
                Err(self.state.failure().map_or(AppendError::Closed, Into::into))
            }
        }
    }
}

impl EventLog for SledLog {
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, AppendError>> {
        let answer = match self.submit(batch) {
            Ok(answer) => answer,
            Err(error) => return ready(Err(error)).boxed(),
        };
        let state = self.state.clone();
        async move {
            // Dropped unanswered only when a writer thread panicked, perhaps before that thread
            // could say so: whether the batch is on disk is unknown.
            let lost = |_| Err(state.fail(PANICKED.into()).into());
            answer.await.unwrap_or_else(lost)
        }
        .boxed()
    }

    fn last(&self) -> Sequence {
        self.state.durable().last
    }

    fn read(&self, from: Sequence, records_max: usize) -> Result<Vec<Record>, ReadError> {
        let last = self.last();
        self.store.read(EVENT, from, |tree| read::forward(tree, from, last, records_max))
    }

    fn read_back(&self, to: Sequence, records_max: usize) -> Result<Vec<Record>, ReadError> {
        let last = self.last();
        self.store.read(EVENT, to.min(last), |tree| read::backward(tree, to, last, records_max))
    }

    fn get(&self, sequence: Sequence) -> Result<Option<Record>, ReadError> {
        let last = self.last();
        self.store.read(EVENT, sequence, |tree| read::one(tree, sequence, last))
    }

    fn blob(&self, id: u64) -> Result<Option<Bytes>, ReadError> {
        let last = self.state.durable().blob_last;
        self.store.read(BLOB, id, |tree| trim::blob(tree, id, last))
    }

    fn follow(&self, after: Sequence) -> Follower {
        let (store, durable) = (self.store.clone(), self.state.watch());
        Box::new(SledFollower { store, durable, position: after })
    }

    fn table_get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        self.store.read("table", 0, |tree| read::table_get(tree, table, key))
    }

    fn table_scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        entries_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, ReadError> {
        self.store
            .read("table", 0, |tree| read::table_scan(tree, table, prefix, after, entries_max))
    }

    fn verify(
        &self,
        from: Sequence,
        progress: &mut dyn FnMut(Sequence),
    ) -> Result<Verified, VerifyError> {
        let (last, mut good) = (self.last(), from.max(1));
        let mut told = |sequence| {
            good = sequence + 1;
            progress(sequence);
        };
        let walk = |tree: &Tree| verify::verify(tree, from, last, &mut told);
        match self.store.read(EVENT, 0, walk) {
            // The store's own checks failed, at a place it cannot name: after what is good.
            Err(VerifyError::Read(ReadError::Corrupt { stream, at: 0, detail }))
                if stream == EVENT =>
            {
                Err(VerifyError::Broken { sequence: good, detail })
            }
            other => other,
        }
    }

    fn forget_dedup_before(&self, before_us: i64) -> Result<u64, ReadError> {
        let cutoff_us = dedup::cutoff_us(before_us, self.host.now_us(), self.options.dedup_days);
        let last = self.last();
        self.store.read("dedup", 0, |tree| {
            let before = read::first_since(tree, cutoff_us, last)?;
            self.index().forget(tree, before)
        })
    }

    fn trim_blobs(&self, before_us: i64, keep: &[u64]) -> Result<Trimmed, ReadError> {
        let Durable { last, blob_last, .. } = self.state.durable();
        self.store.read(BLOB, 0, |tree| trim::trim(tree, before_us, keep, last, blob_last))
    }

    fn backup(&self, sink: &mut dyn BackupSink) -> Result<BackedUp, BackupError> {
        // Whoever holds the index holds the writer: between two groups, never within one.
        let moment = {
            let _writer_waits = self.index();
            self.store.read("the end", self.last(), backup::capture)?
        };
        backup::wait_durable(&self.state, &moment)?;
        self.store.read("the log", 0, |tree| backup::write(tree, moment, sink))
    }

    fn stats(&self) -> LogStats {
        let Durable { last, blob_last, .. } = self.state.durable();
        let (dedup_keys, dedup_memory_bytes) = {
            let index = self.index();
            (index.keys(), index.memory_bytes())
        };
        let queue = self.queue.load();
        LogStats {
            last,
            blob_first: self.store.read(BLOB, 0, trim::trimmed_below).map_or(0, |at| at.max(1)),
            blob_last,
            disk_bytes: self.store.disk_bytes(),
            dedup_keys,
            dedup_memory_bytes,
            queue_batches: queue.jobs as u64,
            queue_bytes: queue.bytes as u64,
            appended_total: last - self.opened_at,
            groups_total: self.state.groups(),
            syncs_total: self.state.syncs(),
            last_sync_us: self.state.last_sync_us(),
        }
    }

    fn health(&self) -> Health {
        if self.state.durable().closed {
            return Health::Closed;
        }
        if let Some(failure) = self.state.failure() {
            return Health::Failed { reason: failure.0 };
        }
        let reserve_bytes = self.options.free_bytes_reserve;
        match self.host.space() {
            Ok(space) if space.read_only => Health::ReadOnly,
            Ok(space) if space.free_bytes < reserve_bytes => {
                Health::Full { free_bytes: space.free_bytes, reserve_bytes }
            }
            Ok(_) => Health::Ready,
            Err(e) => Health::Failed { reason: format!("its disk does not answer: {e}") },
        }
    }

    fn close(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue.close();
        for thread in threads.drain(..) {
            // The threads catch their own panics and record them as a failure.
            let _ended = thread.join();
        }
        if !self.state.durable().closed {
            if let Err(error) = self.end_cleanly() {
                tracing::warn!(%error, "no clean end was noted; the next opening checks more");
            }
            self.state.close();
            self.store.close();
            open::forget_holder(&self.options.dir);
        }
    }
}

impl Drop for SledLog {
    fn drop(&mut self) {
        self.close();
    }
}
