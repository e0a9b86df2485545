//! Readers and followers beside writers.

use std::collections::HashSet;
use std::sync::Arc;

use hub_log::{EventLog, ReadError, Record};

use crate::help::{batch, body, open};

const WRITERS: usize = 64;
const EACH: usize = 60;
const TOTAL: u64 = (WRITERS * EACH * 2) as u64;

fn check_next(record: &Record, before: &mut u64) {
    assert_eq!(record.sequence, *before + 1, "a hole, or out of order");
    *before = record.sequence;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_64_writers_every_reader_sees_all_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> = Arc::new(open(dir.path()));
    // 1 record at a time is the slow one; 0 counts as 1.
    let followers = [0, 7, 1_000].map(|records_max| {
        let mut follower = log.follow(0);
        tokio::spawn(async move {
            let (mut before, mut bodies) = (0, HashSet::new());
            while before < TOTAL {
                for record in follower.next_batch(records_max).await.unwrap() {
                    check_next(&record, &mut before);
                    bodies.insert(body(&record.body).to_owned());
                }
                assert_eq!(follower.position(), before);
            }
            bodies
        })
    });
    let reader = log.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let mut before = 0;
        while before < TOTAL {
            let (last, records) = (reader.last(), reader.read(before + 1, 100).unwrap());
            assert!(!records.is_empty() || last == before, "{last} is durable and not readable");
            records.iter().for_each(|record| check_next(record, &mut before));
        }
    });
    let writers = (0..WRITERS).map(|writer| {
        let log = log.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                let bodies = [format!("{writer}-{n}-a"), format!("{writer}-{n}-b")];
                let done = log.append(batch(bodies.clone())).await.unwrap();
                let first = done.first().unwrap();
                assert_eq!(done.last(), Some(first + 1), "a batch is contiguous");
                assert!(log.last() > first, "acknowledged before it was readable");
                let read = log.read(first, 2).unwrap();
                assert!(read.iter().map(|r| body(&r.body)).eq(bodies.iter().map(String::as_str)));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    reader.await.unwrap();
    for follower in followers {
        assert_eq!(follower.await.unwrap().len() as u64, TOTAL, "every body once");
    }
    assert_eq!(log.verify(1, &mut |_| ()).unwrap().records, TOTAL);
}

#[tokio::test]
async fn a_follower_starts_where_asked_and_learns_of_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append(batch(["a", "b", "c"])).await.unwrap();
    let mut follower = log.follow(1);
    let records = follower.next_batch(10).await.unwrap();
    assert!(records.iter().map(|r| r.sequence).eq([2, 3]));
    let waiting = tokio::spawn(async move { follower.next_batch(10).await });
    log.close();
    assert_eq!(waiting.await.unwrap(), Err(ReadError::Closed));
}
