//! The event log: one append-only, hash-chained stream of records, a second stream of raw
//! blobs, a dedup index and small side tables, all on one embedded store.
//!
//! Everything above this crate sees only [`EventLog`]. The crate knows nothing of payments,
//! JSON or connectors (a body is opaque bytes), and nothing outside it knows sled.
//!
//! What always holds:
//!
//! * **Acknowledged means durable.** [`EventLog::append`] resolves after an fdatasync, and a
//!   duplicate only once its original is durable too.
//! * **A batch is all or nothing**, over a crash and over a power cut: records, blob, dedup
//!   entries and table values alike.
//! * **Sequences have no hole.** Readers and followers see a prefix of the stream, in order,
//!   and only what is durable. (Tables are the exception: see [`EventLog::table_get`].)
//! * **The writer never waits for a reader**, and every queue is bounded by count and bytes.
//!
//! A map of the files: `api` the words of the interface, `sled_log` the implementation's
//! face, `queue` → `pipeline` → `builder` (`draft`, `ops`) → `committer` the way of an
//! append, `read`, `follow`
//! and `verify` the ways back, `chain`, `chunk`, `frame`, `keys` and `dedup` the bytes on disk,
//! `open` (`format`, `head_file`, `check`, `holder`) and `store`
//! the life of the files, `trim` the end of old blobs, `backup` and `restore` (`backup_part`) a second life elsewhere, `host` the clock, the disk's space and its sync.

#![forbid(unsafe_code)]

mod api;
mod backup;
mod backup_part;
pub mod bench;
mod builder;
pub mod chain;
mod check;
mod chunk;
mod committer;
#[cfg(test)]
mod crash_points;
mod dedup;
mod draft;
mod error;
#[cfg(test)]
mod faults;
mod follow;
mod format;
mod frame;
mod head_file;
mod holder;
mod host;
mod keys;
mod leftovers;
mod open;
mod ops;
mod options;
mod pipeline;
mod queue;
mod read;
mod restore;
mod sled_log;
mod state;
mod store;
mod trim;
mod verify;

pub use api::{
    Appended, Batch, Committed, Dedup, EventLog, Follow, Follower, Health, LogStats, NewRecord,
    Put, PutValue, Record, Sequence, Table, Trimmed,
};
pub use backup::{BackedUp, BackupSink};
pub use chain::Hash;
pub use error::{AppendError, BackupError, OpenError, ReadError, RestoreError, VerifyError};
pub use open::Opened;
pub use options::LogOptions;
pub use restore::{RestoreSource, Restored, restore};
pub use sled_log::SledLog;
pub use verify::Verified;
