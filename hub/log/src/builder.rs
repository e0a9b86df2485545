//! The writer's first half: takes what waited, drafts it as few chunks, and writes them.

use std::sync::{Arc, Mutex, PoisonError};

use sled::Tree;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::api::{Batch, Committed, Sequence};
use crate::chain::Hash;
use crate::dedup::{Index, Mark};
use crate::draft::Draft;
use crate::error::AppendError;
use crate::host::Host;
use crate::open::Head;
use crate::ops::SMALL_BATCH_BYTES_MAX;
use crate::pipeline::Build;
use crate::queue::Weigh;
use crate::state::State;

pub(crate) type Answer = Result<Committed, AppendError>;

/// What of a record can be computed before its turn.
pub(crate) struct Prepared {
    pub(crate) body_hash: Hash,
    pub(crate) mark: Option<Mark>,
}

/// A batch on its way.
pub(crate) struct Job {
    pub(crate) batch: Batch,
    /// For each record, what the caller's thread computed.
    pub(crate) prepared: SmallVec<[Prepared; 1]>,
    pub(crate) bytes: usize,
    pub(crate) reply: oneshot::Sender<Answer>,
}

impl Weigh for Box<Job> {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Batches written and not yet synced.
#[derive(Default)]
pub(crate) struct Group {
    /// With the jobs whole, so that it is not the builder who takes the time to free them.
    pub(crate) answers: Vec<(Box<Job>, Answer)>,
    /// Something was written, so there is something to sync.
    pub(crate) dirty: bool,
    /// Where the streams end once it is durable; 0 if nothing was written.
    pub(crate) last: Sequence,
    pub(crate) blob_last: u64,
}

/// See the module.
pub(crate) struct Builder {
    pub(crate) tree: Tree,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) state: Arc<State>,
    pub(crate) free_bytes_reserve: u64,
    /// Keys of all records in the store, synced or not. Only the builder adds; sweeps remove.
    pub(crate) index: Arc<Mutex<Index>>,
    /// Where the streams end, batches on their way included.
    pub(crate) head: Head,
}

impl Build for Builder {
    type Job = Box<Job>;
    type Group = Group;

    fn build(&mut self, jobs: Vec<Box<Job>>, bytes: usize, group: &mut Group) {
        match self.write(&jobs, bytes) {
            Ok((answers, dirty)) => {
                group.dirty |= dirty;
                group.last = self.head.last;
                group.blob_last = self.head.blob_last;
                group.answers.extend(jobs.into_iter().zip(answers));
            }
            Err(error) => {
                group.answers.extend(jobs.into_iter().map(|job| (job, Err(error.clone()))));
            }
        }
    }
}

impl Builder {
    /// Writes the jobs, and says whether there was anything to write. After a failure nothing
    /// is written any more: what of these is on disk shows at the next opening.
    fn write(
        &mut self,
        jobs: &[Box<Job>],
        bytes: usize,
    ) -> Result<(Vec<Answer>, bool), AppendError> {
        if let Some(failure) = self.state.failure() {
            return Err(failure.into());
        }
        self.check_space(bytes)?;
        let as_one =
            jobs.iter().any(|job| !job.batch.puts.is_empty() || job.bytes > SMALL_BATCH_BYTES_MAX);
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut draft = Draft::new(&self.tree, &index, &self.head, self.host.now_us(), as_one);
        let answers = jobs.iter().map(|job| draft.add(job)).collect::<Result<Vec<_>, _>>();
        let answers = answers.map_err(|e| self.state.fail(e.to_string()))?;
        let Some(done) = draft.finish() else { return Ok((answers, false)) };

        let failed = |e: sled::Error| self.state.fail(format!("a write failed: {e}"));
        match as_one {
            true => done.ops.apply_as_one(&self.tree).map_err(failed)?,
            false => done.ops.apply_in_order(&self.tree).map_err(failed)?,
        }
        self.head = done.head;
        for (id, sequence) in done.ids {
            index.add(&id, sequence);
        }
        let saved = index.save(&self.tree, self.head.last, self.head.recorded_us);
        saved.map_err(|e| self.state.fail(e.to_string()))?;
        Ok((answers, true))
    }

    /// Refuses while the disk is nearly full. sled does not survive a failed write: its error
    /// is for good, and only a new open gets it going again. So it must never meet one.
    fn check_space(&self, bytes: usize) -> Result<(), AppendError> {
        let space = self.host.space().map_err(|e| AppendError::Failed {
            reason: format!("the free space of the log's disk cannot be read: {e}"),
        })?;
        if space.read_only {
            return Err(AppendError::ReadOnly);
        }
        if space.free_bytes < self.free_bytes_reserve.saturating_add(bytes as u64) {
            return Err(AppendError::Full {
                free_bytes: space.free_bytes,
                reserve_bytes: self.free_bytes_reserve,
            });
        }
        Ok(())
    }
}
