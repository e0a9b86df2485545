//! What the way in and the way back share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hub_log::EventLog;
use tokio::sync::watch;

use crate::doc::Extract;
use crate::error::IndexError;
use crate::options::IndexOptions;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::tail::Tail;

/// Records taken into the tail under one lock.
pub(crate) const PAGE_RECORDS: usize = 2048;

/// The commit that questions go to, and what comes after it.
pub(crate) struct State {
    pub(crate) committed: Arc<Snapshot>,
    pub(crate) tail: Tail,
}

pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) extract: Arc<dyn Extract>,
    pub(crate) options: IndexOptions,
    pub(crate) store: Store,
    pub(crate) state: Mutex<State>,
    /// Held from a commit until questions go to it, so that no merge's end comes in between and
    /// shows the new segments under the old position.
    publishing: Mutex<()>,
    pub(crate) position: watch::Sender<u64>,
    pub(crate) failure: Mutex<Option<String>>,
    merging: Mutex<bool>,
    merged: Condvar,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        extract: Arc<dyn Extract>,
        options: IndexOptions,
        store: Store,
        committed: Snapshot,
    ) -> Self {
        let position = committed.position;
        let tail = Tail::new(position, options.owners_max);
        Self {
            log,
            extract,
            options,
            store,
            state: Mutex::new(State { committed: Arc::new(committed), tail }),
            publishing: Mutex::new(()),
            position: watch::Sender::new(position),
            failure: Mutex::new(None),
            merging: Mutex::new(false),
            merged: Condvar::new(),
        }
    }

    /// Takes a page of records into the tail; false if there are none.
    pub(crate) fn take_in(
        &self,
        state: &mut State,
        records_max: usize,
    ) -> Result<bool, IndexError> {
        let State { committed, tail } = state;
        tail.extend(&*self.log, &*self.extract, committed, records_max)
    }

    /// Does `commit`, and lets questions go to what it committed up to the position it tells.
    pub(crate) fn publish(
        &self,
        commit: impl FnOnce() -> Result<u64, IndexError>,
    ) -> Result<(), IndexError> {
        let _publishing = locked(&self.publishing);
        let position = commit()?;
        let before = Arc::clone(&locked(&self.state).committed);
        let snapshot = Arc::new(self.store.snapshot(position, Some(&before))?);
        let mut state = locked(&self.state);
        state.committed = snapshot;
        state.tail.release(position);
        drop(state);
        self.position.send_replace(position);
        Ok(())
    }

    /// Begins a merge, unless one is going on.
    pub(crate) fn merge_begins(&self) -> bool {
        let mut merging = locked(&self.merging);
        !std::mem::replace(&mut *merging, true)
    }

    pub(crate) fn merge_ended(&self) {
        *locked(&self.merging) = false;
        self.merged.notify_all();
    }

    /// Waits until no merge goes on; false if it takes longer.
    pub(crate) fn settled(&self, at_most: Duration) -> bool {
        let merging = locked(&self.merging);
        let waited = self.merged.wait_timeout_while(merging, at_most, |merging| *merging);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}
