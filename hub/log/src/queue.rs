//! The bounded queue before the writer, and the rule by which groups form.
//!
//! Two writer threads take turns (see `pipeline`). The rule they follow here:
//!
//! * nobody is syncing → whatever waits is the next group, at once, even a lone batch;
//! * somebody is → batches gather, and are built early only in portions that fill a chunk,
//!   so that chunks stay large; the moment the sync ends, the rest joins them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::chunk::CHUNK_BYTES;

/// A group takes no more once it has this much: bounds how long one sync can take.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// What waits in a queue.
pub(crate) trait Weigh {
    /// The memory it holds.
    fn bytes(&self) -> usize;
}

/// How much of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) jobs: usize,
    pub(crate) bytes: usize,
}

/// Why a push was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// What a builder gets.
pub(crate) struct Taken<J> {
    pub(crate) jobs: Vec<J>,
    pub(crate) bytes: usize,
    /// The taker now has the sync slot: build these, sync, and call [`Queue::done`].
    pub(crate) claimed: bool,
}

/// The queue. Counts what was pushed until it is answered, not only until it is taken.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    most: Load,
}

struct State<J> {
    waiting: Vec<J>,
    waiting_bytes: usize,
    /// Pushed and not answered.
    open: Load,
    syncing: bool,
    closed: bool,
    aborted: bool,
    /// How many waiting bytes wake the builder; `None` when it is busy.
    wake_at_bytes: Option<usize>,
}

impl<J: Weigh> Queue<J> {
    pub(crate) fn new(jobs_max: usize, bytes_max: usize) -> Self {
        let state = State {
            waiting: Vec::new(),
            waiting_bytes: 0,
            open: Load::default(),
            syncing: false,
            closed: false,
            aborted: false,
            wake_at_bytes: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            most: Load { jobs: jobs_max, bytes: bytes_max },
        }
    }

    pub(crate) fn push(&self, job: J) -> Result<(), Refused> {
        let bytes = job.bytes();
        let mut state = self.lock();
        if state.closed || state.aborted {
            return Err(Refused::Closed);
        }
        let open = Load { jobs: state.open.jobs + 1, bytes: state.open.bytes + bytes };
        if open.jobs > self.most.jobs || open.bytes > self.most.bytes {
            return Err(Refused::Full);
        }
        state.open = open;
        state.waiting.push(job);
        state.waiting_bytes += bytes;
        let wake = state.wake_at_bytes.is_some_and(|at| state.waiting_bytes >= at);
        if wake {
            state.wake_at_bytes = None;
        }
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// The next jobs for a group that has `have` already; `None` once there will be no more.
    /// Only one thread at a time may be in here: the one that holds the builder.
    pub(crate) fn take(&self, have: Load) -> Option<Taken<J>> {
        let mut state = self.lock();
        loop {
            if state.aborted {
                return None;
            }
            let idle = have.jobs == 0 && state.waiting.is_empty();
            if !state.syncing && !idle {
                state.syncing = true;
                return Some(state.take_up_to(GROUP_BYTES_MAX.saturating_sub(have.bytes), true));
            }
            if idle && state.closed {
                return None;
            }
            let room = GROUP_BYTES_MAX.saturating_sub(have.bytes);
            if state.syncing && room >= CHUNK_BYTES && state.waiting_bytes >= CHUNK_BYTES {
                return Some(state.take_up_to(room, false));
            }
            state.wake_at_bytes = Some(match state.syncing {
                false => 0,
                true if room >= CHUNK_BYTES => CHUNK_BYTES,
                true => usize::MAX,
            });
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A group is answered: the sync slot is free again.
    pub(crate) fn done(&self, group: Load) {
        let mut state = self.lock();
        state.syncing = false;
        state.open.jobs -= group.jobs;
        state.open.bytes -= group.bytes;
        self.wake(state);
    }

    /// No more pushes; what waits is still taken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.wake(state);
    }

    /// No more pushes, and what waits is dropped.
    pub(crate) fn abort(&self) {
        let mut state = self.lock();
        state.aborted = true;
        let dropped = std::mem::take(&mut state.waiting);
        self.wake(state);
        drop(dropped);
    }

    /// What was pushed and is not answered yet.
    pub(crate) fn load(&self) -> Load {
        self.lock().open
    }

    fn wake(&self, mut state: MutexGuard<'_, State<J>>) {
        let waits = state.wake_at_bytes.take().is_some();
        drop(state);
        if waits {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Weigh> State<J> {
    /// At least one job if one waits and the taker claims the slot, then as many as fit.
    fn take_up_to(&mut self, bytes_max: usize, claimed: bool) -> Taken<J> {
        if self.waiting_bytes <= bytes_max {
            let bytes = std::mem::take(&mut self.waiting_bytes);
            return Taken { jobs: std::mem::take(&mut self.waiting), bytes, claimed };
        }
        let (mut count, mut bytes) = (0, 0);
        for job in &self.waiting {
            if count > 0 && bytes + job.bytes() > bytes_max {
                break;
            }
            bytes += job.bytes();
            count += 1;
        }
        self.waiting_bytes -= bytes;
        Taken { jobs: self.waiting.drain(..count).collect(), bytes, claimed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Job(usize);

    impl Weigh for Job {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    const NOTHING: Load = Load { jobs: 0, bytes: 0 };

    #[test]
    fn it_refuses_by_count_and_by_bytes_until_answered() {
        let queue = Queue::new(2, 100);
        assert_eq!(queue.push(Job(60)), Ok(()));
        assert_eq!(queue.push(Job(60)), Err(Refused::Full), "120 bytes are above 100");
        assert_eq!(queue.push(Job(10)), Ok(()));
        assert_eq!(queue.push(Job(10)), Err(Refused::Full), "three jobs are above two");
        let taken = queue.take(NOTHING).expect("two jobs wait");
        assert_eq!(queue.push(Job(10)), Err(Refused::Full), "taken is not answered");
        queue.done(Load { jobs: taken.jobs.len(), bytes: taken.bytes });
        assert_eq!(queue.push(Job(10)), Ok(()));
    }

    #[test]
    fn a_lone_job_is_taken_at_once_and_small_ones_wait_out_a_sync() {
        let queue = std::sync::Arc::new(Queue::new(100, 1 << 20));
        queue.push(Job(10)).expect("there is room");
        assert!(queue.take(NOTHING).expect("one waits").claimed);

        queue.push(Job(10)).expect("there is room");
        let other = queue.clone();
        let second = std::thread::spawn(move || other.take(NOTHING));
        queue.push(Job(11)).expect("there is room");
        queue.done(Load { jobs: 1, bytes: 10 });
        let taken = second.join().expect("it does not panic").expect("two wait");
        assert!(taken.claimed, "small jobs are taken only with the slot");
        assert_eq!(taken.jobs, [Job(10), Job(11)]);
    }

    #[test]
    fn a_chunk_full_is_built_during_a_sync() {
        let queue = Queue::new(100, 1 << 20);
        queue.push(Job(10)).expect("there is room");
        assert!(queue.take(NOTHING).expect("one waits").claimed);
        queue.push(Job(CHUNK_BYTES)).expect("there is room");
        assert!(!queue.take(NOTHING).expect("a chunk waits").claimed);
    }

    #[test]
    fn a_group_is_bounded_but_a_huge_job_still_passes() {
        let queue = Queue::new(100, 1 << 30);
        for bytes in [GROUP_BYTES_MAX * 2, 10, 10] {
            queue.push(Job(bytes)).expect("there is room");
        }
        assert_eq!(queue.take(NOTHING).expect("they wait").jobs, [Job(GROUP_BYTES_MAX * 2)]);
    }

    #[test]
    fn close_drains_and_abort_does_not() {
        let queue = Queue::new(100, 100);
        queue.push(Job(1)).expect("there is room");
        queue.close();
        assert_eq!(queue.push(Job(1)), Err(Refused::Closed));
        assert_eq!(queue.take(NOTHING).expect("it drains").jobs, [Job(1)]);
        assert!(queue.take(NOTHING).is_none());

        let queue = Queue::new(100, 100);
        queue.push(Job(1)).expect("there is room");
        queue.abort();
        assert!(queue.take(NOTHING).is_none());
    }
}
