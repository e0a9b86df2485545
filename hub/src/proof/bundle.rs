//! An exported range that anybody can verify without the hub: JSON lines.
//!
//! ```text
//! {"format":"hub-proof/1","log":"hub-log/…","from":10,"to":12,"before":"<hex>","key":"…","checkpoint":"…"}
//! {"sequence":10,"recorded_us":1795267175035000,"blob":3,"body":"{\"v\":2,…}"}
//! {"sequence":11,"recorded_us":1795267175035900,"body_blake3":"<hex>"}
//! {"sequence":12,"recorded_us":1795267175036000,"body":"{\"v\":2,…}"}
//! ```
//!
//! To verify: start with `before` (the hash of the record before `from`; 64 zeros for the first);
//! for each line the next hash is `BLAKE3(hash ‖ sequence u64 BE ‖ recorded_us i64 BE ‖ blob u64
//! BE, 0 for none ‖ BLAKE3(body))`; the last must be the hash that the checkpoint, a signed note
//! of the log's key, gives for `to`. `body` is the stored record byte for byte; of a record that a
//! filter left out there is only the hash, so that the rest can be shown without it.
use super::checkpoint::{Checkpoint, CheckpointError};
use super::keep::{KeepError, Kept};
use hub_index::IndexError;
use hub_log::{EventLog, ReadError, Record, chain};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// What stands in the first line's `format`.
pub(super) const FORMAT: &str = "hub-proof/1";
const PAGE_RECORDS: usize = 512;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: String,
    pub(super) log: String,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) before: String,
    pub(super) key: String,
    pub(super) checkpoint: String,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) sequence: u64,
    pub(super) recorded_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blob: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body_blake3: Option<String>,
}

/// Which records, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first, at least 1.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// Why a bundle was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The log did not give a record.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] KeepError),
    /// There is no such record.
    #[error("events {from} to {to} are not all in the log, whose last is {last}")]
    NotThere {
        /// The first asked for.
        from: u64,
        /// The last asked for.
        to: u64,
        /// The last there is.
        last: u64,
    },
    /// The index did not say which are shown.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Whoever reads it is gone.
    #[error("the export could not be written: {0}")]
    Io(#[from] io::Error),
}

impl From<CheckpointError> for WriteError {
    fn from(error: CheckpointError) -> Self {
        Self::Sign(error.into())
    }
}

/// Says which records of a page are shown in full: their sequences, ascending.
pub type Shown<'a> = dyn FnMut(&[Record]) -> Result<Vec<u64>, IndexError> + 'a;

/// Writes a range. Records that are not `shown` are there by their hash alone.
pub fn write_bundle(
    log: &dyn EventLog,
    kept: &Kept,
    range: Range,
    shown: &mut Shown<'_>,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let Range { from, to } = range;
    let not_there = || WriteError::NotThere { from, to, last: log.last() };
    if from == 0 || from > to || to > log.last() {
        return Err(not_there());
    }
    let before = match from {
        1 => chain::GENESIS,
        _ => log.get(from - 1)?.ok_or_else(not_there)?.hash,
    };
    let (Checkpoint { log: name, .. }, note) = kept.sign(Some(to))?.ok_or_else(not_there)?;
    let head = Head {
        format: FORMAT.to_owned(),
        log: name,
        from,
        to,
        before: hex::encode(before),
        key: kept.key().public().to_owned(),
        checkpoint: note,
    };
    write_line(out, &head)?;
    let mut at = from;
    while at <= to {
        let records = log.read(at, PAGE_RECORDS)?;
        let Some(last) = records.last().map(|record| record.sequence) else {
            return Err(not_there());
        };
        let page = records.iter().take_while(|record| record.sequence <= to).count();
        let in_full = shown(&records[..page])?;
        for record in &records[..page] {
            let shown = in_full.binary_search(&record.sequence).is_ok();
            write_line(out, &line(record, shown))?;
        }
        at = last + 1;
    }
    out.flush()?;
    Ok(())
}

fn line(record: &Record, shown: bool) -> Line {
    // Bodies are JSON, so UTF-8; one that is not is shown by its hash rather than bent.
    let body = std::str::from_utf8(&record.body).ok().filter(|_| shown).map(str::to_owned);
    let hash = || hex::encode(chain::body_hash(&record.body));
    Line {
        sequence: record.sequence,
        recorded_us: record.recorded_us,
        blob: record.blob,
        body_blake3: body.is_none().then(hash),
        body,
    }
}

fn write_line(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
