//! Random operations beside a model that is obviously right, with reopens in between: after a
//! close, after a stop without one, and elsewhere from a backup.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use hub_log::{AppendError, Appended, Batch, Committed, EventLog, NewRecord, PutValue, SledLog};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::backup::{Parts, restored};
use crate::help::{T, copy_dir, keyed, noise, open, put};

#[derive(Default)]
struct Model {
    records: Vec<(Bytes, Option<u64>)>,
    blobs: Vec<Bytes>,
    keys: HashMap<(String, Vec<u8>), (u64, [u8; 32])>,
    table: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Blobs from this id on are there.
    first_kept: u64,
}

impl Model {
    fn append(&mut self, batch: &Batch) -> Result<Committed, AppendError> {
        let last = self.records.len() as u64;
        if let Some(expected) = batch.expect_last.filter(|expected| *expected != last) {
            return Err(AppendError::Conflict { expected, found: last });
        }
        let known = |record: &NewRecord| {
            let dedup = record.dedup.as_ref()?;
            let (sequence, hash) = *self.keys.get(&(dedup.scope.clone(), dedup.key.clone()))?;
            Some(Appended::Duplicate { sequence, same_body: hash == dedup.body_hash })
        };
        let all_known =
            !batch.records.is_empty() && batch.records.iter().all(|r| known(r).is_some());
        if all_known && !batch.keep_if_duplicate {
            let records = batch.records.iter().filter_map(known).collect();
            return Ok(Committed { records, blob: None, recorded_us: 0, written: false });
        }
        let blob = batch.blob.clone().map(|body| {
            self.blobs.push(body);
            self.blobs.len() as u64
        });
        let mut records = Vec::new();
        for record in &batch.records {
            let next = self.records.len() as u64 + 1;
            if let Some(dedup) = &record.dedup {
                let key = (dedup.scope.clone(), dedup.key.clone());
                if let Some((sequence, hash)) = self.keys.get(&key) {
                    let same_body = *hash == dedup.body_hash;
                    records.push(Appended::Duplicate { sequence: *sequence, same_body });
                    continue;
                }
                self.keys.insert(key, (next, dedup.body_hash));
            }
            self.records.push((record.body.clone(), blob));
            records.push(Appended::New(next));
        }
        let done = Committed { records, blob, recorded_us: 0, written: true };
        for put in &batch.puts {
            let number = |n: Option<u64>| n.unwrap_or(0).to_be_bytes().to_vec();
            let value = match &put.value {
                PutValue::Bytes(value) => value.clone(),
                PutValue::FirstSequence => number(done.first()),
                PutValue::LastSequence => number(done.last()),
                PutValue::BlobId => number(done.blob),
                PutValue::Delete => {
                    self.table.remove(&put.key);
                    continue;
                }
            };
            self.table.insert(put.key.clone(), value);
        }
        Ok(done)
    }

    /// Trims what is older than some record, but not some blob.
    fn trim(&mut self, random: &mut ChaCha8Rng, log: &SledLog) {
        let last = self.records.len() as u64;
        let Some(at) = log.get(random.random_range(0..=last)).unwrap() else { return };
        let keep = random.random_range(0..=self.blobs.len() as u64);
        let kept = log.blob(keep).unwrap();
        let done = log.trim_blobs(at.recorded_us, &[keep]).unwrap();
        // Some records before it may be of the same microsecond, and their blobs stay.
        let blobs = self.records[..at.sequence as usize].iter().filter_map(|(_, blob)| *blob);
        let newest = blobs.max().unwrap_or(0);
        assert!(done.first_kept <= newest.max(self.first_kept) + 1, "{done:?}, {newest}");
        assert!(done.first_kept >= self.first_kept);
        assert_eq!(log.blob(keep).unwrap(), kept, "it was to be kept");
        self.first_kept = done.first_kept;
    }

    fn check(&self, log: &SledLog) {
        assert_eq!(log.last(), self.records.len() as u64);
        let mut at = 0;
        while at < self.records.len() {
            let page = log.read(at as u64 + 1, 50).unwrap();
            assert!(!page.is_empty());
            for record in page {
                assert_eq!(record.sequence, at as u64 + 1);
                assert_eq!((&record.body, record.blob), (&self.records[at].0, self.records[at].1));
                at += 1;
            }
        }
        for (id, body) in (1..).zip(&self.blobs) {
            let blob = log.blob(id).unwrap();
            assert!(
                blob.as_ref() == Some(body) || (id < self.first_kept && blob.is_none()),
                "{id}"
            );
        }
        assert_eq!(log.blob(self.blobs.len() as u64 + 1).unwrap(), None);
        let table = log.table_scan(T, b"", None, usize::MAX).unwrap();
        assert!(
            table
                .iter()
                .map(|(k, v)| (k, v.to_vec()))
                .eq(self.table.iter().map(|(k, v)| (k, v.clone())))
        );
        assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, self.records.len() as u64);
    }
}

fn random_batch(random: &mut ChaCha8Rng, last: u64) -> Batch {
    let size = |random: &mut ChaCha8Rng| match random.random_range(0..40) {
        0 => random.random_range(0..200_000),
        1..5 => random.random_range(0..9_000),
        _ => random.random_range(0..300),
    };
    let records = (0..random.random_range(0..6)).map(|_| match random.random_range(0..3) {
        0 => NewRecord::new(noise(size(random))),
        _ => {
            let (scope, key) = (random.random_range(0..2), random.random_range(0..150));
            let body = "body ".repeat(random.random_range(1..3));
            keyed(&format!("s{scope}"), &format!("k{key}"), &body)
        }
    });
    let records = records.collect();
    let puts = match random.random_bool(0.3) {
        false => Vec::new(),
        true => (0..3)
            .map(|_| {
                let value = match random.random_range(0..5) {
                    0 => PutValue::Delete,
                    1 => PutValue::FirstSequence,
                    2 => PutValue::LastSequence,
                    3 => PutValue::BlobId,
                    _ => PutValue::Bytes(noise(random.random_range(0..500)).to_vec()),
                };
                put(&format!("k{}", random.random_range(0..20)), value)
            })
            .collect(),
    };
    let blob = random.random_bool(0.4).then(|| noise(size(random)));
    let expect_last = random.random_bool(0.2).then(|| last - random.random_range(0..=last.min(1)));
    Batch { records, blob, puts, expect_last, keep_if_duplicate: random.random_bool(0.2) }
}

/// The log again, in a directory of its own unless it was closed.
fn again(random: &mut ChaCha8Rng, log: SledLog, dir: &mut tempfile::TempDir) -> SledLog {
    let other = tempfile::tempdir().unwrap();
    match random.random_range(0..3) {
        0 => {
            drop(log);
            let log = open(dir.path());
            assert!(log.opened().clean);
            return log;
        }
        1 => {
            copy_dir(dir.path(), other.path());
            drop(log);
        }
        _ => {
            let mut parts = Parts::default();
            log.backup(&mut parts).unwrap();
            drop(log);
            restored(&parts, other.path()).unwrap();
        }
    }
    *dir = other;
    open(dir.path())
}

async fn run(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut dir = tempfile::tempdir().unwrap();
    let (mut model, mut log) = (Model::default(), open(dir.path()));
    for _ in 0..12 {
        // Sent together, so that they meet in groups of every kind.
        let mut sent = Vec::new();
        for _ in 0..random.random_range(1..40) {
            let batch = random_batch(&mut random, model.records.len() as u64);
            sent.push((model.append(&batch), log.append(batch)));
        }
        for (expected, answer) in sent {
            let answer = answer.await.map(|done| Committed { recorded_us: 0, ..done });
            assert_eq!(answer, expected, "seed {seed}");
        }
        if random.random_bool(0.3) {
            model.trim(&mut random, &log);
        }
        if random.random_bool(0.4) {
            log = again(&mut random, log, &mut dir);
        }
        model.check(&log);
    }
}

#[tokio::test]
async fn the_log_does_what_the_model_does() {
    for seed in 0..12 {
        run(seed).await;
    }
}
