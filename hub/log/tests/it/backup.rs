//! A second life elsewhere.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hub_log::{
    BackupSink, Batch, EventLog, LogOptions, PutValue, RestoreError, RestoreSource, Restored,
    SledLog, restore,
};

use crate::help::{T, keyed, noise, open, put, raw};

#[derive(Default, Clone)]
pub struct Parts(pub VecDeque<(String, Vec<u8>)>);

impl BackupSink for Parts {
    fn part(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        assert!(bytes.len() <= 8 << 20, "{name} has {} bytes", bytes.len());
        self.0.push_back((name.into(), bytes.into()));
        Ok(())
    }
}

impl RestoreSource for Parts {
    fn part(&mut self) -> io::Result<Option<(String, Vec<u8>)>> {
        Ok(self.0.pop_front())
    }
}

pub fn restored(parts: &Parts, dir: &Path) -> Result<Restored, RestoreError> {
    restore(&mut parts.clone(), &LogOptions::new(dir))
}

/// Record `n` of a writer, which counts itself in a table in the same batch.
fn nth(writer: u64, n: u64) -> Batch {
    let records = vec![keyed("s", &format!("{writer}.{n}"), &format!("{writer}.{n}"))];
    let blob = n.is_multiple_of(2).then(|| noise(if n.is_multiple_of(50) { 90_000 } else { 500 }));
    let puts = vec![put(&format!("w{writer}"), PutValue::Bytes(n.to_be_bytes().to_vec()))];
    Batch { records, blob, puts, ..Batch::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_load_is_the_log_of_one_moment() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = Arc::new(open(dir.path()));
    // Other values, before those that count: copying takes a while.
    for page in 0..40 {
        let value = |n| put(&format!("fill {page} {n}"), PutValue::Bytes(vec![7; 40]));
        let puts = (0..500).map(value).collect();
        log.append(Batch { puts, ..Batch::default() }).await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..8).map(|writer| {
        let (log, stop) = (log.clone(), stop.clone());
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) || n < 200 {
                n += 1;
                log.append(nth(writer, n)).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    // In the middle of it.
    let mut follower = log.follow(0);
    while follower.position() < 600 {
        follower.next_batch(100).await.unwrap();
    }
    let backup = {
        let log = log.clone();
        tokio::task::spawn_blocking(move || {
            let mut parts = Parts::default();
            let done = log.backup(&mut parts).unwrap();
            (parts, done)
        })
    };
    let (parts, done) = backup.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(done.last >= 600 && done.last <= log.last());
    assert_eq!(done.parts as usize, parts.0.len());

    let into = elsewhere.path().join("new/log");
    let found = restored(&parts, &into).unwrap();
    assert_eq!((found.last, found.last_hash), (done.last, done.last_hash));
    let copy = open(&into);
    assert!(copy.opened().clean);
    assert_eq!(copy.verify(0, &mut |_| ()).unwrap().last_hash, done.last_hash);
    let mut counted = std::collections::BTreeMap::<String, u64>::new();
    let mut at = 0;
    while at < done.last {
        for record in copy.read(at + 1, 500).unwrap() {
            assert_eq!(log.get(record.sequence).unwrap().as_ref(), Some(&record));
            if let Some(id) = record.blob {
                assert_eq!(copy.blob(id).unwrap(), log.blob(id).unwrap());
            }
            let body = String::from_utf8(record.body.to_vec()).unwrap();
            let (writer, n) = body.split_once('.').unwrap();
            let count = counted.entry(writer.into()).or_default();
            *count += 1;
            assert_eq!(n.parse(), Ok(*count));
            at = record.sequence;
        }
    }
    let table = copy.table_scan(T, b"w", None, 99).unwrap();
    let table = table.into_iter().map(|(key, value)| {
        let count = u64::from_be_bytes(value.as_ref().try_into().unwrap());
        (String::from_utf8(key[1..].to_vec()).unwrap(), count)
    });
    assert!(table.eq(counted.iter().map(|(w, n)| (w.clone(), *n))), "tables fit the records");
    for (writer, n) in counted {
        let known = copy.append(nth(writer.parse().unwrap(), n)).await.unwrap();
        assert!(!known.written, "{writer}.{n} is not known any more");
        assert!(copy.append(nth(writer.parse().unwrap(), n + 1)).await.unwrap().written);
    }
}

async fn small(dir: &Path) -> (SledLog, Parts) {
    let log = open(dir);
    for n in 1..=120 {
        log.append(nth(0, n)).await.unwrap();
    }
    let trimmed = log.trim_blobs(log.get(60).unwrap().unwrap().recorded_us, &[]).unwrap();
    assert!(trimmed.blobs > 0);
    let mut parts = Parts::default();
    log.backup(&mut parts).unwrap();
    assert_eq!(parts.0.len(), 4, "tables, events, blobs, head");
    (log, parts)
}

#[tokio::test]
async fn what_was_trimmed_stays_trimmed_and_a_directory_in_use_is_refused() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, parts) = small(dir.path()).await;
    let error = restored(&parts, dir.path()).unwrap_err();
    assert!(matches!(error, RestoreError::NotEmpty { .. }), "{error}");
    restored(&parts, elsewhere.path()).unwrap();
    let copy = open(elsewhere.path());
    for id in 0..=70 {
        assert_eq!(copy.blob(id).unwrap(), log.blob(id).unwrap(), "blob {id}");
    }
    assert_eq!(copy.stats().blob_first, log.stats().blob_first);
}

#[tokio::test]
async fn an_empty_log_can_be_backed_up() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut parts = Parts::default();
    assert_eq!(open(dir.path()).backup(&mut parts).unwrap().records, 0);
    assert_eq!(restored(&parts, elsewhere.path()).unwrap().last, 0);
    assert_eq!(open(elsewhere.path()).append(nth(0, 1)).await.unwrap().first(), Some(1));
}

#[tokio::test]
async fn a_damaged_backup_is_refused_names_the_part_and_leaves_nothing() {
    let (dir, other, elsewhere) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_log, parts) = small(dir.path()).await;
    let (_log, foreign) = small(other.path()).await;
    let refused = |parts: &Parts, part: &str| {
        let error = restored(parts, elsewhere.path()).unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "{part}");
    };
    for at in 0..parts.0.len() {
        let name = parts.0[at].0.clone();
        for byte in (0..parts.0[at].1.len()).step_by(parts.0[at].1.len() / 3) {
            let mut bad = parts.clone();
            bad.0[at].1[byte] ^= 4;
            refused(&bad, &name);
            bad = parts.clone();
            bad.0[at].1.truncate(byte);
            refused(&bad, &name);
        }
        let mut missing = parts.clone();
        missing.0.remove(at);
        let next = parts.0.get(at + 1).unwrap_or_else(|| &parts.0[at - 1]);
        refused(&missing, &next.0);
        let mut mixed = parts.clone();
        mixed.0[at] = foreign.0[at].clone();
        if mixed.0[at] != parts.0[at] {
            refused(&mixed, "000004-head");
        }
    }
    restored(&parts, elsewhere.path()).unwrap();
}

/// A restore that was killed leaves a store that says so.
#[test]
fn an_unfinished_restore_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let raw = raw(dir.path());
    raw.insert("mformat", "hub-log restore, unfinished").unwrap();
    drop(raw);
    let error = SledLog::open(LogOptions::new(dir.path())).unwrap_err().to_string();
    assert!(error.contains("unfinished"), "{error}");
}

fn wait<T>(of: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(of)
}

/// While a backup is under way, appends blobs and has all of them trimmed.
struct TrimsMeanwhile<'a> {
    log: &'a SledLog,
    parts: Parts,
}

impl BackupSink for TrimsMeanwhile<'_> {
    fn part(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let later = (200..300).map(|n| nth(0, n)).chain([Batch::record("the newest")]);
        let answers: Vec<_> = later.map(|batch| self.log.append(batch)).collect();
        answers.into_iter().for_each(|answer| drop(wait(answer).unwrap()));
        self.log.trim_blobs(i64::MAX, &[]).unwrap();
        BackupSink::part(&mut self.parts, name, bytes)
    }
}

/// A blob that came and went after the moment of the backup is no part of it.
#[test]
fn a_backup_during_which_newer_blobs_are_trimmed_can_be_restored() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, _) = wait(small(dir.path()));
    let mut sink = TrimsMeanwhile { log: &log, parts: Parts::default() };
    let done = log.backup(&mut sink).unwrap();
    let restored = restored(&sink.parts, elsewhere.path()).unwrap();
    assert_eq!((restored.last, restored.last_hash), (done.last, done.last_hash));
    let copy = open(elsewhere.path());
    assert_eq!(copy.get(done.last).unwrap(), log.get(done.last).unwrap());
    let next = wait(copy.append(nth(0, 200))).unwrap();
    assert_eq!(next.blob, Some(61), "120 records had 60 blobs");
    assert!(copy.blob(61).unwrap().is_some());
}
