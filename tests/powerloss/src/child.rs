//! The process under test. It runs with the recorder preloaded, and says what it was told by
//! marks: one write each to the file that `POWERLOSS_MARKS` names.
//!
//! To put more of the log's operations under test, add them to [`besides`]: whatever they write
//! is recorded and cut like everything else.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use hub_log::{EventLog, SledLog};

use crate::check::{open, same, writers};
use crate::model::Plan;
use crate::work::{WRITERS, nth};

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
pub fn run_writers(disk: &Path, batches: u64, opens: u64) -> Result<()> {
    let marks = Marks::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    for round in 0..opens {
        let log = Arc::new(open(disk)?);
        let from = writers(&log, None)?;
        let tasks = (0..WRITERS).map(|writer| {
            let from = from.get(&writer).copied().unwrap_or(0);
            let to = from + (batches / opens / WRITERS).max(1);
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
        besides(&log)?;
        for task in tasks {
            runtime.block_on(task)??;
        }
        // The last time it ends as if killed: the next opening is not after a clean close.
        if round + 1 < opens || opens == 1 {
            log.close();
        } else {
            std::process::exit(0);
        }
    }
    Ok(())
}

/// What goes on beside the writers.
fn besides(log: &SledLog) -> Result<()> {
    ensure!(log.forget_dedup_before(i64::MAX)? == 0, "a key younger than 30 days was forgotten");
    Ok(())
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
