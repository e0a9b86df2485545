//! Nothing happens twice.

use std::sync::Arc;

use hub_log::{Appended, Batch, EventLog, PutValue};

use crate::help::{T, body, keyed, open, put};

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_at_once_one_is_new_and_the_others_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    for round in 1..=20_u64 {
        let key = format!("evt_{round}");
        let tasks = (0..50).map(|n| {
            let (log, key) = (log.clone(), key.clone());
            tokio::spawn(async move {
                // One in ten comes with other content under the same name.
                let body = if n % 10 == 0 { "other" } else { "body" };
                let records = vec![keyed("conn", &key, body)];
                let done = log.append(Batch { records, ..Batch::default() }).await.unwrap();
                (body, done.records[0], log.last())
            })
        });
        let mut answers = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            answers.push(task.await.unwrap());
        }
        let new: Vec<_> = answers.iter().filter(|(_, a, _)| *a == Appended::New(round)).collect();
        assert_eq!(new.len(), 1);
        let original = new[0].0;
        for (body, outcome, last) in &answers {
            assert!(*last >= round, "answered before the original was durable");
            if let Appended::Duplicate { sequence, same_body } = outcome {
                assert_eq!((*sequence, *same_body), (round, *body == original));
            }
        }
        assert_eq!(log.last(), round);
    }
}

#[tokio::test]
async fn a_known_record_is_dropped_and_the_rest_of_the_batch_stays() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let first = vec![keyed("c", "1", "one"), keyed("c", "1", "one again"), keyed("d", "1", "d")];
    let done = log.append(Batch { records: first, ..Batch::default() }).await.unwrap();
    let again = Appended::Duplicate { sequence: 1, same_body: false };
    assert_eq!(done.records, [Appended::New(1), again, Appended::New(2)]);

    let mixed = vec![keyed("c", "2", "two"), keyed("c", "1", "one"), keyed("c", "3", "three")];
    let done = log.append(Batch { records: mixed, ..Batch::default() }).await.unwrap();
    let known = Appended::Duplicate { sequence: 1, same_body: true };
    assert_eq!(done.records, [Appended::New(3), known, Appended::New(4)]);
    let records = log.read(1, 99).unwrap();
    let bodies: Vec<_> = records.iter().map(|record| body(&record.body)).collect();
    assert_eq!(bodies, ["one", "d", "two", "three"]);
}

#[tokio::test]
async fn a_batch_of_known_records_leaves_no_trace_unless_asked() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let delivery = |keep_if_duplicate| Batch {
        records: vec![keyed("c", "1", "one")],
        blob: Some("raw".into()),
        puts: vec![put("seen", PutValue::BlobId)],
        keep_if_duplicate,
        ..Batch::default()
    };
    let seen = || log.table_get(T, b"seen").unwrap().unwrap()[7];
    let done = log.append(delivery(false)).await.unwrap();
    assert_eq!((done.written, done.blob, seen()), (true, Some(1), 1));
    let done = log.append(delivery(false)).await.unwrap();
    assert_eq!((done.written, done.blob, seen()), (false, None, 1));
    let done = log.append(delivery(true)).await.unwrap();
    assert_eq!((done.written, done.blob, seen()), (true, Some(2), 2));
    assert_eq!(log.last(), 1);
    assert_eq!(log.blob(3).unwrap(), None);
}

/// More keys than one saved part of the index holds, with reopens in between: some are read
/// from saved parts, some from the events after.
#[tokio::test]
async fn keys_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut total = 0;
    for round in 0..4 {
        let log = open(dir.path());
        for key in [0, 1_000, 3_500, total.max(1) - 1] {
            let records = vec![keyed("c", &format!("{key}"), "body")];
            if key < total {
                let done = log.append(Batch { records, ..Batch::default() }).await.unwrap();
                let known = Appended::Duplicate { sequence: key + 1, same_body: true };
                assert_eq!(done.records, [known], "key {key} in round {round}");
            }
        }
        for _ in 0..5 {
            let keys = total..total + 317 * (round + 1);
            total = keys.end;
            let records = keys.map(|key| keyed("c", &format!("{key}"), "body")).collect();
            log.append(Batch { records, ..Batch::default() }).await.unwrap();
        }
        assert_eq!(log.last(), total);
    }
    let log = open(dir.path());
    for key in 0..total {
        let records = vec![keyed("c", &format!("{key}"), "body")];
        let done = log.append(Batch { records, ..Batch::default() });
        if key % 97 == 0 {
            assert!(!done.await.unwrap().written, "key {key} was forgotten");
        }
    }
    assert_eq!(log.forget_dedup_before(i64::MAX).unwrap(), 0, "all are younger than 30 days");
    assert_eq!(log.last(), total);
}
