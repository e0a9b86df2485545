//! Tests with a machine that fails on demand.

#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::host::{Host, Machine, Space};
use crate::{AppendError, Batch, Committed, EventLog, Health, LogOptions, SledLog};

const PLENTY: Space = Space { free_bytes: u64::MAX, read_only: false };

type Held = (Sender<()>, Receiver<io::Result<()>>);

/// The real machine, where not told otherwise.
struct Faulty {
    machine: Machine,
    space: Mutex<Space>,
    now_us: Mutex<i64>,
    /// Each sync says that it began, then waits for what to answer.
    syncs: Mutex<Option<Held>>,
}

impl Host for Faulty {
    fn now_us(&self) -> i64 {
        *self.now_us.lock().unwrap()
    }

    fn space(&self) -> io::Result<Space> {
        Ok(*self.space.lock().unwrap())
    }

    fn sync(&self) -> io::Result<()> {
        if let Some((began, answer)) = &*self.syncs.lock().unwrap() {
            began.send(()).unwrap();
            answer.recv().unwrap()?;
        }
        self.machine.sync()
    }
}

fn open(options: LogOptions) -> (SledLog, Arc<Faulty>) {
    let mut faulty = None;
    let log = SledLog::open_on(options, |machine| {
        let (space, syncs) = (Mutex::new(PLENTY), Mutex::new(None));
        let host = Arc::new(Faulty { machine, space, now_us: Mutex::new(1_000), syncs });
        faulty = Some(host.clone());
        host
    });
    (log.unwrap(), faulty.unwrap())
}

/// From here on, syncs wait to be told.
fn hold_syncs(host: &Faulty) -> (Receiver<()>, Sender<io::Result<()>>) {
    let ((began, begins), (answer, answers)) = (channel(), channel());
    *host.syncs.lock().unwrap() = Some((began, answers));
    (begins, answer)
}

type Answer = BoxFuture<'static, Result<Committed, AppendError>>;

fn is_pending(answer: &mut Answer) -> bool {
    answer.now_or_never().is_none()
}

fn reopen(dir: &Path) -> SledLog {
    SledLog::open(LogOptions::new(dir)).unwrap()
}

#[tokio::test]
async fn a_full_disk_refuses_appends_keeps_reads_and_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (log, host) = open(LogOptions::new(dir.path()));
    log.append(Batch::record("before")).await.unwrap();
    let reserve_bytes = 64 << 20;
    let free_bytes = reserve_bytes - 1;
    *host.space.lock().unwrap() = Space { free_bytes, ..PLENTY };
    let full = log.append(Batch::record("refused")).await;
    assert_eq!(full, Err(AppendError::Full { free_bytes, reserve_bytes }));
    assert_eq!(log.health(), Health::Full { free_bytes, reserve_bytes });
    assert_eq!(log.read(1, 9).unwrap().len(), 1);
    *host.space.lock().unwrap() = Space { read_only: true, ..PLENTY };
    assert_eq!(log.append(Batch::record("refused")).await, Err(AppendError::ReadOnly));
    assert_eq!(log.health(), Health::ReadOnly);
    *host.space.lock().unwrap() = PLENTY;
    let done = log.append(Batch::record("after")).await.unwrap();
    assert_eq!((done.first(), log.health()), (Some(2), Health::Ready));
    assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, 2);
}

#[tokio::test]
async fn nothing_is_acknowledged_or_seen_before_its_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (log, host) = open(LogOptions::new(dir.path()));
    let (begins, answer) = hold_syncs(&host);
    let batch = || Batch { blob: Some("raw".into()), ..Batch::record("x") };
    let mut first = log.append(batch());
    begins.recv().unwrap();
    let mut follower = log.follow(0);
    assert!(is_pending(&mut first));
    assert!(follower.next_batch(9).now_or_never().is_none());
    assert_eq!((log.last(), log.read(1, 9).unwrap().len()), (0, 0));
    assert_eq!((log.get(1).unwrap(), log.blob(1).unwrap()), (None, None));
    answer.send(Ok(())).unwrap();
    first.await.unwrap();
    assert_eq!(log.last(), 1);
    assert_eq!(log.blob(1).unwrap().unwrap(), "raw");
    assert_eq!(follower.next_batch(9).await.unwrap().len(), 1);
}

/// Also when the original is written but its sync is still under way.
#[tokio::test]
async fn a_duplicate_is_answered_only_once_its_original_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (log, host) = open(LogOptions::new(dir.path()));
    let (begins, answer) = hold_syncs(&host);
    let batch = || {
        let dedup = crate::Dedup { scope: "s".into(), key: vec![1], body_hash: [0; 32] };
        let records = vec![crate::NewRecord::with_dedup("x", dedup)];
        Batch { records, ..Batch::default() }
    };
    let mut first = log.append(batch());
    begins.recv().unwrap();
    let mut second = log.append(batch());
    let mut wrong = log.append(Batch { expect_last: Some(0), ..Batch::record("y") });
    assert!(is_pending(&mut first) && is_pending(&mut second) && is_pending(&mut wrong));
    answer.send(Err(io::Error::other("cable pulled"))).unwrap();
    for lost in [first, second, wrong] {
        let failed = lost.await.unwrap_err();
        assert!(failed.to_string().contains("cable pulled"), "{failed}");
    }
}

#[tokio::test]
async fn a_failed_sync_stops_the_log_for_good_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (log, host) = open(LogOptions::new(dir.path()));
    log.append(Batch::record("durable")).await.unwrap();
    let (begins, answer) = hold_syncs(&host);
    let doubtful = log.append(Batch::record("doubtful"));
    begins.recv().unwrap();
    let queued: Vec<_> = (0..50).map(|_| log.append(Batch::record(vec![7; 1_000]))).collect();
    // The next group is written already, and its own sync would succeed.
    let tree = log.store.tree().unwrap();
    while !tree.contains_key(crate::keys::Stream::Events.chunk(3)).unwrap() {
        std::thread::yield_now();
    }
    drop(tree);
    answer.send(Err(io::Error::other("cable pulled"))).unwrap();
    answer.send(Ok(())).unwrap();
    let is_failure = |error: &AppendError| matches!(error, AppendError::Failed { .. });
    assert!(is_failure(&doubtful.await.unwrap_err()));
    for answer in queued {
        assert!(is_failure(&answer.await.unwrap_err()));
    }
    // A sync that would succeed now is not believed, nor even tried.
    *host.syncs.lock().unwrap() = None;
    assert!(is_failure(&log.append(Batch::record("late")).await.unwrap_err()));
    assert!(matches!(log.health(), Health::Failed { reason } if reason.contains("cable pulled")));
    assert_eq!((log.last(), log.read(1, 9).unwrap().len()), (1, 1));
    drop(log);
    let log = reopen(dir.path());
    assert!(log.last() >= 1 && log.health() == Health::Ready);
    log.append(Batch::record("again")).await.unwrap();
    log.verify(0, &mut |_| ()).unwrap();
}

#[tokio::test]
async fn a_full_queue_says_busy_by_count_and_by_bytes_and_takes_again_after() {
    let by_count = |options: &mut LogOptions| options.queue_batches_max = 3;
    let by_bytes = |options: &mut LogOptions| {
        options.record_bytes_max = 400;
        options.blob_bytes_max = 400;
        options.batch_bytes_max = 900;
        options.queue_bytes_max = 900;
    };
    for limit in [&by_count as &dyn Fn(&mut LogOptions), &by_bytes] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = LogOptions::new(dir.path());
        limit(&mut options);
        let (log, host) = open(options);
        let (begins, answer) = hold_syncs(&host);
        let batch = || Batch::record(vec![0; 150]);
        let first = log.append(batch());
        begins.recv().unwrap();
        let more = [log.append(batch()), log.append(batch())];
        match log.append(batch()).await {
            Err(AppendError::Busy { retry_after_ms }) => {
                assert!((10..=1_000).contains(&retry_after_ms));
            }
            other => panic!("a fourth passed: {other:?}"),
        }
        for _ in 0..2 {
            answer.send(Ok(())).unwrap();
        }
        first.await.unwrap();
        for answer in more {
            answer.await.unwrap();
        }
        *host.syncs.lock().unwrap() = None;
        // The room is given back just after the answers.
        while let Err(error) = log.append(batch()).await {
            assert!(matches!(error, AppendError::Busy { .. }), "{error}");
        }
        assert_eq!(log.last(), 4);
    }
}

#[tokio::test]
async fn recorded_time_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (log, host) = open(LogOptions::new(dir.path()));
    for (clock_us, expected_us) in [(5_000, 5_000), (3_000, 5_000), (6_000, 6_000)] {
        *host.now_us.lock().unwrap() = clock_us;
        assert_eq!(log.append(Batch::record("x")).await.unwrap().recorded_us, expected_us);
    }
    drop(log);
    let (log, _host) = open(LogOptions::new(dir.path()));
    assert_eq!(log.append(Batch::record("x")).await.unwrap().recorded_us, 6_000);
}

#[tokio::test]
async fn old_dedup_keys_are_forgotten_and_stay_forgotten() {
    const DAY_US: i64 = 86_400_000_000;
    let dir = tempfile::tempdir().unwrap();
    let (log, host) = open(LogOptions::new(dir.path()));
    let batch = |keys: std::ops::Range<u64>| {
        let record = |key: u64| {
            let key = key.to_be_bytes().to_vec();
            crate::NewRecord::with_dedup(
                "x",
                crate::Dedup { scope: "s".into(), key, body_hash: [0; 32] },
            )
        };
        Batch { records: keys.map(record).collect(), ..Batch::default() }
    };
    for day in 0..10 {
        *host.now_us.lock().unwrap() = (1_000 + day * 10) * DAY_US;
        let keys = day.unsigned_abs() * 1_000..(day.unsigned_abs() + 1) * 1_000;
        log.append(batch(keys)).await.unwrap();
    }
    // Now is day 1090: what is from days 1000 to 1050 is older than 30 days.
    assert_eq!(log.forget_dedup_before(1_020 * DAY_US).unwrap(), 2_000);
    assert_eq!(log.forget_dedup_before(i64::MAX).unwrap(), 4_000);
    assert!(!log.append(batch(6_000..10_000)).await.unwrap().written);
    drop(log);
    let (log, host) = open(LogOptions::new(dir.path()));
    *host.now_us.lock().unwrap() = 1_090 * DAY_US;
    assert!(!log.append(batch(6_000..10_000)).await.unwrap().written);
    assert!(log.append(batch(0..1_000)).await.unwrap().written);
    assert_eq!(log.last(), 11_000);
}
