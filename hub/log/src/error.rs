//! What can go wrong, and what the reader of the message can do about it.

use std::path::PathBuf;

use crate::api::Sequence;

/// Why a log did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle in this one, has it open.
    #[error(
        "the log in {} is in use{holder}; stop that process, or choose another directory",
        dir.display()
    )]
    Locked {
        /// The log's directory.
        dir: PathBuf,
        /// " by process 4711, since …", as far as its holder file says; else empty.
        holder: String,
    },
    /// Written by another version of the format, or not by this program.
    #[error(
        "the store in {} has {found}, and this version reads {expected}; \
         use the version that wrote it, or another directory. No record was changed",
        dir.display()
    )]
    Format {
        /// The log's directory.
        dir: PathBuf,
        /// What stands there.
        found: String,
        /// What this version reads.
        expected: &'static str,
    },
    /// The store is damaged.
    #[error(
        "the log in {} is damaged: {detail}. Keep this directory for analysis, and restore a \
         backup into an empty one; no record was changed",
        dir.display()
    )]
    Corrupt {
        /// The log's directory.
        dir: PathBuf,
        /// Which file or sequence, and what is wrong with it.
        detail: String,
    },
    /// The file system refused.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The options contradict each other.
    #[error("log option {option}: {problem}")]
    Options {
        /// Which option.
        option: &'static str,
        /// What is wrong, and what is allowed.
        problem: String,
    },
}

/// Why a batch was not appended. None of these leaves a part of the batch behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full: the disk is slower than what comes in.
    #[error("the log's queue is full; try again in {retry_after_ms} ms")]
    Busy {
        /// A guess from the last sync's time, 10 ms to 1 s.
        retry_after_ms: u64,
    },
    /// `expect_last` did not hold.
    #[error(
        "the log's last sequence is {found}, not {expected} as expected; read on, decide again"
    )]
    Conflict {
        /// What the batch expected.
        expected: Sequence,
        /// What it is.
        found: Sequence,
    },
    /// A part of the batch is above its limit.
    #[error("{what} has {bytes} bytes, and the log takes at most {bytes_max}")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The disk is nearly full.
    #[error(
        "the log's disk has {free_bytes} bytes free, and {reserve_bytes} must stay free; \
         free some space, and the log goes on by itself"
    )]
    Full {
        /// What the file system has left.
        free_bytes: u64,
        /// What must stay free.
        reserve_bytes: u64,
    },
    /// The file system is mounted read-only.
    #[error(
        "the log's file system is read-only; remount it writable, and the log goes on by itself"
    )]
    ReadOnly,
    /// A write or sync failed, now or earlier: whether this batch is on disk is unknown until a
    /// restart (its dedup keys tell then).
    #[error(
        "the log stopped: {reason}; check the disk, then restart (acknowledged records are safe)"
    )]
    Failed {
        /// What failed, and how.
        reason: String,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// What is stored does not decode or does not fit its hash.
    #[error(
        "the log is damaged at {stream} {at}: {detail}; run `hub events verify`, then restore a backup"
    )]
    Corrupt {
        /// "event", "blob", …
        stream: &'static str,
        /// The sequence or id.
        at: u64,
        /// What is wrong.
        detail: String,
    },
    /// The store refused.
    #[error("could not read {what} from the log: {detail}")]
    Io {
        /// What was being read.
        what: &'static str,
        /// What the store said.
        detail: String,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a verification ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The chain is broken here: this record, or what its hash covers, is not what was written.
    #[error(
        "the chain breaks at event {sequence}: {detail}; everything before it is as it was \
         written. Compare with a backup"
    )]
    Broken {
        /// The first record that is bad.
        sequence: Sequence,
        /// How it shows.
        detail: String,
    },
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a backup was not made. What the sink has by then is not a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The log could not be read, or is damaged.
    #[error("the log cannot be backed up: {0}")]
    Read(#[from] ReadError),
    /// The sink refused.
    #[error("part {part} of the backup could not be written: {source}; make the backup again")]
    Sink {
        /// Which part.
        part: String,
        /// What it said.
        source: std::io::Error,
    },
    /// The writer stopped before what it had written was durable.
    #[error("the log stopped: {reason}; check the disk, restart, and make the backup again")]
    Failed {
        /// What failed, and how.
        reason: String,
    },
}

/// Why a log was not restored. The directory is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something already.
    #[error("{} is not empty; restore into an empty directory", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// A part is not what was written.
    #[error("part {name} of the backup: {detail}; use another copy of it. Nothing was restored")]
    Part {
        /// Its name.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The last part, without which nothing is certain, is missing.
    #[error("the backup ends after {after}, before its last part; use another copy of it")]
    Truncated {
        /// The name of the last part that is there.
        after: String,
    },
    /// The parts could not be read.
    #[error("the backup cannot be read after {after}: {source}")]
    Source {
        /// The name of the last part that was read.
        after: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Every part is as written, but together they are not the log they should be.
    #[error("the backup does not hang together: {detail}; use another one. Nothing was restored")]
    Mismatch {
        /// What does not fit.
        detail: String,
    },
    /// The directory or the store in it.
    #[error(transparent)]
    Store(#[from] OpenError),
}

/// Why the writer stopped. Kept in the shared state and told to every append after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub String);

impl From<Failure> for AppendError {
    fn from(failure: Failure) -> Self {
        AppendError::Failed { reason: failure.0 }
    }
}

/// A sled error while reading.
pub(crate) fn read_failed(what: &'static str, error: &sled::Error) -> ReadError {
    match error {
        sled::Error::Corruption { at, .. } => ReadError::Corrupt {
            stream: what,
            at: 0,
            detail: format!("the store's own checksum fails at {at:?} of its `db` file"),
        },
        other => ReadError::Io { what, detail: other.to_string() },
    }
}
