//! The child whose disk fails: what the log must do at a fault, asserted where it happens.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use hub_log::{AppendError, EventLog, Health, ReadError, VerifyError};

use crate::check::{open, wait, writers};
use crate::child::Marks;
use crate::work::{WRITERS, nth};

/// More than any fault waits for.
const BATCHES_MAX: u64 = 400;

/// Works until the ordered fault (see the recorder's `fault`) has hit. If it is one that shows,
/// then: some append failed, none is acknowledged after, also once the disk is well again,
/// health says so, and what was acknowledged can be read; or, where sled's own write failed in
/// the middle of splitting a page, says that it cannot, and is never wrong.
pub fn run(disk: &Path, orders: &[String], shows: bool, restarts: bool) -> Result<()> {
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
    match log.verify(0, &mut |_| ()) {
        Ok(verified) => ensure!(verified.records == last, "{} of {last}", verified.records),
        // sled's readers finish a split of a page that its writer began, and fail as it did.
        Err(VerifyError::Read(ReadError::Io { .. })) if writes_fail(orders) => {
            marks.say("reads of a page that was being split failed")?;
        }
        Err(error) => bail!("what is acknowledged does not verify: {error}"),
    }
    log.close();
    drop(log);
    if restarts {
        goes_on(disk, &marks)?;
    }
    Ok(())
}

/// As after a restart of the process: the disk is well, and what the log wrote in vain is still
/// to be seen in the page cache.
fn goes_on(disk: &Path, marks: &Marks) -> Result<()> {
    let log = open(disk)?;
    let from = writers(&log, None)?;
    for writer in 0..WRITERS {
        let from = from.get(&writer).copied().unwrap_or(0);
        for n in from..from + 3 {
            wait(log.append(nth(writer, n)))?;
            marks.say(&format!("acked {writer} {n}"))?;
        }
    }
    log.close();
    Ok(())
}

/// After a clean close, a sync of the next opening fails: of the store, if it is an fdatasync, and
/// then it must say so. The opening after, of a disk that is well again, must not build on what
/// was written in vain.
pub fn run_opening(disk: &Path, order: &str) -> Result<()> {
    let marks = Marks::new()?;
    for _ in 0..2 {
        goes_on(disk, &marks)?;
    }
    marks.say(&format!("!{order}"))?;
    let opened = open(disk);
    ensure!(opened.is_err() || !order.contains("fdatasync"), "a sync failed, and the log opened");
    drop(opened);
    marks.say("!heal")?;
    goes_on(disk, &marks)
}

/// Whether sled itself meets the fault: it does not see a failed fdatasync, which is the log's.
fn writes_fail(orders: &[String]) -> bool {
    orders.iter().any(|order| !order.contains("fdatasync"))
}

/// It never takes an append again, and says so.
pub fn stays_failed(log: &impl EventLog) -> Result<()> {
    for n in 0..20 {
        let late = wait(log.append(nth(99, n)));
        ensure!(matches!(late, Err(AppendError::Failed { .. })), "acknowledged after: {late:?}");
    }
    let health = log.health();
    ensure!(matches!(health, Health::Failed { .. }), "health is {health:?}");
    Ok(())
}
