//! What the writer, the readers and the followers share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::api::Sequence;
use crate::error::Failure;

/// How far the log is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Durable {
    pub(crate) last: Sequence,
    pub(crate) blob_last: u64,
    pub(crate) closed: bool,
}

/// See the module.
pub(crate) struct State {
    durable: watch::Sender<Durable>,
    failure: OnceLock<String>,
    sync_us: AtomicU64,
    syncs: AtomicU64,
    groups: AtomicU64,
}

impl State {
    pub(crate) fn new(durable: Durable) -> Self {
        Self {
            durable: watch::Sender::new(durable),
            failure: OnceLock::new(),
            sync_us: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            groups: AtomicU64::new(0),
        }
    }

    pub(crate) fn durable(&self) -> Durable {
        *self.durable.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }

    /// Lets readers see up to here.
    pub(crate) fn publish(&self, last: Sequence, blob_last: u64) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.durable.send_if_modified(|durable| {
            let further = last > durable.last || blob_last > durable.blob_last;
            durable.last = durable.last.max(last);
            durable.blob_last = durable.blob_last.max(blob_last);
            further
        });
    }

    pub(crate) fn close(&self) {
        self.durable.send_modify(|durable| durable.closed = true);
    }

    /// Stops the log for good. The first reason is kept.
    pub(crate) fn fail(&self, reason: String) -> Failure {
        if self.failure.set(reason).is_ok() {
            tracing::error!(reason = self.failure.get(), "the event log stopped taking appends");
        }
        self.failure().unwrap_or(Failure(String::new()))
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get().cloned().map(Failure)
    }

    pub(crate) fn synced_in(&self, time: std::time::Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.sync_us.store(us, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    /// How long the last sync took, in microseconds.
    pub(crate) fn last_sync_us(&self) -> u64 {
        self.sync_us.load(Ordering::Relaxed)
    }

    /// Syncs that succeeded.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Groups that were published.
    pub(crate) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// A guess at when a full queue has room again: two syncs from now.
    pub(crate) fn retry_after_ms(&self) -> u64 {
        (self.sync_us.load(Ordering::Relaxed) / 500).clamp(10, 1_000)
    }
}
