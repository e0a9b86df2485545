//! Damage to the files is refused, located, or without effect: never a panic, and never a
//! record that is quietly missing.
//!
//! `HUB_LOG_DAMAGE_ROUNDS` says how often bytes are flipped (60; some 0.1 s each).

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hub_log::{Batch, EventLog, LogOptions, OpenError, PutValue, Record, SledLog};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::help::{T, batch, copy_dir, keyed, noise, open, put, raw};

const RECORDS: u64 = 400;

/// A closed store with events, blobs, keys, and at its very end a table value alone.
async fn closed(dir: &Path) -> Vec<Record> {
    let log = open(dir);
    for n in 1..=RECORDS {
        let records = vec![keyed("s", &n.to_string(), &format!("{n:0>300}"))];
        let blob = (n % 3 == 0).then(|| noise(700));
        log.append(Batch { records, blob, ..Batch::default() }).await.unwrap();
    }
    let puts = vec![put("end", PutValue::Bytes(b"here".to_vec()))];
    log.append(Batch { puts, ..Batch::default() }).await.unwrap();
    let all = log.read(1, usize::MAX).unwrap();
    assert_eq!(all.len() as u64, RECORDS);
    all
}

/// What a damaged store may do; true if the damage was noticed.
fn noticed(dir: &Path, good: &[Record], what: &str) -> bool {
    let log = match SledLog::open(LogOptions::new(dir)) {
        Ok(log) => log,
        Err(OpenError::Corrupt { detail, .. }) => {
            assert!(!detail.is_empty(), "{what}: nothing is said");
            return true;
        }
        Err(OpenError::Format { .. } | OpenError::Io { .. }) => return true,
        Err(other) => panic!("{what}: {other}"),
    };
    assert_eq!(log.last(), RECORDS, "{what}: records are quietly missing");
    let mut bad = log.verify(0, &mut |_| ()).is_err();
    for expected in good {
        match log.get(expected.sequence) {
            Ok(found) => assert_eq!(found.as_ref(), Some(expected), "{what}"),
            Err(_) => {
                assert!(bad, "{what}: verify does not name {}", expected.sequence);
            }
        }
        if let Some(id) = expected.blob {
            match log.blob(id) {
                Ok(blob) => assert_eq!(blob, Some(noise(700)), "{what}: blob {id}"),
                Err(_) => bad = true,
            }
        }
    }
    match log.table_get(T, b"end") {
        Ok(value) => assert_eq!(value.as_deref(), Some(&b"here"[..]), "{what}: the table"),
        Err(_) => bad = true,
    }
    bad
}

#[tokio::test]
async fn flipped_bytes_anywhere_are_noticed_or_without_effect() {
    let dir = tempfile::tempdir().unwrap();
    let good = closed(dir.path()).await;
    let written = {
        let db = std::fs::read(dir.path().join("db")).unwrap();
        db.iter().rposition(|byte| *byte != 0).unwrap() as u64
    };
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = 0;
    let rounds = std::env::var("HUB_LOG_DAMAGE_ROUNDS").map_or(60, |n| n.parse().unwrap());
    for _ in 0..rounds {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let at = random.random_range(0..written);
        let file = OpenOptions::new().read(true).write(true).open(copy.path().join("db")).unwrap();
        let mut bytes = [0; 16];
        file.read_exact_at(&mut bytes, at).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
        file.write_all_at(&bytes, at).unwrap();
        seen += u32::from(noticed(copy.path(), &good, &format!("flipped at {at}")));
    }
    assert!(seen > 5, "only {seen} of {rounds} were noticed");
}

#[tokio::test]
async fn a_file_cut_short_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let good = closed(dir.path()).await;
    let db = std::fs::read(dir.path().join("db")).unwrap();
    let written = db.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    for cut in 0..12 {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let file = OpenOptions::new().write(true).open(copy.path().join("db")).unwrap();
        file.set_len(written * cut / 12).unwrap();
        assert!(noticed(copy.path(), &good, &format!("cut to {cut} twelfths")), "{cut}/12");
    }
}

/// A store from before, put back in place of the newer one.
#[tokio::test]
async fn an_older_state_of_the_store_is_refused_with_the_first_missing_record() {
    let (dir, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = open(dir.path());
    log.append(batch(["1", "2", "3"])).await.unwrap();
    drop(log);
    copy_dir(dir.path(), old.path());
    let log = open(dir.path());
    log.append(batch(["4", "5"])).await.unwrap();
    drop(log);
    std::fs::copy(dir.path().join("head"), old.path().join("head")).unwrap();
    let error = SledLog::open(LogOptions::new(old.path())).unwrap_err().to_string();
    assert!(error.contains("event 4") && error.contains("up to 5"), "{error}");
}

/// Nothing of the streams is missing, but the newest table value.
#[tokio::test]
async fn a_store_that_lacks_only_a_table_value_is_refused() {
    let (dir, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = open(dir.path());
    log.append(batch(["1"])).await.unwrap();
    drop(log);
    copy_dir(dir.path(), old.path());
    let log = open(dir.path());
    let puts = vec![put("k", PutValue::Bytes(b"v".to_vec()))];
    log.append(Batch { puts, ..Batch::default() }).await.unwrap();
    drop(log);
    std::fs::copy(dir.path().join("head"), old.path().join("head")).unwrap();
    let error = SledLog::open(LogOptions::new(old.path())).unwrap_err().to_string();
    assert!(error.contains("tables") && error.contains("missing"), "{error}");
}

#[tokio::test]
async fn after_an_unclean_stop_the_newest_records_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path()).await;
    let log = open(dir.path());
    assert!(log.opened().clean && log.opened().checked_records == 0, "{:?}", log.opened());
    // As a crash leaves it: open.
    let crashed = tempfile::tempdir().unwrap();
    log.append(batch(["after"])).await.unwrap();
    copy_dir(dir.path(), crashed.path());
    let log = open(crashed.path());
    let opened = log.opened();
    assert!(!opened.clean && opened.checked_records == RECORDS + 1, "{opened:?}");
    assert!(!opened.took.is_zero());
    drop(log);
    assert!(open(crashed.path()).opened().clean);

    // The same with damage that the store itself does not see.
    let raw = raw(crashed.path());
    raw.remove([b"e", 100_u64.to_be_bytes().as_slice()].concat()).unwrap();
    drop(raw);
    let head = crashed.path().join("head");
    std::fs::remove_file(&head).unwrap();
    let error = SledLog::open(LogOptions::new(crashed.path())).unwrap_err().to_string();
    assert!(error.contains("event 100"), "{error}");
    std::fs::write(&head, "hub-log head 1\nnonsense\n").unwrap();
    let error = SledLog::open(LogOptions::new(crashed.path())).unwrap_err().to_string();
    assert!(error.contains("`head` file"), "{error}");
}

/// Stopped again and again between marking the store and noting the mark in the head file.
#[tokio::test]
async fn openings_that_are_cut_off_are_not_taken_for_damage() {
    let mut dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append(batch(["x"])).await.unwrap();
    drop(log);
    for _ in 0..2 {
        // First it says "closed", then "open".
        let head = std::fs::read(dir.path().join("head")).unwrap();
        for _ in 0..4 {
            let log = open(dir.path());
            assert_eq!(log.last(), 1);
            let stopped = tempfile::tempdir().unwrap();
            copy_dir(dir.path(), stopped.path());
            std::fs::write(stopped.path().join("head"), &head).unwrap();
            dir = stopped;
        }
        let stopped = tempfile::tempdir().unwrap();
        let _log = open(dir.path());
        copy_dir(dir.path(), stopped.path());
        dir = stopped;
    }
}
