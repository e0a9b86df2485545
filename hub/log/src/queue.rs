//! The bounded queue before the writer, and the rule by which groups form.
//!
//! Two writer threads take turns (see `pipeline`). The rule they follow here:
//!
//! * nobody is syncing → whatever waits is the next group, at once, even a lone batch;
//! * somebody is → batches gather, and are built early only in portions that fill a chunk,
//!   so that chunks stay large; the moment the sync ends, the rest joins them;
//! * a large group was just answered → whoever waited for it is likely to append again at once.
//!   Syncing the first few alone would make all others wait for two syncs instead of one, so the
//!   next group gathers until half of them are back, for at most as long as the last sync took,
//!   counted from its end. Appends that come at a steady rate are there by then, so they wait
//!   for nothing; and after a small group nothing is gathered, so a lone batch never waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chunk::CHUNK_BYTES;

/// A group takes no more once it has this much: bounds how long one sync can take.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Groups below this many jobs are not gathered for: the gain would be too small to wait for.
const GATHER_JOBS_MIN: usize = 16;

/// No group is gathered for longer, however slow the disk.
const GATHER_TIME_MAX: Duration = Duration::from_millis(2);

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
    /// Since when the sync slot is taken.
    syncing: Option<Instant>,
    gather: Option<Gather>,
    closed: bool,
    aborted: bool,
    /// How much must wait to wake the builder (either will do); `None` when it is busy.
    wake_at: Option<Load>,
}

/// What the next group waits for.
#[derive(Clone, Copy)]
struct Gather {
    jobs: usize,
    until: Instant,
}

impl<J: Weigh> Queue<J> {
    pub(crate) fn new(jobs_max: usize, bytes_max: usize) -> Self {
        let state = State {
            waiting: Vec::new(),
            waiting_bytes: 0,
            open: Load::default(),
            syncing: None,
            gather: None,
            closed: false,
            aborted: false,
            wake_at: None,
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
        let enough = state
            .wake_at
            .is_some_and(|at| state.waiting_bytes >= at.bytes || state.waiting.len() >= at.jobs);
        if enough {
            self.wake(state);
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
            let waiting = have.jobs + state.waiting.len();
            if waiting == 0 && state.closed {
                return None;
            }
            let room = GROUP_BYTES_MAX.saturating_sub(have.bytes);
            let gather_for = state.gather_for(waiting, room);
            if state.syncing.is_none() && waiting > 0 && gather_for.is_none() {
                state.syncing = Some(Instant::now());
                state.gather = None;
                return Some(state.take_up_to(room, true));
            }
            let early = room >= CHUNK_BYTES && (state.syncing.is_some() || gather_for.is_some());
            if early && state.waiting_bytes >= CHUNK_BYTES {
                return Some(state.take_up_to(room, false));
            }
            let bytes = if early { CHUNK_BYTES } else { usize::MAX };
            let jobs = match (state.syncing, gather_for) {
                (Some(_), _) => usize::MAX,
                (None, Some((jobs, _))) => jobs - have.jobs,
                (None, None) => 1,
            };
            state.wake_at = Some(Load { jobs, bytes });
            state = match gather_for {
                Some((_, time)) => {
                    let (state, _) = self
                        .changed
                        .wait_timeout(state, time)
                        .unwrap_or_else(PoisonError::into_inner);
                    state
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A group is synced and about to be answered: the sync slot is free again, and so is the
    /// room it took (an answered caller must find room for its next).
    pub(crate) fn done(&self, group: Load) {
        let mut state = self.lock();
        let now = Instant::now();
        let took = state.syncing.take().map_or(Duration::ZERO, |since| now - since);
        state.gather = (group.jobs >= GATHER_JOBS_MIN)
            .then(|| Gather { jobs: group.jobs / 2, until: now + took.min(GATHER_TIME_MAX) });
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
        let waits = state.wake_at.take().is_some();
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
    /// How many jobs a group that has `waiting` is to gather, and for how long from now; `None`
    /// if it has enough, is full, or the time is over.
    fn gather_for(&self, waiting: usize, room: usize) -> Option<(usize, Duration)> {
        let gather = self.gather.filter(|gather| {
            self.syncing.is_none() && !self.closed && waiting > 0 && waiting < gather.jobs
        })?;
        let time = gather.until.checked_duration_since(Instant::now())?;
        let fits = room > 0 && self.waiting_bytes <= room && !time.is_zero();
        fits.then_some((gather.jobs, time))
    }

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

    fn push_all(queue: &Queue<Job>, jobs: usize) {
        for _ in 0..jobs {
            queue.push(Job(10)).expect("there is room");
        }
    }

    /// A queue whose last group had this many jobs, and whose sync took forever.
    fn after_a_group_of(jobs: usize) -> std::sync::Arc<Queue<Job>> {
        let queue = Queue::new(1_000, 1 << 20);
        push_all(&queue, jobs);
        let taken = queue.take(NOTHING).expect("they wait");
        assert!(taken.claimed);
        queue.done(Load { jobs: taken.jobs.len(), bytes: taken.bytes });
        if let Some(gather) = &mut queue.lock().gather {
            gather.until += Duration::from_secs(3_600);
        }
        std::sync::Arc::new(queue)
    }

    #[test]
    fn after_a_large_group_the_next_gathers_until_half_of_it_is_back() {
        let queue = after_a_group_of(40);
        assert!(queue.lock().gather_for(19, GROUP_BYTES_MAX).is_some(), "19 of 40 are not half");
        assert!(queue.lock().gather_for(20, GROUP_BYTES_MAX).is_none());
        push_all(&queue, 1);
        let other = queue.clone();
        let next = std::thread::spawn(move || other.take(NOTHING));
        push_all(&queue, 19);
        let taken = next.join().expect("it does not panic").expect("twenty wait");
        assert!(taken.claimed);
        assert_eq!(taken.jobs.len(), 20);
    }

    #[test]
    fn after_a_small_group_a_lone_job_does_not_wait() {
        let queue = after_a_group_of(GATHER_JOBS_MIN - 1);
        push_all(&queue, 1);
        assert!(queue.take(NOTHING).expect("one waits").claimed);
    }

    #[test]
    fn gathering_ends_with_its_time_and_when_the_queue_is_closed() {
        let queue = after_a_group_of(40);
        push_all(&queue, 1);
        queue.lock().gather = Some(Gather { jobs: 20, until: Instant::now() });
        assert!(queue.take(NOTHING).expect("one waits").claimed);

        let queue = after_a_group_of(40);
        push_all(&queue, 1);
        queue.close();
        assert!(queue.take(NOTHING).expect("one waits").claimed);
    }

    #[test]
    fn a_chunk_full_is_built_while_gathering() {
        let queue = after_a_group_of(40);
        queue.push(Job(CHUNK_BYTES)).expect("there is room");
        let taken = queue.take(NOTHING).expect("a chunk waits");
        assert!(!taken.claimed, "more may come before the sync");
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
