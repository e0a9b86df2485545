//! Random operations beside a model that is obviously right.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, ensure};
use bytes::Bytes;
use hub_log::{
    AppendError, Appended, Batch, Committed, Dedup, EventLog, NewRecord, Put, PutValue, SledLog,
    Table,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::check::may_be_trimmed;

const TABLE: Table = Table::new("model");

/// What the log should hold.
#[derive(Default)]
pub struct Model {
    records: Vec<(Bytes, Option<u64>)>,
    blobs: Vec<Bytes>,
    keys: HashMap<Vec<u8>, (u64, [u8; 32])>,
    table: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Model {
    /// How many records.
    pub fn records(&self) -> u64 {
        self.records.len() as u64
    }

    fn append(&mut self, batch: &Batch) -> Result<Committed, AppendError> {
        let found = self.records();
        if let Some(expected) = batch.expect_last.filter(|expected| *expected != found) {
            return Err(AppendError::Conflict { expected, found });
        }
        let known = |record: &NewRecord| {
            let dedup = record.dedup.as_ref()?;
            let (sequence, hash) = *self.keys.get(&dedup.key)?;
            Some(Appended::Duplicate { sequence, same_body: hash == dedup.body_hash })
        };
        let repeats: Vec<_> = batch.records.iter().filter_map(known).collect();
        let all_known = !repeats.is_empty() && repeats.len() == batch.records.len();
        if all_known && !batch.keep_if_duplicate {
            return Ok(Committed { records: repeats, blob: None, recorded_us: 0, written: false });
        }
        let blob = batch.blob.clone().map(|body| {
            self.blobs.push(body);
            self.blobs.len() as u64
        });
        let mut records = Vec::new();
        for record in &batch.records {
            let next = self.records() + 1;
            if let Some(dedup) = &record.dedup {
                if let Some((sequence, hash)) = self.keys.get(&dedup.key) {
                    let same_body = *hash == dedup.body_hash;
                    records.push(Appended::Duplicate { sequence: *sequence, same_body });
                    continue;
                }
                self.keys.insert(dedup.key.clone(), (next, dedup.body_hash));
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

    /// Says how the log differs.
    pub fn compare(&self, log: &SledLog) -> Result<()> {
        ensure!(log.last() == self.records(), "{} records, not {}", log.last(), self.records());
        let mut at = 0;
        while at < self.records.len() {
            let page = log.read(at as u64 + 1, 500)?;
            ensure!(!page.is_empty(), "nothing is read at {}", at + 1);
            for record in page {
                let (body, blob) = &self.records[at];
                at += 1;
                let same = (record.sequence, &record.body, &record.blob) == (at as u64, body, blob);
                ensure!(same, "event {at} is not what was written");
            }
        }
        for (id, body) in (1..).zip(&self.blobs) {
            let same = match log.blob(id)? {
                Some(found) => found == *body,
                None => may_be_trimmed(log, id),
            };
            ensure!(same, "blob {id} is not what was written");
        }
        ensure!(log.blob(self.blobs.len() as u64 + 1)?.is_none(), "there is a blob too many");
        let table = log.table_scan(TABLE, b"", None, usize::MAX)?;
        let table: BTreeMap<_, _> = table.into_iter().map(|(k, v)| (k, v.to_vec())).collect();
        ensure!(table == self.table, "the table is another");
        ensure!(log.verify(0, &mut |_| ())?.records == self.records(), "the chain is short");
        Ok(())
    }
}

/// An operation, and the answer it must have.
pub struct Operation {
    /// What to append.
    pub batch: Batch,
    /// What the log must answer; `recorded_us` is 0 here.
    pub answer: Result<Committed, AppendError>,
    /// Close and open the log before it.
    pub reopen: bool,
    /// Wait for this and all before it.
    pub wait: bool,
}

/// The operations of a seed, one after the other, without end.
pub struct Plan {
    random: ChaCha8Rng,
    model: Model,
    done: u64,
}

impl Plan {
    /// From the first on, for an empty log.
    pub fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), model: Model::default(), done: 0 }
    }

    /// What the log should hold now.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// How many operations were given out.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The next.
    #[allow(clippy::should_implement_trait)] // It never ends, so no `Option`.
    pub fn next(&mut self) -> Operation {
        let batch = batch(&mut self.random, self.model.records());
        let answer = self.model.append(&batch);
        self.done += 1;
        let (reopen, wait) = (self.random.random_bool(0.1), self.random.random_bool(0.1));
        Operation { batch, answer, reopen, wait }
    }
}

fn batch(random: &mut ChaCha8Rng, last: u64) -> Batch {
    let records = (0..random.random_range(0..6))
        .map(|_| match random.random_range(0..3) {
            0 => NewRecord::new(noise(random)),
            _ => {
                let key = format!("k{}", random.random_range(0..400)).into_bytes();
                let body = "body ".repeat(random.random_range(1..3));
                let body_hash = *blake3::hash(body.as_bytes()).as_bytes();
                NewRecord::with_dedup(body, Dedup { scope: "s".into(), key, body_hash })
            }
        })
        .collect();
    let puts = (0..if random.random_bool(0.3) { 3 } else { 0 })
        .map(|_| {
            let value = match random.random_range(0..5) {
                0 => PutValue::Delete,
                1 => PutValue::FirstSequence,
                2 => PutValue::LastSequence,
                3 => PutValue::BlobId,
                _ => PutValue::Bytes(noise(random).slice(..).iter().copied().take(500).collect()),
            };
            let key = format!("k{}", random.random_range(0..20)).into_bytes();
            Put { table: TABLE, key, value }
        })
        .collect();
    let blob = random.random_bool(0.4).then(|| noise(random));
    let expect_last = random.random_bool(0.1).then(|| last - random.random_range(0..=last.min(1)));
    Batch { records, blob, puts, expect_last, keep_if_duplicate: random.random_bool(0.2) }
}

/// Bytes that do not compress, now and then more than the store keeps in one value.
fn noise(random: &mut ChaCha8Rng) -> Bytes {
    let size = match random.random_range(0..60) {
        0 => random.random_range(0..150_000),
        1..6 => random.random_range(0..9_000),
        _ => random.random_range(0..300),
    };
    let mut out = vec![0; size];
    random.fill(out.as_mut_slice());
    out.into()
}
