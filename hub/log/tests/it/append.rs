//! Appending and reading back.

use std::sync::Arc;

use hub_log::{AppendError, Appended, Batch, EventLog, LogOptions, PutValue, SledLog};

use crate::help::{T, batch, body, noise, open, put};

#[tokio::test]
async fn records_come_back_as_they_were_appended() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    assert_eq!(log.last(), 0);
    let done = log.append(batch(["a", "b"])).await.unwrap();
    assert_eq!(done.records, [Appended::New(1), Appended::New(2)]);
    assert_eq!((done.first(), done.last(), done.written), (Some(1), Some(2), true));
    let more = Batch { blob: Some("raw".into()), ..batch(["c"]) };
    let done = log.append(more).await.unwrap();
    assert_eq!((done.blob, log.last()), (Some(1), 3));

    let records = log.read(0, 10).unwrap();
    let seen: Vec<_> = records.iter().map(|r| (r.sequence, body(&r.body), r.blob)).collect();
    assert_eq!(seen, [(1, "a", None), (2, "b", None), (3, "c", Some(1))]);
    assert!(records.is_sorted_by_key(|record| record.recorded_us));
    assert_eq!(records[2].recorded_us, done.recorded_us);
    assert_eq!(log.get(2).unwrap().as_ref(), Some(&records[1]));
    assert_eq!(log.blob(1).unwrap().unwrap(), "raw");
    for (id, sequence) in [(0, 0), (2, 4), (u64::MAX, u64::MAX)] {
        assert_eq!(log.blob(id).unwrap(), None);
        assert_eq!(log.get(sequence).unwrap(), None);
    }
}

#[tokio::test]
async fn pages_forward_and_backward_meet() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    for start in (0..300).step_by(30) {
        let bodies = (start..start + 30).map(|n| format!("{n:0>400}"));
        log.append(batch(bodies)).await.unwrap();
    }
    let mut forward = Vec::new();
    while let Some(next) = Some(log.read(forward.len() as u64 + 1, 7).unwrap()) {
        if next.is_empty() {
            break;
        }
        assert!(next.len() <= 7);
        forward.extend(next);
    }
    assert_eq!(forward.len(), 300);
    assert!(forward.iter().map(|r| r.sequence).eq(1..=300));
    let mut backward = Vec::new();
    let mut to = u64::MAX;
    while to > 0 {
        let next = log.read_back(to, 11).unwrap();
        to = next.last().unwrap().sequence - 1;
        backward.extend(next);
    }
    backward.reverse();
    assert_eq!(forward, backward);
    assert_eq!(log.read(301, 7).unwrap(), []);
    assert_eq!(log.read(u64::MAX, 7).unwrap(), []);
    assert_eq!(log.read(1, 0).unwrap(), []);
    assert_eq!(log.read_back(0, 7).unwrap(), []);
}

#[tokio::test]
async fn large_bodies_and_large_batches_come_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (huge, raw) = (noise(1 << 20), noise(4 << 20));
    let large = Batch {
        blob: Some(raw.clone()),
        ..batch([huge.clone(), noise(1), noise(70_000), huge.clone()])
    };
    log.append(large).await.unwrap();
    log.append(batch((0..5_000).map(|n| format!("{n:0>600}")))).await.unwrap();
    log.close();
    let log = open(dir.path());
    assert_eq!(log.last(), 5_004);
    assert_eq!(log.blob(1).unwrap().unwrap(), raw);
    for at in [1, 4] {
        assert_eq!(log.get(at).unwrap().unwrap().body, huge);
    }
    assert_eq!(log.get(3).unwrap().unwrap().body, noise(70_000));
    assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, 5_004);
    let page = log.read(1, usize::MAX).unwrap();
    assert!(page.len() < 5_004 || page.iter().map(|r| r.body.len()).sum::<usize>() < 9 << 20);
}

#[tokio::test]
async fn what_is_too_large_is_named_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = LogOptions::new(dir.path());
    (options.record_bytes_max, options.blob_bytes_max) = (100, 200);
    options.batch_bytes_max = 2_000;
    let log = SledLog::open(options).unwrap();
    let blob = Batch { blob: Some(noise(201)), ..Batch::default() };
    let key = Batch { puts: vec![put(&"k".repeat(513), PutValue::BlobId)], ..Batch::default() };
    let value = PutValue::Bytes(vec![0; (60 << 10) + 1]);
    let value = Batch { puts: vec![put("k", value)], ..Batch::default() };
    let many = batch((0..100).map(|_| "x"));
    for (what, batch) in [
        ("a record", batch([noise(101)])),
        ("a blob", blob),
        ("a table's key", key),
        ("a table's value", value),
        ("a batch", many),
    ] {
        match log.append(batch).await {
            Err(AppendError::TooLarge { what: named, bytes, bytes_max }) => {
                assert!(named == what && bytes > bytes_max, "{named}: {bytes} of {bytes_max}");
            }
            other => panic!("{what} passed: {other:?}"),
        }
    }
    log.append(batch([noise(100)])).await.unwrap();
    assert_eq!(log.last(), 1);
}

#[tokio::test]
async fn a_batch_is_refused_unless_the_log_ends_where_expected() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let expecting = |last| Batch { expect_last: Some(last), ..batch(["x"]) };
    log.append(expecting(0)).await.unwrap();
    assert_eq!(
        log.append(expecting(0)).await,
        Err(AppendError::Conflict { expected: 0, found: 1 })
    );
    log.append(expecting(1)).await.unwrap();
    assert_eq!(log.last(), 2);
}

/// Many deciders that all saw the same end: exactly one may go on, whether they meet in one
/// group or in two.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_expect_the_same_end_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    for round in 0..20_u64 {
        let racers = (0..30).map(|_| {
            let log = log.clone();
            let batch = Batch { expect_last: Some(round), ..batch(["x"]) };
            tokio::spawn(async move { log.append(batch).await })
        });
        let mut won = 0;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => {
                    let (expected, found) = (round, round + 1);
                    assert_eq!(error, AppendError::Conflict { expected, found });
                }
            }
        }
        assert_eq!((won, log.last()), (1, round + 1));
    }
}

#[tokio::test]
async fn puts_know_the_numbers_they_were_written_with() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append(batch(["before"])).await.unwrap();
    let puts = vec![
        put("first", PutValue::FirstSequence),
        put("last", PutValue::LastSequence),
        put("blob", PutValue::BlobId),
        put("text", PutValue::Bytes(b"old".to_vec())),
        put("text", PutValue::Bytes(b"new".to_vec())),
        put("gone", PutValue::Bytes(b"x".to_vec())),
    ];
    let full = Batch { blob: Some("raw".into()), puts, ..batch(["a", "b"]) };
    log.append(full).await.unwrap();
    let only_puts = Batch {
        puts: vec![put("gone", PutValue::Delete), put("none", PutValue::LastSequence)],
        ..Batch::default()
    };
    log.append(only_puts).await.unwrap();

    let number = |key: &str| {
        let value = log.table_get(T, key.as_bytes()).unwrap().unwrap();
        u64::from_be_bytes(value.as_ref().try_into().unwrap())
    };
    assert_eq!(["first", "last", "blob", "none"].map(number), [2, 3, 1, 0]);
    assert_eq!(log.table_get(T, b"text").unwrap().unwrap(), "new");
    assert_eq!(log.table_get(T, b"gone").unwrap(), None);
    assert_eq!(log.last(), 3, "puts alone append nothing");
}

#[tokio::test]
async fn a_table_is_scanned_by_prefix_and_after() {
    const OTHER: hub_log::Table = hub_log::Table::new("test2");
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let keys = ["a", "b1", "b2", "b2\0", "b3", "c"];
    let mut puts: Vec<_> =
        keys.iter().map(|key| put(key, PutValue::Bytes(key.as_bytes().into()))).collect();
    for key in ["b2", "z"] {
        let value = PutValue::Bytes(b"other".to_vec());
        puts.push(hub_log::Put { table: OTHER, key: key.into(), value });
    }
    log.append(Batch { puts, ..Batch::default() }).await.unwrap();
    let scan = |prefix: &str, after: Option<&str>, max| {
        let found = log.table_scan(T, prefix.as_bytes(), after.map(str::as_bytes), max).unwrap();
        found.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(scan("", None, 99), keys);
    assert_eq!(scan("b", None, 99), ["b1", "b2", "b2\0", "b3"]);
    assert_eq!(scan("b", None, 2), ["b1", "b2"]);
    assert_eq!(scan("b", Some("b2"), 99), ["b2\0", "b3"]);
    assert_eq!(scan("b", Some("a"), 99), ["b1", "b2", "b2\0", "b3"]);
    assert_eq!(scan("b", Some("c"), 99), [""; 0]);
}
