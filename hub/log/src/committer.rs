//! The writer's second half: makes a group durable, lets readers see it, and answers.

use std::sync::Arc;
use std::time::Instant;

use sled::Tree;

use crate::builder::Group;
use crate::error::{AppendError, Failure};
use crate::host::Host;
use crate::pipeline::Finish;
use crate::state::State;

/// Why the log stopped, if a thread of the writer panicked.
pub(crate) const PANICKED: &str = "the writer panicked, which is a bug in the store or the log";

/// See the module.
pub(crate) struct Committer {
    pub(crate) tree: Tree,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) state: Arc<State>,
}

impl Finish<Group> for Committer {
    type Outcome = Result<(), Failure>;

    fn sync(&self, group: &Group) -> Result<(), Failure> {
        let synced = match group.dirty {
            true => self.sync_store(),
            // It wrote nothing, but may tell of duplicates: what they repeat was synced by an
            // earlier group, unless that failed.
            false => self.state.failure().map_or(Ok(()), Err),
        };
        if synced.is_ok() {
            self.state.publish(group.last, group.blob_last);
        }
        synced
    }

    fn answer(&self, group: Group, synced: Result<(), Failure>) {
        for (job, answer) in group.answers {
            let answer = match &synced {
                Ok(()) => answer,
                Err(failure) => answer.and_then(|_| Err(AppendError::from(failure.clone()))),
            };
            // Nobody waits for it any more: the batch is in the log all the same.
            let _gone = job.reply.send(answer);
        }
    }

    fn panicked(&self) {
        self.state.fail(PANICKED.into());
    }
}

impl Committer {
    /// After one failed sync no later one is believed: Linux may drop the pages that failed and
    /// report success the next time.
    fn sync_store(&self) -> Result<(), Failure> {
        if let Some(failure) = self.state.failure() {
            return Err(failure);
        }
        let start = Instant::now();
        self.tree.flush().map_err(|e| self.state.fail(format!("a write failed: {e}")))?;
        self.host.sync().map_err(|e| self.state.fail(format!("a sync (fdatasync) failed: {e}")))?;
        self.state.synced_in(start.elapsed());
        Ok(())
    }
}
