//! Opening, closing, and opening again.

use hub_log::{AppendError, Batch, EventLog, Health, LogOptions, OpenError, ReadError, SledLog};

use crate::help::{T, batch, keyed, open, put, raw};

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    let mut before = Vec::new();
    for round in 0..5_u64 {
        let log = open(&deep);
        assert_eq!(log.read(1, 99).unwrap(), before);
        let mut batch = batch([format!("round {round}")]);
        batch.blob = Some(format!("raw {round}").into());
        batch.puts = vec![put("round", hub_log::PutValue::LastSequence)];
        let done = log.append(batch).await.unwrap();
        assert_eq!((done.first(), done.blob), (Some(round + 1), Some(round + 1)));
        assert_eq!(log.table_get(T, b"round").unwrap().unwrap(), (round + 1).to_be_bytes()[..]);
        before = log.read(1, 99).unwrap();
        if round % 2 == 0 {
            log.close();
        }
    }
    assert!(before.is_sorted_by_key(|record| record.recorded_us));
}

#[tokio::test]
async fn close_makes_durable_what_was_taken_and_refuses_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let answers: Vec<_> = (0..500).map(|n| log.append(batch([format!("{n}")]))).collect();
    log.close();
    log.close();
    for answer in answers {
        answer.await.unwrap();
    }
    assert_eq!(log.append(batch(["late"])).await, Err(AppendError::Closed));
    assert_eq!(log.read(1, 1), Err(ReadError::Closed));
    assert_eq!(log.health(), Health::Closed);
    assert!(!dir.path().join("holder").exists());
    assert_eq!(open(dir.path()).last(), 500);
}

#[test]
fn an_append_nobody_waits_for_is_still_made() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    drop(log.append(batch(["x"])));
    drop(log);
    assert_eq!(open(dir.path()).last(), 1);
}

#[test]
fn a_second_open_names_the_holder() {
    let dir = tempfile::tempdir().unwrap();
    let _log = open(dir.path());
    let error = SledLog::open(LogOptions::new(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    let text = error.to_string();
    let pid = format!("process {}, since 2", std::process::id());
    assert!(text.contains(&pid) && text.contains(dir.path().to_str().unwrap()), "{text}");
}

#[test]
fn another_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    raw(dir.path()).insert("mformat", "hub-log 99").unwrap();
    let text = SledLog::open(LogOptions::new(dir.path())).unwrap_err().to_string();
    assert!(text.contains("hub-log 99") && text.contains("hub-log 2"), "{text}");

    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).insert("somebody", "else's").unwrap();
    let text = SledLog::open(LogOptions::new(dir.path())).unwrap_err().to_string();
    assert!(text.contains("no format stamp"), "{text}");
    assert_eq!(raw(dir.path()).len(), 1);

    let dir = tempfile::tempdir().unwrap();
    drop(sled::Config::new().path(dir.path()).segment_size(1 << 20).open().unwrap());
    let error = SledLog::open(LogOptions::new(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Format { .. }), "{error}");
}

#[tokio::test]
async fn stats_count_what_happened_since_the_opening() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append(batch(["before"])).await.unwrap();
    drop(log);
    let log = open(dir.path());
    for n in 0..3 {
        let records = vec![keyed("s", &n.to_string(), "body"), keyed("s", "same", "body")];
        let blob = Some("raw".into());
        log.append(Batch { records, blob, ..Batch::default() }).await.unwrap();
    }
    let stats = log.stats();
    assert_eq!((stats.last, stats.appended_total, stats.dedup_keys), (5, 4, 4));
    assert_eq!((stats.blob_first, stats.blob_last), (1, 3));
    assert!(stats.groups_total >= 3 && stats.syncs_total >= 3 && stats.last_sync_us > 0);
    assert!(stats.disk_bytes > 0 && stats.dedup_memory_bytes < 1 << 20, "{stats:?}");
}

/// Never a panic, and never a log that quietly lacks what was acknowledged.
#[tokio::test]
async fn a_damaged_file_is_an_error_or_a_shorter_log_but_never_a_wrong_one() {
    for damage in 0..4_usize {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        for n in 0..200 {
            log.append(batch([format!("{n:0>600}")])).await.unwrap();
        }
        let good = log.read(1, 200).unwrap();
        drop(log);
        let file = dir.path().join("db");
        let mut bytes = std::fs::read(&file).unwrap();
        let at = 20 + damage * 16_000;
        for byte in &mut bytes[at..at + 64] {
            *byte ^= 0x55;
        }
        std::fs::write(&file, bytes).unwrap();
        match SledLog::open(LogOptions::new(dir.path())) {
            Err(OpenError::Corrupt { .. } | OpenError::Format { .. }) => {}
            Err(other) => panic!("damage at {at}: {other}"),
            Ok(log) => match log.read(1, 200) {
                Ok(records) => assert!(good.starts_with(&records), "damage at {at}"),
                Err(error) => assert!(matches!(error, ReadError::Corrupt { .. }), "{error}"),
            },
        }
    }
}

#[test]
fn options_that_contradict_each_other_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut LogOptions)| {
        let mut options = LogOptions::new(dir.path().join("never"));
        change(&mut options);
        match SledLog::open(options).unwrap_err() {
            OpenError::Options { option, .. } => option,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(|o| o.queue_batches_max = 0), "queue_batches_max");
    assert_eq!(refused(|o| o.dedup_days = 0), "dedup_days");
    assert_eq!(refused(|o| o.record_bytes_max = 0), "record_bytes_max");
    assert_eq!(refused(|o| o.blob_bytes_max = 65 << 20), "blob_bytes_max");
    assert_eq!(refused(|o| o.batch_bytes_max = 1 << 20), "blob_bytes_max");
    assert_eq!(refused(|o| o.queue_bytes_max = 1 << 20), "batch_bytes_max");
    assert!(!dir.path().join("never").exists());
}
