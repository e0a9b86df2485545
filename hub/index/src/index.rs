//! The index's face.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hub_log::EventLog;
use tokio::sync::watch;

use crate::build::{Builder, Next};
use crate::doc::Extract;
use crate::error::IndexError;
use crate::options::IndexOptions;
use crate::shared::{PAGE_RECORDS, Shared, locked};
use crate::store::Store;
use crate::view::View;

/// How long an index that goes away waits for its merge.
const MERGE_WAIT: Duration = Duration::from_secs(10);

/// The index of one log.
pub struct Index {
    pub(crate) shared: Arc<Shared>,
    pub(crate) builder: Mutex<Builder>,
}

/// What an index takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk, with files that a merge is about to replace.
    pub disk_bytes: u64,
    /// Segments that questions go to.
    pub segments: usize,
    /// Events that are not committed and kept in memory.
    pub tail_events: u64,
    /// What those take, about.
    pub tail_bytes: usize,
}

impl Index {
    /// Opens the index in `dir`, a directory of its own, or begins one there. Reads no records
    /// but one; reads every file of the index once to check it.
    ///
    /// What is not an undamaged index of this very log, made by this version and this
    /// [`Extract::version`], is wiped with the reason logged, and [`Index::run`] builds it again.
    /// Blocks.
    pub fn open(
        dir: &Path,
        log: Arc<dyn EventLog>,
        extract: Arc<dyn Extract>,
        options: IndexOptions,
    ) -> Result<Arc<Self>, IndexError> {
        let (store, committed) = Store::open(dir, &*log, extract.version())?;
        let shared = Arc::new(Shared::new(log, extract, options, store, committed));
        Ok(Arc::new(Self { shared, builder: Mutex::default() }))
    }

    /// Wipes the index in `dir` and builds it from the whole log, up to what its last event is
    /// when it gets there. `progress` is told the last event taken in, once in a while. Blocks
    /// for all of it.
    pub fn rebuild(
        dir: &Path,
        log: Arc<dyn EventLog>,
        extract: Arc<dyn Extract>,
        options: IndexOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Arc<Self>, IndexError> {
        let (store, empty) = Store::create(dir)?;
        let shared = Arc::new(Shared::new(log, extract, options, store, empty));
        let index = Arc::new(Self { shared, builder: Mutex::default() });
        index.catch_up(progress)?;
        Ok(index)
    }

    /// Takes in what the log has now, commits it, and merges what is due. Blocks; for tools and
    /// tests, while [`Index::run`] does not run.
    pub fn catch_up(&self, progress: &mut dyn FnMut(u64)) -> Result<(), IndexError> {
        let mut builder = locked(&self.builder);
        while builder.step(&self.shared)? == Next::More {
            progress(builder.added());
        }
        builder.commit(&self.shared)?;
        while self.shared.settled(Duration::MAX) && builder.merge(&self.shared)? {}
        builder.abandon();
        Ok(())
    }

    /// The last event that is committed.
    pub fn position(&self) -> u64 {
        *self.shared.position.borrow()
    }

    /// How many events of the log are not committed.
    pub fn lag(&self) -> u64 {
        self.shared.log.last().saturating_sub(self.position())
    }

    /// Changes of [`Index::position`].
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.position.subscribe()
    }

    /// Waits until this event is committed. A view needs no such wait.
    pub async fn reached(&self, sequence: u64) {
        let mut watch = self.watch();
        // The sender lives as long as this.
        let _reached = watch.wait_for(|position| *position >= sequence).await;
    }

    /// Why the index does not go on, if it does not.
    pub fn failure(&self) -> Option<String> {
        locked(&self.shared.failure).clone()
    }

    /// Every event that is durable now, searchable: what the index has not committed is read
    /// from the log. [`IndexError::Behind`] if that would be more than the options allow, as
    /// during a rebuild.
    ///
    /// May read the log and the index's files, so it belongs on a blocking thread.
    pub fn view(&self) -> Result<View, IndexError> {
        let last = self.shared.log.last();
        let options = &self.shared.options;
        loop {
            let mut state = locked(&self.shared.state);
            let position = state.committed.position;
            let end = state.tail.end();
            if end >= last {
                let committed = Arc::clone(&state.committed);
                return Ok(View { committed, tail: state.tail.chunks(), last: end });
            }
            let events_max = u64::try_from(options.tail_events_max).unwrap_or(u64::MAX);
            if last - position > events_max || state.tail.bytes() > options.tail_bytes_max {
                drop(state);
                return Err(IndexError::Behind { position, last, reason: self.failure() });
            }
            if !self.shared.take_in(&mut state, PAGE_RECORDS)? {
                // Durable records are never taken back.
                return Err(IndexError::Behind { position, last, reason: self.failure() });
            }
        }
    }

    /// Only what is committed: never refused, but not up to date. For one who asks for nothing
    /// above [`View::last`].
    pub fn committed(&self) -> View {
        let committed = Arc::clone(&locked(&self.shared.state).committed);
        View { last: committed.position, committed, tail: Vec::new() }
    }

    /// What it takes now.
    pub fn usage(&self) -> Result<Usage, IndexError> {
        let disk_bytes = self.shared.store.bytes()?;
        let state = locked(&self.shared.state);
        Ok(Usage {
            disk_bytes,
            segments: state.committed.parts.len(),
            tail_events: state.tail.end() - state.committed.position,
            tail_bytes: state.tail.bytes(),
        })
    }
}

impl Drop for Index {
    /// Waits a while for a merge, so that another may open the directory at once.
    fn drop(&mut self) {
        locked(&self.builder).abandon();
        if !self.shared.settled(MERGE_WAIT) {
            tracing::debug!("an index went away before its merge ended");
        }
    }
}
