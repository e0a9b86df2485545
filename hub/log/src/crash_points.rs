//! Every point at which a crash can cut the writes of a group, tried one by one.
//!
//! A crash leaves a prefix of what was written in order. For each prefix: the log opens, holds
//! whole batches only, and no blob without its records.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use tokio::sync::oneshot;

use crate::builder::{Job, Prepared};
use crate::chain::{GENESIS, body_hash};
use crate::dedup::{Index, Mark};
use crate::draft::{Done, Draft};
use crate::open::Head;
use crate::{Appended, Batch, Dedup, EventLog, LogOptions, NewRecord, SledLog};

/// Batch `n`: one to three records with keys, most with a raw blob.
fn nth(n: u64) -> Batch {
    let record = |part: u64| {
        let dedup = Dedup { scope: "s".into(), key: vec![n as u8, part as u8], body_hash: [0; 32] };
        NewRecord::with_dedup(format!("{n:>4}.{part} {}", "body ".repeat(100)), dedup)
    };
    let blob = (n % 4 != 3).then(|| format!("raw {n:>4} {}", "again ".repeat(400)).into());
    Batch { records: (0..=n % 3).map(record).collect(), blob, ..Batch::default() }
}

fn draft(db: &sled::Db, batches: u64) -> Done {
    let index = Index::load(db, 0, 30).unwrap();
    let head = Head { last: 0, last_hash: GENESIS, recorded_us: 0, blob_last: 0 };
    let mut draft = Draft::new(db, &index, &head, 7, false);
    for n in 0..batches {
        let batch = nth(n);
        let prepare = |record: &NewRecord| Prepared {
            body_hash: body_hash(&record.body),
            mark: record.dedup.as_ref().map(Mark::of),
        };
        let prepared = batch.records.iter().map(prepare).collect();
        let job = Job { batch, prepared, bytes: 1, reply: oneshot::channel().0 };
        draft.add(&job).unwrap().unwrap();
    }
    draft.finish().unwrap()
}

/// The log that had it open is closed, but the store's own threads may hold its lock a little longer.
fn raw(dir: &Path) -> sled::Db {
    crate::open::open_store(&LogOptions::new(dir)).unwrap()
}

#[tokio::test]
async fn after_a_crash_at_any_point_there_are_whole_batches_only() {
    const BATCHES: u64 = 60;
    let mut seen = std::collections::BTreeSet::new();
    for writes in 0.. {
        let dir = tempfile::tempdir().unwrap();
        drop(SledLog::open(LogOptions::new(dir.path())).unwrap());
        let db = raw(dir.path());
        let mut ops = draft(&db, BATCHES).ops;
        let whole = ops.len();
        ops.truncate(writes);
        ops.apply_in_order(&db).unwrap();
        drop(db);

        let log = SledLog::open(LogOptions::new(dir.path())).unwrap();
        let (mut batches, mut next, mut blobs) = (0, 1, 0);
        while next <= log.last() {
            let expected = nth(batches);
            let found = log.read(next, expected.records.len()).unwrap();
            let bodies = expected.records.iter().map(|record| &record.body);
            assert!(found.iter().map(|r| &r.body).eq(bodies), "{writes} writes: a torn batch");
            if expected.blob.is_some() {
                blobs += 1;
                assert_eq!(log.blob(blobs).unwrap(), expected.blob);
            }
            next += expected.records.len() as u64;
            batches += 1;
        }
        seen.insert(batches);
        // The same deliveries come again: the old are known, the next takes the next numbers.
        for n in 0..batches {
            assert!(!log.append(nth(n)).await.unwrap().written, "{writes} writes: a lost key");
        }
        let (again, raw) = (nth(batches), Some(blobs + 1));
        let has_blob = again.blob.is_some();
        let done = log.append(again.clone()).await.unwrap();
        assert_eq!(done.records[0], Appended::New(next));
        assert_eq!(done.blob, raw.filter(|_| has_blob), "{writes} writes: a blob without records");
        if let Some(id) = done.blob {
            assert_eq!(log.blob(id).unwrap(), again.blob);
        }
        log.verify(0, &mut |_| ()).unwrap();
        if writes == whole {
            break;
        }
    }
    assert!(seen.len() > 5 && seen.contains(&0) && seen.contains(&BATCHES), "{seen:?}");
}
