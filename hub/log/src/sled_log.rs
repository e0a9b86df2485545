//! The event log on sled: its face.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::oneshot;

use crate::api::{
    Batch, Committed, EventLog, Follower, Health, NewRecord, PutValue, Record, Sequence, Table,
};
use crate::builder::{Builder, Job, Prepared};
use crate::chain::body_hash;
use crate::committer::Committer;
use crate::dedup::{self, Index, Mark};
use crate::error::{AppendError, OpenError, ReadError, VerifyError, read_failed};
use crate::follow::SledFollower;
use crate::frame::STORED_BYTES_MAX;
use crate::host::{Host, Machine};
use crate::open;
use crate::options::LogOptions;
use crate::pipeline;
use crate::queue::{Queue, Refused};
use crate::read;
use crate::state::{Durable, State};
use crate::store::Store;
use crate::verify::{self, Verified};

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
        let open::Opened { db, machine, head, index } = open::open(&options)?;
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
        Ok(Self { options, host, store, queue, state, index, threads: Mutex::new(threads) })
    }

    /// At the end, when there is no writer any more. Nothing depends on it but the time the next
    /// opening takes, so it is left out where it could do harm.
    fn save_index(&self) -> Result<(), ReadError> {
        if self.health() != Health::Ready {
            return Ok(());
        }
        let tree = self.store.tree()?;
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in index.save_rest(self.last()) {
            tree.insert(key, value).map_err(|e| read_failed("dedup", &e))?;
        }
        Ok(())
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
            // Dropped unanswered only when a writer thread panicked.
            let lost = || state.failure().map_or(AppendError::Closed, Into::into);
            answer.await.unwrap_or_else(|_| Err(lost()))
        }
        .boxed()
    }

    fn last(&self) -> Sequence {
        self.state.durable().last
    }

    fn read(&self, from: Sequence, records_max: usize) -> Result<Vec<Record>, ReadError> {
        read::forward(&self.store.tree()?, from, self.last(), records_max)
    }

    fn read_back(&self, to: Sequence, records_max: usize) -> Result<Vec<Record>, ReadError> {
        read::backward(&self.store.tree()?, to, self.last(), records_max)
    }

    fn get(&self, sequence: Sequence) -> Result<Option<Record>, ReadError> {
        read::one(&self.store.tree()?, sequence, self.last())
    }

    fn blob(&self, id: u64) -> Result<Option<Bytes>, ReadError> {
        read::blob(&self.store.tree()?, id, self.state.durable().blob_last)
    }

    fn follow(&self, after: Sequence) -> Follower {
        let (store, durable) = (self.store.clone(), self.state.watch());
        Box::new(SledFollower { store, durable, position: after })
    }

    fn table_get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        read::table_get(&self.store.tree()?, table, key)
    }

    fn table_scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        entries_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, ReadError> {
        read::table_scan(&self.store.tree()?, table, prefix, after, entries_max)
    }

    fn verify(
        &self,
        from: Sequence,
        progress: &mut dyn FnMut(Sequence),
    ) -> Result<Verified, VerifyError> {
        verify::verify(&self.store.tree()?, from, self.last(), progress)
    }

    fn forget_dedup_before(&self, before_us: i64) -> Result<u64, ReadError> {
        let tree = self.store.tree()?;
        let cutoff_us = dedup::cutoff_us(before_us, self.host.now_us());
        let before = read::first_since(&tree, cutoff_us, self.last())?;
        let mut forgotten = 0;
        for shard in 0..dedup::SHARDS {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            forgotten += index.forget(shard, before);
        }
        dedup::forget_saved(&tree, before)?;
        Ok(forgotten)
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
            if let Err(error) = self.save_index() {
                tracing::warn!(%error, "the dedup index was not saved; the next open is slower");
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
