//! Checkpoints as they are kept: one an hour for ever, and the newest.
use super::checkpoint::{Checkpoint, CheckpointError};
use super::key::LogKey;
use hub_log::chain::GENESIS;
use hub_log::{AppendError, Batch, EventLog, Put, PutValue, ReadError, Table};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const CHECKPOINTS: Table = Table::new("checkpoints");
/// Read at once.
const PAGE: usize = 1_000;

/// Why no checkpoint was made.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The log did not give its last record.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] CheckpointError),
}

/// The checkpoints of a log.
pub struct Kept {
    log: Arc<dyn EventLog>,
    key: LogKey,
}

impl Kept {
    /// Of this log, signed with this key.
    pub fn new(log: Arc<dyn EventLog>, key: LogKey) -> Self {
        Self { log, key }
    }

    /// The key.
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// A checkpoint of this record, signed now and not kept; of the last one for `None`.
    pub fn sign(&self, sequence: Option<u64>) -> Result<Option<(Checkpoint, String)>, KeepError> {
        let sequence = sequence.unwrap_or_else(|| self.log.last());
        let hash = match sequence {
            0 => GENESIS,
            at => match self.log.get(at)? {
                Some(record) => record.hash,
                None => return Ok(None),
            },
        };
        let (log, time) = (self.key.name().to_owned(), jiff::Timestamp::now());
        let checkpoint = Checkpoint { log, sequence, hash, time };
        let note = self.key.sign(&checkpoint)?;
        Ok(Some((checkpoint, note)))
    }

    /// Signs the end of the log and keeps it, unless the newest one is of this record. `newest`
    /// is replaced by it, and removed from the store if it was of the same hour.
    async fn keep(&self, newest: &mut Option<Checkpoint>) -> Result<(), KeepError> {
        let last = self.log.last();
        if last == 0 || newest.as_ref().is_some_and(|newest| newest.sequence == last) {
            return Ok(());
        }
        let Some((checkpoint, note)) = self.sign(Some(last))? else { return Ok(()) };
        let put = |sequence: u64, value| Put {
            table: CHECKPOINTS,
            key: sequence.to_be_bytes().to_vec(),
            value,
        };
        let mut puts = vec![put(last, PutValue::Bytes(note.into_bytes()))];
        if let Some(newest) = newest.as_ref().filter(|n| hour(n.time) == hour(checkpoint.time)) {
            puts.push(put(newest.sequence, PutValue::Delete));
        }
        self.log.append(Batch { puts, ..Batch::default() }).await?;
        *newest = Some(checkpoint);
        Ok(())
    }

    /// Every kept checkpoint's note, oldest first.
    pub fn notes(log: &dyn EventLog) -> Result<Vec<(u64, String)>, ReadError> {
        let mut notes = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = log.table_scan(CHECKPOINTS, b"", after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(notes) };
            after = Some(last.clone());
            for (key, note) in page {
                let sequence = key.as_slice().try_into().map_or(0, u64::from_be_bytes);
                notes.push((sequence, String::from_utf8_lossy(&note).into_owned()));
            }
        }
    }
}

fn hour(time: jiff::Timestamp) -> i64 {
    time.as_second().div_euclid(3_600)
}

/// Keeps a checkpoint every so often while there is something new, and one at the end.
pub async fn run(kept: Arc<Kept>, every: Duration, stop: CancellationToken) {
    let mut newest = None;
    loop {
        let stopping = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(every) => false,
        };
        if let Err(error) = kept.keep(&mut newest).await {
            tracing::warn!(%error, "no checkpoint was kept; the next one is tried in time");
        }
        if stopping {
            return;
        }
    }
}
