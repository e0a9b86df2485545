//! Two threads that take turns: while one syncs a group, the other builds the next.
//!
//! There is one builder behind a lock, so at any time one thread writes; and one sync slot in
//! the queue, claimed while the builder is held, so groups sync in the order they were built.
//! A thread carries its group the whole way: a lone append is never handed over. The slot is
//! given back before the answers: waking a thousand callers takes longer than some syncs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::queue::{Load, Queue, Weigh};

/// Writes jobs, without making them durable.
pub(crate) trait Build: Send + 'static {
    type Job: Weigh + Send + 'static;
    /// What is written and not yet synced.
    type Group: Default;

    fn build(&mut self, jobs: Vec<Self::Job>, bytes: usize, group: &mut Self::Group);
}

/// Makes a group durable, and then answers.
pub(crate) trait Finish<G>: Send + Sync + 'static {
    /// What became of a group.
    type Outcome;

    /// One at a time, in the order the groups were built.
    fn sync(&self, group: &G) -> Self::Outcome;

    /// While the next group may be syncing already.
    fn answer(&self, group: G, outcome: Self::Outcome);

    /// A thread panicked: from now on every job must be answered with an error.
    fn panicked(&self);
}

/// Starts the two threads. They end once the queue is closed and empty.
pub(crate) fn start<B, F>(
    name: &str,
    queue: &Arc<Queue<B::Job>>,
    builder: B,
    finish: F,
) -> std::io::Result<Vec<JoinHandle<()>>>
where
    B: Build,
    F: Finish<B::Group>,
{
    let builder = Arc::new(Mutex::new(builder));
    let finish = Arc::new(finish);
    let start = |turn: usize| {
        let (queue, builder, finish) = (queue.clone(), builder.clone(), finish.clone());
        std::thread::Builder::new().name(format!("{name}-{turn}")).spawn(move || {
            let turns = AssertUnwindSafe(|| while turn_once(&queue, &builder, &*finish) {});
            if catch_unwind(turns).is_err() {
                finish.panicked();
                queue.abort();
            }
        })
    };
    let first = start(1)?;
    match start(2) {
        Ok(second) => Ok(vec![first, second]),
        Err(error) => {
            queue.abort();
            Err(error)
        }
    }
}

/// One group from the queue to its answers; false once there will be no more.
fn turn_once<B, F>(queue: &Queue<B::Job>, builder: &Mutex<B>, finish: &F) -> bool
where
    B: Build,
    F: Finish<B::Group>,
{
    // A panic while building ends both threads, so a poisoned builder is never used again.
    let mut builder = builder.lock().unwrap_or_else(PoisonError::into_inner);
    let mut group = B::Group::default();
    let mut load = Load::default();
    loop {
        let Some(taken) = queue.take(load) else { return false };
        load.jobs += taken.jobs.len();
        load.bytes += taken.bytes;
        if !taken.jobs.is_empty() {
            builder.build(taken.jobs, taken.bytes, &mut group);
        }
        if taken.claimed {
            break;
        }
    }
    drop(builder);
    let outcome = finish.sync(&group);
    queue.done(load);
    finish.answer(group, outcome);
    true
}
