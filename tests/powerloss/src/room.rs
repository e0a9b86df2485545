//! The child whose disk is really full. Its disk is a small one of its own, so it checks all
//! of it itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use hub_log::{AppendError, EventLog, Health, LogOptions, SledLog};

use crate::check::{Acked, Work, after_cut, open, wait, writers};
use crate::faults::stays_failed;
use crate::work::nth;

/// Another file fills the disk: appends are refused, reads go on, and once the file is gone the
/// log goes on by itself.
pub fn filled_by_another(disk: &Path) -> Result<()> {
    let log = open(disk)?;
    let mut n = 0;
    let mut append = |log: &SledLog| -> Result<(), AppendError> {
        wait(log.append(nth(0, n)))?;
        n += 1;
        Ok(())
    };
    for _ in 0..3 {
        for _ in 0..20 {
            append(&log)?;
        }
        let ballast = disk.join("ballast");
        fill(&ballast)?;
        for _ in 0..5 {
            let refused = append(&log);
            ensure!(matches!(refused, Err(AppendError::Full { .. })), "not refused: {refused:?}");
        }
        ensure!(matches!(log.health(), Health::Full { .. }), "health is {:?}", log.health());
        writers(&log, None)?;
        fs::remove_file(&ballast)?;
        ensure!(log.health() == Health::Ready, "health is {:?}", log.health());
        append(&log)?;
    }
    drop(log);
    after_cut(disk, Work::Writers, &Acked(BTreeMap::from([(0, n)])))
}

/// The log itself fills the disk, told to keep nothing free: a real ENOSPC in the store. It
/// stops, and with room and a restart everything acknowledged is there.
pub fn filled_by_itself(disk: &Path) -> Result<()> {
    let ballast = disk.join("ballast");
    File::create(&ballast)?.write_all(&vec![1; 12 << 20])?;
    let options = LogOptions { free_bytes_reserve: 0, ..LogOptions::new(disk.join("log")) };
    let log = SledLog::open(options)?;
    let mut acked = 0;
    let error = loop {
        match wait(log.append(nth(0, acked))) {
            Ok(_) => acked += 1,
            Err(AppendError::Full { .. }) => bail!("it kept something free"),
            Err(error) => break error,
        }
    };
    ensure!(matches!(error, AppendError::Failed { .. }), "it failed with {error}");
    ensure!(acked > 50, "it stopped after {acked} already");
    stays_failed(&log)?;
    drop(log);
    fs::remove_file(&ballast)?;
    // What is checked with keeps the usual reserve, and there is not that much.
    let options = LogOptions { free_bytes_reserve: 0, ..LogOptions::new(disk.join("log")) };
    let log = SledLog::open(options)?;
    let there = writers(&log, Some(&Acked(BTreeMap::from([(0, acked)]))))?;
    wait(log.append(nth(0, there.get(&0).copied().unwrap_or(0))))?;
    writers(&log, None)?;
    println!("{acked} batches were acknowledged before the disk was full");
    Ok(())
}

fn fill(ballast: &Path) -> Result<()> {
    let mut file = File::create(ballast)?;
    let block = vec![1; 1 << 20];
    while file.write_all(&block).is_ok() {}
    Ok(())
}
