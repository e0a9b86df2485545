//! Verifies an exported range, with nothing but the file (and, better, the log's public key from
//! somewhere else).
use super::bundle::{FORMAT, Head, Line};
use super::checkpoint::{CheckpointError, Verifier};
use crate::stored::{DecodeError, cloud_event};
use hub_log::{Hash, Record, chain};
use hub_schemas::CloudEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, Read as _};

/// The longest line that is believed: a record's body, escaped.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Why an export does not verify.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file could not be read.
    #[error("the export could not be read: {0}")]
    Io(#[from] io::Error),
    /// A line is not of the form.
    #[error("line {line}: {why}; was the file cut short, or written by something else?")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A record is not the next.
    #[error(
        "line {line}: event {found} stands where {expected} should; something was left out or added"
    )]
    Order {
        /// Which line, from 1.
        line: u64,
        /// The sequence that should be here.
        expected: u64,
        /// The one that is.
        found: u64,
    },
    /// The chain does not end in the signed hash.
    #[error(
        "events {from} to {to} do not lead to the hash that was signed: at least one of them, or \
         what the first line says came before, was changed"
    )]
    Chain {
        /// The first event.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The checkpoint is of another record.
    #[error("the checkpoint is of event {found} of {log}, and the export ends with event {to}")]
    OtherCheckpoint {
        /// What it is of.
        found: u64,
        /// Of which log.
        log: String,
        /// Where the export ends.
        to: u64,
    },
    /// The checkpoint does not hold.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A record verifies, and is in no form that this version knows.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// An export that verifies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleVerdict {
    /// The log's name.
    pub log: String,
    /// The first event.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// Events that are there in full.
    pub shown: u64,
    /// Events of which there is only the hash.
    pub withheld: u64,
    /// When it was signed.
    pub signed: String,
    /// The key that signed.
    pub key: String,
    /// The key was named by whoever verifies, and not only by the file itself.
    pub key_was_given: bool,
}

/// Verifies an export. `tell` gets each event that is there in full, in order; what it is told is
/// proven only once this returns `Ok`.
pub fn read_bundle(
    input: &mut dyn BufRead,
    key: Option<&str>,
    tell: &mut dyn FnMut(CloudEvent),
) -> Result<BundleVerdict, BundleError> {
    let mut lines = Lines { input, at: 0 };
    let head: Head = lines.next()?.ok_or_else(|| lines.wrong("the file is empty"))?;
    if head.format != FORMAT {
        return Err(lines.wrong(&format!("its format is {:?}, not {FORMAT:?}", head.format)));
    }
    if head.from == 0 || head.from > head.to || head.to == u64::MAX {
        return Err(lines.wrong("its range of events is empty"));
    }
    let verifier = Verifier::new(key.unwrap_or(&head.key))?;
    let checkpoint = verifier.open(&head.checkpoint)?;
    if checkpoint.sequence != head.to || checkpoint.log != head.log {
        let (found, log) = (checkpoint.sequence, checkpoint.log);
        return Err(BundleError::OtherCheckpoint { found, log, to: head.to });
    }
    let mut hash = lines.hash(&head.before)?;
    if head.from == 1 && hash != chain::GENESIS {
        return Err(lines.wrong("something stands before the first event of the log"));
    }
    let (mut expected, mut shown, mut withheld) = (head.from, 0, 0);
    while let Some(line) = lines.next::<Line>()? {
        if line.sequence != expected {
            let (line, found) = (lines.at, line.sequence);
            return Err(BundleError::Order { line, expected, found });
        }
        let body_hash = match (&line.body, &line.body_blake3) {
            (Some(body), None) => chain::body_hash(body.as_bytes()),
            (None, Some(hash)) => lines.hash(hash)?,
            _ => return Err(lines.wrong("it needs either a body or a body_blake3")),
        };
        let Line { sequence, recorded_us, blob, body, .. } = line;
        hash = chain::link(&hash, sequence, recorded_us, blob, &body_hash);
        match body {
            Some(body) => {
                let body = body.into_bytes().into();
                tell(cloud_event(&Record { sequence, recorded_us, blob, hash, body })?);
                shown += 1;
            }
            None => withheld += 1,
        }
        expected += 1;
    }
    if expected != head.to + 1 {
        return Err(lines.wrong(&format!("it ends before event {expected} of {}", head.to)));
    }
    if hash != checkpoint.hash {
        return Err(BundleError::Chain { from: head.from, to: head.to });
    }
    Ok(BundleVerdict {
        log: head.log,
        from: head.from,
        to: head.to,
        shown,
        withheld,
        signed: format!("{:.0}", checkpoint.time),
        key: verifier.key().to_owned(),
        key_was_given: key.is_some(),
    })
}

struct Lines<'a> {
    input: &'a mut dyn BufRead,
    at: u64,
}

impl Lines<'_> {
    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, BundleError> {
        let mut line = Vec::new();
        self.at += 1;
        (&mut *self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            return Err(self.wrong("it does not end"));
        }
        serde_json::from_slice(&line).map(Some).map_err(|e| self.wrong(&e.to_string()))
    }

    fn hash(&self, text: &str) -> Result<Hash, BundleError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)
            .map_err(|_| self.wrong("a hash is not 64 hexadecimal digits"))?;
        Ok(hash)
    }

    fn wrong(&self, why: &str) -> BundleError {
        BundleError::Line { line: self.at, why: why.to_owned() }
    }
}
