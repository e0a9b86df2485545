//! How long a log takes to open, and what it then holds in memory.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use super::{BenchError, machine};
use crate::api::{EventLog, Sequence};
use crate::options::LogOptions;
use crate::sled_log::SledLog;

/// What [`reopen`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reopened {
    /// How many events the log holds.
    pub events: Sequence,
    /// Whether its files were dropped from the page cache before (`posix_fadvise`).
    pub cold: bool,
    /// From the call to a log that takes appends.
    pub seconds: f64,
    /// Resident bytes of this process before opening, right after, and after a full scan; none
    /// where the machine does not say. Only in a fresh process do the differences mean much.
    pub resident_bytes: [Option<u64>; 3],
}

impl fmt::Display for Reopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cold = if self.cold { "cold" } else { "warm" };
        write!(f, "reopened {cold}, {} events: {:.2} s", self.events, self.seconds)?;
        if let [Some(before), Some(open), Some(scanned)] = self.resident_bytes {
            let mb = |bytes| bytes as f64 / 1e6;
            let (before, open, scanned) = (mb(before), mb(open), mb(scanned));
            write!(f, "; {before:.0} MB resident before, {open:.0} open, {scanned:.0} scanned")?;
        }
        Ok(())
    }
}

/// Opens the log in this directory, which nobody else may have open, and scans it. Blocks.
pub fn reopen(dir: &Path, cold: bool) -> Result<Reopened, BenchError> {
    if cold {
        machine::forget_cached(dir)?;
    }
    let before = machine::resident_bytes();
    let start = Instant::now();
    let log = SledLog::open(LogOptions::new(dir))?;
    let seconds = start.elapsed().as_secs_f64();
    let open = machine::resident_bytes();
    let events = log.last();
    scan(&log)?;
    let scanned = machine::resident_bytes();
    log.close();
    Ok(Reopened { events, cold, seconds, resident_bytes: [before, open, scanned] })
}

/// Reads every record, and says how many bytes their bodies have.
pub(super) fn scan(log: &dyn EventLog) -> Result<u64, BenchError> {
    let (mut next, mut bytes) = (1, 0);
    loop {
        let records = log.read(next, 1_000)?;
        let Some(last) = records.last() else { return Ok(bytes) };
        next = last.sequence + 1;
        bytes += records.iter().map(|record| record.body.len() as u64).sum::<u64>();
    }
}
