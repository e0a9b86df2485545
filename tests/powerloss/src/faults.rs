//! The child whose disk fails: what the log must do at a fault, asserted where it happens.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use hub_log::{AppendError, EventLog, Health};

use crate::check::{open, wait, writers};
use crate::child::Marks;
use crate::work::{WRITERS, nth};

/// More than any fault waits for.
const BATCHES_MAX: u64 = 400;

/// Works until the ordered fault (see the recorder's `fault`) has hit. If it is one that shows,
/// then: some append failed, none is acknowledged after, also once the disk is well again,
/// health says so, and what was acknowledged can be read.
pub fn run(disk: &Path, orders: &[String], shows: bool) -> Result<()> {
    let marks = Marks::new()?;
    let log = Arc::new(open(disk)?);
    let from = writers(&log, None)?.get(&0).copied().unwrap_or(0);
    for n in from..from + 10 {
        for writer in 0..WRITERS {
            wait(log.append(nth(writer, n)))?;
            marks.say(&format!("acked {writer} {n}"))?;
        }
    }
    for order in orders {
        marks.say(&format!("!{order}"))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let tasks = (0..WRITERS).map(|writer| {
        let (log, marks) = (log.clone(), marks.clone());
        runtime.spawn(async move {
            for n in from + 10..from + 10 + if shows { BATCHES_MAX } else { 30 } {
                match log.append(nth(writer, n)).await {
                    Ok(_) => marks.say(&format!("acked {writer} {n}"))?,
                    Err(error) => return Ok(Some(error)),
                }
            }
            Ok::<_, anyhow::Error>(None)
        })
    });
    for (writer, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        match runtime.block_on(task)?? {
            Some(AppendError::Failed { .. }) if shows => {}
            None if !shows => {}
            other => bail!("writer {writer} ended with {other:?}"),
        }
    }
    marks.say("!heal")?;
    if shows {
        stays_failed(&*log)?;
    }
    let last = log.last();
    let verified = log.verify(0, &mut |_| ())?.records;
    ensure!(verified == last, "{verified} of {last} records can be read");
    log.close();
    Ok(())
}

/// It never takes an append again, says so, and still reads.
pub fn stays_failed(log: &impl EventLog) -> Result<()> {
    for n in 0..20 {
        let late = wait(log.append(nth(99, n)));
        ensure!(matches!(late, Err(AppendError::Failed { .. })), "acknowledged after: {late:?}");
    }
    let health = log.health();
    ensure!(matches!(health, Health::Failed { .. }), "health is {health:?}");
    let some = log.read(1, 100)?;
    ensure!(!some.is_empty() || log.last() == 0, "nothing is read");
    Ok(())
}
