//! The process under test. It runs with the recorder preloaded, and says what it was told by
//! marks: one write each to the file that `POWERLOSS_MARKS` names.
//!
//! To put more of the log's operations under test, add them to [`besides`]: whatever they write
//! is recorded and cut like everything else.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hub_log::{BackupSink, EventLog, LogOptions, RestoreSource, SledLog, restore};
use tokio::task::JoinHandle;

use crate::check::{open, same, writers};
use crate::model::Plan;
use crate::rig::scratch;
use crate::work::{FILLER, KEPT, NEWEST, WRITERS, nth};

/// Where acknowledgements go.
#[derive(Debug, Clone)]
pub struct Marks(Arc<File>);

impl Marks {
    /// From the environment.
    pub fn new() -> Result<Self> {
        let path = std::env::var_os("POWERLOSS_MARKS").context("POWERLOSS_MARKS is not set")?;
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self(Arc::new(file)))
    }

    /// One mark, in one write.
    pub fn say(&self, text: &str) -> Result<()> {
        ensure!((&*self.0).write(text.as_bytes())? == text.len(), "a mark was cut short");
        Ok(())
    }
}

/// Several writers at once; now and then the log is closed and opened again.
/// `fill`: how many batches of the [`FILLER`] come with them.
pub fn run_writers(disk: &Path, batches: u64, opens: u64, fill: u64) -> Result<()> {
    let marks = Marks::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    for round in 0..opens {
        let log = Arc::new(open(disk)?);
        let from = writers(&log, None)?;
        let tasks = (0..WRITERS).chain([FILLER]).map(|writer| {
            let from = from.get(&writer).copied().unwrap_or(0);
            let count = match writer {
                FILLER => fill / opens,
                _ => (batches / opens / WRITERS).max(1),
            };
            let to = from + count;
            let (log, marks) = (log.clone(), marks.clone());
            runtime.spawn(async move {
                for n in from..to {
                    log.append(nth(writer, n)).await?;
                    marks.say(&format!("acked {writer} {n}"))?;
                    if n % 8 == 7 {
                        let again = log.append(nth(writer, n)).await?;
                        ensure!(!again.written, "{writer}.{n} was not recognised");
                    }
                }
                Ok(())
            })
        });
        let tasks: Vec<_> = tasks.collect();
        besides(&log, || tasks.iter().all(JoinHandle::is_finished))?;
        for task in tasks {
            runtime.block_on(task)??;
        }
        // The last time it ends as if killed: the next opening is not after a clean close.
        if round + 1 < opens || opens == 1 {
            log.close();
        } else {
            // What was trimmed last is on its way to the disk by the store's own threads: the end
            // of the process must not come between a write and the recorder's word of it.
            let n = writers(&log, None)?.get(&0).copied().unwrap_or(0);
            runtime.block_on(log.append(nth(0, n)))?;
            marks.say(&format!("acked 0 {n}"))?;
            std::process::exit(0);
        }
    }
    Ok(())
}

/// What goes on beside the writers, until they are done.
fn besides(log: &SledLog, done: impl Fn() -> bool) -> Result<()> {
    for round in 0_u64.. {
        ensure!(log.forget_dedup_before(i64::MAX)? == 0, "a key younger than 30 days is forgotten");
        trim(log)?;
        if round == 2 {
            back_up(log)?;
        }
        if done() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Lets go of all blobs but the newest, and some.
fn trim(log: &SledLog) -> Result<()> {
    let stats = log.stats();
    if let Some(newer) = log.get(stats.last.saturating_sub(NEWEST))? {
        let keep: Vec<_> = (KEPT..stats.blob_last + 1_000).step_by(KEPT as usize).collect();
        log.trim_blobs(newer.recorded_us, &keep)?;
    }
    Ok(())
}

/// What is durable now must be in a backup, and come out of it. Where it is restored is not
/// under test.
fn back_up(log: &SledLog) -> Result<()> {
    let (last, mut parts) = (log.last(), Parts::default());
    let done = log.backup(&mut parts)?;
    ensure!(done.last >= last, "the backup ends with {}, and {last} was durable", done.last);
    let elsewhere = scratch()?;
    let options = LogOptions::new(elsewhere.path().join("log"));
    let restored = restore(&mut parts, &options)?;
    ensure!((restored.last, restored.last_hash) == (done.last, done.last_hash), "{restored:?}");
    writers(&open(elsewhere.path())?, None).context("in a restored backup")?;
    Ok(())
}

#[derive(Default)]
struct Parts(VecDeque<(String, Vec<u8>)>);

impl BackupSink for Parts {
    fn part(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.push_back((name.into(), bytes.into()));
        Ok(())
    }
}

impl RestoreSource for Parts {
    fn part(&mut self) -> io::Result<Option<(String, Vec<u8>)>> {
        Ok(self.0.pop_front())
    }
}

/// The operations of a seed, with several under way at a time.
pub fn run_model(disk: &Path, seed: u64, operations: u64) -> Result<()> {
    let marks = Marks::new()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut plan = Plan::new(seed);
    let mut log = open(disk)?;
    let mut sent = Vec::new();
    while plan.done() < operations {
        let n = plan.done();
        let operation = plan.next();
        // Not at the end, see `run_writers`.
        if n % 16 == 8 && n + 50 < operations {
            trim(&log)?;
        }
        if operation.reopen && sent.is_empty() {
            drop(log);
            log = open(disk)?;
        }
        sent.push((n, log.append(operation.batch), operation.answer));
        if operation.wait || plan.done() == operations {
            for (n, answer, expected) in sent.drain(..) {
                let answer = runtime.block_on(answer);
                ensure!(same(&answer, &expected), "operation {n}: {answer:?}, not {expected:?}");
                marks.say(&format!("acked 0 {n}"))?;
            }
        }
    }
    plan.model().compare(&log)?;
    std::process::exit(0)
}

/// Opens the log and closes it again.
pub fn run_open(disk: &Path) -> Result<()> {
    drop(open(disk)?);
    Ok(())
}
