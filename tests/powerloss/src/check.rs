//! What must hold of a log after a cut.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use futures_util::future::BoxFuture;
use hub_log::{AppendError, Appended, Committed, EventLog, LogOptions, PutValue, SledLog};

use crate::model::Plan;
use crate::work::{FILLER, KEPT, NEWEST, TABLE, batch_of, nth};

/// What the child is doing, and so what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Several writers, see [`crate::work`].
    Writers,
    /// The operations of this seed, see [`crate::model`].
    Model(u64),
}

/// What was acknowledged: for each writer the number after its last. The model's operations
/// count as one writer, 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acked(pub BTreeMap<u64, u64>);

impl Acked {
    /// Takes a mark of the child.
    pub fn note(&mut self, mark: &str) {
        let mut words = mark.split_whitespace();
        if words.next() != Some("acked") {
            return;
        }
        let mut number = || words.next()?.parse::<u64>().ok();
        if let (Some(writer), Some(n)) = (number(), number()) {
            let next = self.0.entry(writer).or_default();
            *next = (*next).max(n + 1);
        }
    }

    /// How many batches.
    pub fn batches(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Opens the log of a disk with the defaults.
pub fn open(disk: &Path) -> Result<SledLog> {
    SledLog::open(LogOptions::new(disk.join("log"))).context("the log does not open")
}

/// Everything. Panics of the store count as failures.
pub fn after_cut(disk: &Path, work: Work, acked: &Acked) -> Result<()> {
    let check = || match work {
        Work::Writers => writers_after_cut(disk, acked),
        Work::Model(seed) => model_after_cut(disk, seed, acked),
    };
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow!("a panic: {}", said.unwrap_or("without words")))
    })
}

fn writers_after_cut(disk: &Path, acked: &Acked) -> Result<()> {
    let log = open(disk)?;
    let mut next = writers(&log, Some(acked))?;
    for (writer, next) in &mut next {
        let done = wait(log.append(nth(*writer, *next - 1)))?;
        let known =
            |record: &Appended| matches!(record, Appended::Duplicate { same_body: true, .. });
        ensure!(done.records.iter().all(known), "batch {writer}.{} is not recognised", *next - 1);
    }
    let filled = next.get(&FILLER).copied().unwrap_or(0);
    for n in (0..filled).step_by(filled as usize / 12 + 1) {
        let again = wait(log.append(nth(FILLER, n)))?;
        ensure!(!again.written, "of batch {FILLER}.{n} some keys are not recognised");
    }
    for writer in 0..2 {
        let next = next.entry(writer).or_default();
        let before = log.last();
        let done = wait(log.append(nth(writer, *next)))?;
        ensure!(done.first() == Some(before + 1), "{done:?} does not follow {before}");
        *next += 1;
    }
    log.close();
    drop(log);
    let log = open(disk).context("after a clean close")?;
    ensure!(log.opened().clean, "the end of the log was not noted: {:?}", log.opened());
    let again = writers(&log, Some(&Acked(next.clone()))).context("after a clean close")?;
    ensure!(again == next, "after a clean close there is {again:?}, not {next:?}");
    Ok(())
}

/// Whether [`crate::child`] may have had this blob trimmed, by what the log says.
pub fn may_be_trimmed(log: &SledLog, id: u64) -> bool {
    id < log.stats().blob_first && !id.is_multiple_of(KEPT)
}

/// What is in the log of each writer: how many batches, all of them whole, with their blobs (but
/// such as were trimmed), none missing in between; table values as old as their records; the chain intact.
pub fn writers(log: &SledLog, acked: Option<&Acked>) -> Result<BTreeMap<u64, u64>> {
    let mut next = BTreeMap::<u64, u64>::new();
    let mut puts = BTreeMap::<Vec<u8>, Vec<u8>>::new();
    let (mut from, mut blob_last) = (1, 0);
    while from <= log.last() {
        let first = log.get(from)?.with_context(|| format!("there is no event {from}"))?;
        let (writer, n) = batch_of(&first.body).with_context(|| format!("event {from} is odd"))?;
        let expected = nth(writer, n);
        let mut found = Vec::new();
        while found.len() < expected.records.len() {
            let at = from + found.len() as u64;
            let more = log.read(at, expected.records.len() - found.len())?;
            ensure!(!more.is_empty(), "batch {writer}.{n} is torn: it ends before {at}");
            found.extend(more);
        }
        let bodies = expected.records.iter().map(|record| &record.body);
        let same = found.iter().map(|record| &record.body).eq(bodies);
        ensure!(same, "batch {writer}.{n} is torn at {from}");
        if let Some(raw) = expected.blob {
            blob_last += 1;
            let owned = found.iter().all(|record| record.blob == Some(blob_last));
            ensure!(owned, "batch {writer}.{n} does not name its blob {blob_last}");
            match log.blob(blob_last)? {
                Some(found) => ensure!(found == raw, "blob {blob_last} is not what was written"),
                None => {
                    let newest = acked.is_some() && from + NEWEST >= log.last();
                    let allowed = may_be_trimmed(log, blob_last) && !newest;
                    ensure!(allowed, "blob {blob_last} is gone, and was not to be trimmed");
                }
            }
        }
        from += expected.records.len() as u64;
        for put in expected.puts {
            let value = match put.value {
                PutValue::Bytes(value) => value,
                _ => (from - 1).to_be_bytes().to_vec(),
            };
            puts.insert(put.key, value);
        }
        let next = next.entry(writer).or_default();
        ensure!(*next == n, "batch {writer}.{n} is there, but {next} is not");
        *next += 1;
    }
    ensure!(log.blob(blob_last + 1)?.is_none(), "there is a blob without its records");
    let table = log.table_scan(TABLE, b"", None, usize::MAX)?;
    let table: BTreeMap<_, _> = table.into_iter().map(|(k, v)| (k, v.to_vec())).collect();
    ensure!(table == puts, "table values are not as old as their records");
    let verified = log.verify(0, &mut |_| ())?.records;
    ensure!(verified == log.last(), "{verified} records verify of {}", log.last());
    for (writer, acked) in acked.iter().flat_map(|acked| &acked.0) {
        let there = next.get(writer).copied().unwrap_or(0);
        ensure!(
            there >= *acked,
            "LOST: of writer {writer}, {acked} batches were acknowledged and {there} are there"
        );
    }
    Ok(next)
}

fn model_after_cut(disk: &Path, seed: u64, acked: &Acked) -> Result<()> {
    let log = open(disk)?;
    let acked = acked.0.get(&0).copied().unwrap_or(0);
    let mut plan = Plan::new(seed);
    let mut nearest = None;
    loop {
        if plan.done() >= acked && plan.model().records() == log.last() {
            match plan.model().compare(&log) {
                Ok(()) => break,
                Err(difference) => nearest = Some(difference),
            }
        }
        if plan.model().records() > log.last() {
            let lost = format!(
                "the log, with {} records, is no prefix that has the {acked} acknowledged \
                 operations",
                log.last()
            );
            return Err(nearest.unwrap_or_else(|| anyhow!("LOST")).context(lost));
        }
        plan.next();
    }
    // It goes on from there, as if nothing had been.
    for _ in 0..5 {
        let operation = plan.next();
        let answer = wait(log.append(operation.batch));
        ensure!(same(&answer, &operation.answer), "{answer:?} instead of {:?}", operation.answer);
    }
    log.close();
    drop(log);
    plan.model().compare(&open(disk)?).context("after a clean close")
}

/// Whether two answers differ in nothing but the time.
pub fn same(one: &Result<Committed, AppendError>, other: &Result<Committed, AppendError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => *one == Committed { recorded_us: one.recorded_us, ..other.clone() },
        (one, other) => one == other,
    }
}

/// Waits for an answer, on this thread.
pub fn wait<T>(answer: BoxFuture<'static, T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers needs nothing that could fail")
        .block_on(answer)
}
