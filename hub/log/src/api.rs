//! The words of the interface: what goes in, what comes out, and the trait between.

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::backup::{BackedUp, BackupSink};
use crate::chain::Hash;
use crate::error::{AppendError, BackupError, ReadError, VerifyError};
use crate::verify::Verified;

/// Position in the event stream, from 1. 0 means "before the first".
pub type Sequence = u64;

/// One durable record.
///
/// The body is a slice of its decompressed chunk (some 16 KiB): to keep a few bodies for long,
/// copy them, or each holds its whole chunk in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position in the stream.
    pub sequence: Sequence,
    /// When the log wrote it: microseconds since the Unix epoch, never less than that of the
    /// record before, even when the machine's clock goes back.
    pub recorded_us: i64,
    /// The raw blob of the batch it came in, for [`EventLog::blob`].
    pub blob: Option<u64>,
    /// Its link in the hash chain, see [`crate::chain`].
    pub hash: Hash,
    /// What was appended, byte for byte.
    pub body: Bytes,
}

/// What makes a record the same as one seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dedup {
    /// Who names it, for instance a connection. The same key in two scopes is two things.
    pub scope: String,
    /// The name within the scope, for instance the vendor's event id.
    pub key: Vec<u8>,
    /// Tells "the same again" from "the same name, other content". Eight bytes of it are kept.
    pub body_hash: [u8; 32],
}

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Opaque bytes.
    pub body: Bytes,
    /// With a key that is known already, the record is dropped and reported as a duplicate.
    pub dedup: Option<Dedup>,
}

impl NewRecord {
    /// A record that is never taken for a duplicate.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), dedup: None }
    }

    /// A record that is dropped when its key is known.
    pub fn with_dedup(body: impl Into<Bytes>, dedup: Dedup) -> Self {
        Self { body: body.into(), dedup: Some(dedup) }
    }
}

/// A named side table, kept in the same store and written in the same atomic unit as records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table(&'static str);

impl Table {
    /// Names a table.
    ///
    /// # Panics
    /// When the name is empty, longer than 64 bytes or holds a NUL byte. In a `const`, that is
    /// a compile error.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 64, "a table's name has 1 to 64 bytes");
        let mut i = 0;
        while i < bytes.len() {
            assert!(bytes[i] != 0, "a table's name holds no NUL byte");
            i += 1;
        }
        Self(name)
    }

    /// The name it was given.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// What a [`Put`] stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutValue {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Sequence of the first record this batch appended, u64 big-endian; 0 if it appended none.
    FirstSequence,
    /// Sequence of the last record this batch appended, u64 big-endian; 0 if it appended none.
    LastSequence,
    /// Id of this batch's blob, u64 big-endian; 0 if it has none.
    BlobId,
    /// Nothing: the key is removed.
    Delete,
}

/// One change to a side table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Which table.
    pub table: Table,
    /// Up to 512 bytes.
    pub key: Vec<u8>,
    /// Up to 60 KiB.
    pub value: PutValue,
}

/// One atomic unit: all of it is durable, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Appended to the event stream, next to each other, in this order.
    pub records: Vec<NewRecord>,
    /// Raw input the records were made from; appended to the second stream, "blobs".
    pub blob: Option<Bytes>,
    /// Changes to side tables. A later one to the same key wins.
    pub puts: Vec<Put>,
    /// Refuse with [`AppendError::Conflict`] unless the stream's last sequence is this one.
    pub expect_last: Option<Sequence>,
    /// Write blob and puts even when every record is a duplicate. Without it such a batch
    /// leaves no trace.
    pub keep_if_duplicate: bool,
}

impl Batch {
    /// A batch of one record and nothing else.
    pub fn record(body: impl Into<Bytes>) -> Self {
        Self { records: vec![NewRecord::new(body)], ..Self::default() }
    }
}

/// What became of one record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Appended at this sequence.
    New(Sequence),
    /// Dropped, its key being known.
    Duplicate {
        /// Where the original is.
        sequence: Sequence,
        /// Whether the original came with the same `body_hash`.
        same_body: bool,
    },
}

/// A batch that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// One entry for each record of the batch, in its order.
    pub records: Vec<Appended>,
    /// Id of the batch's blob, if it had one and it was written.
    pub blob: Option<u64>,
    /// The time the batch was written with, microseconds since the Unix epoch.
    pub recorded_us: i64,
    /// False when every record was a duplicate and so nothing was written.
    pub written: bool,
}

impl Committed {
    /// Sequence of the first record appended, if any was.
    pub fn first(&self) -> Option<Sequence> {
        self.appended().next()
    }

    /// Sequence of the last record appended, if any was.
    pub fn last(&self) -> Option<Sequence> {
        self.appended().last()
    }

    fn appended(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.records.iter().filter_map(|r| match r {
            Appended::New(sequence) => Some(*sequence),
            Appended::Duplicate { .. } => None,
        })
    }
}

/// Whether the log takes appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ready,
    /// Appends are refused until space is freed; then it goes on by itself. Reads work.
    Full {
        /// What the file system has left.
        free_bytes: u64,
        /// What must stay free ([`crate::LogOptions::free_bytes_reserve`]).
        reserve_bytes: u64,
    },
    /// The file system is mounted read-only: appends are refused until it is writable.
    ReadOnly,
    /// A write or a sync failed, so what is on disk is unknown: appends are refused until the
    /// process is restarted, which recovers every acknowledged record. Reads go on; but after a
    /// failed write some may fail too, with [`ReadError::Io`] (never with wrong content).
    Failed {
        /// What failed, and how.
        reason: String,
    },
    /// It was closed.
    Closed,
}

/// What [`EventLog::trim_blobs`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// How many blobs it removed.
    pub blobs: u64,
    /// Their bytes, before compression.
    pub bytes: u64,
    /// From this id on all blobs are there. Before it, only such as were to be kept, and their
    /// neighbours.
    pub first_kept: u64,
}

/// What [`EventLog::stats`] tells. "Since the opening" where nothing else is said of a total.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStats {
    /// The last durable sequence.
    pub last: Sequence,
    /// From this id on all blobs are there (see [`Trimmed::first_kept`]); 0 if the store did
    /// not say.
    pub blob_first: u64,
    /// The last durable blob.
    pub blob_last: u64,
    /// What the log's files take on disk.
    pub disk_bytes: u64,
    /// Dedup keys in the index.
    pub dedup_keys: u64,
    /// What they take of memory.
    pub dedup_memory_bytes: u64,
    /// Batches taken and not answered yet.
    pub queue_batches: u64,
    /// Their bytes.
    pub queue_bytes: u64,
    /// Records appended.
    pub appended_total: u64,
    /// Groups of batches answered.
    pub groups_total: u64,
    /// Syncs that succeeded.
    pub syncs_total: u64,
    /// How long the last one took, in microseconds.
    pub last_sync_us: u64,
}

/// The event log.
///
/// Reads are synchronous: they take microseconds from the cache, and a disk's time when cold,
/// so a long scan belongs on a blocking thread.
pub trait EventLog: Send + Sync + 'static {
    /// Appends a batch; resolves once it is durable.
    ///
    /// The batch is queued by the call itself, so the order of calls is the order in the log,
    /// and dropping the future withdraws nothing.
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Committed, AppendError>>;

    /// The last durable sequence; 0 while the log is empty.
    fn last(&self) -> Sequence;

    /// Durable records from `from` on (inclusive), ascending, without a hole.
    ///
    /// At least one if there is one and `records_max` is not 0; perhaps fewer than asked, so
    /// page on until it is empty.
    fn read(&self, from: Sequence, records_max: usize) -> Result<Vec<Record>, ReadError>;

    /// Durable records from `to` backwards (inclusive), descending: the newest first.
    ///
    /// Beyond the end it starts at the last one. Pages like [`EventLog::read`].
    fn read_back(&self, to: Sequence, records_max: usize) -> Result<Vec<Record>, ReadError>;

    /// One durable record.
    fn get(&self, sequence: Sequence) -> Result<Option<Record>, ReadError>;

    /// One durable blob; `None` if there is none of this id, or it was trimmed.
    fn blob(&self, id: u64) -> Result<Option<Bytes>, ReadError>;

    /// Follows the stream: first what is there after `after` (exclusive), then what comes.
    ///
    /// A slow follower holds up nobody: it reads from the store at its own pace.
    fn follow(&self, after: Sequence) -> Follower;

    /// A value of a side table.
    ///
    /// Unlike records, a value written together with records may be seen a moment before it is
    /// durable.
    fn table_get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ReadError>;

    /// Entries of a side table whose key starts with `prefix`, ascending by key, past `after`
    /// (exclusive; a whole key), at most `entries_max`.
    fn table_scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        entries_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, ReadError>;

    /// Walks the hash chain from `from` to the end, and names the first bad record.
    ///
    /// `progress` is told the last sequence verified, once a chunk. What comes before `from`
    /// is taken on trust.
    fn verify(
        &self,
        from: Sequence,
        progress: &mut dyn FnMut(Sequence),
    ) -> Result<Verified, VerifyError>;

    /// Forgets dedup keys recorded before this time (microseconds since the Unix epoch), but
    /// none younger than [`crate::LogOptions::dedup_days`]. Says how many were let go; keys that
    /// share a stretch of the index with younger ones count no more from now on, and are let go
    /// of (and counted) with their stretch. Stretches that are wholly too old go by themselves.
    fn forget_dedup_before(&self, before_us: i64) -> Result<u64, ReadError>;

    /// Removes blobs older than this time (microseconds since the Unix epoch), except those in
    /// `keep`. A blob is as old as the records of its batch; one without records, as the next
    /// record that has a blob. Their neighbours may stay with them, and up to a chunk's worth
    /// of old ones (some 24 KB) until the next call. The records stay, and verify.
    ///
    /// Does a little at a time, so that the writer need not wait; for a blocking thread. If it
    /// fails half-way, what it removed is removed, and the next call goes on.
    fn trim_blobs(&self, before_us: i64, keep: &[u64]) -> Result<Trimmed, ReadError>;

    /// Hands a backup to `sink`, part by part, while appends go on: every record durable by
    /// some moment shortly after the call, blobs, and side tables that are of that same moment
    /// (a value from a batch with records is in it only together with those records).
    /// [`crate::restore()`] makes a log of it. The writer waits only while its end is looked up and
    /// the tables are copied.
    ///
    /// Verifies the whole chain on its way. For a blocking thread.
    fn backup(&self, sink: &mut dyn BackupSink) -> Result<BackedUp, BackupError>;

    /// Figures about the log, cheap enough for every scrape.
    fn stats(&self) -> LogStats;

    /// Whether it takes appends now.
    fn health(&self) -> Health;

    /// Stops taking appends, makes durable what was taken, and lets go of the files. Blocks for
    /// as long as that takes; a second call does nothing.
    fn close(&self);
}

/// A place in the stream that moves on.
pub trait Follow: Send {
    /// The next records, at least one and at most `records_max` (0 counts as 1); waits at the
    /// end. Dropping the future loses nothing. [`ReadError::Closed`] once the log is closed.
    fn next_batch(&mut self, records_max: usize) -> BoxFuture<'_, Result<Vec<Record>, ReadError>>;

    /// The sequence of the last record handed out.
    fn position(&self) -> Sequence;
}

/// What [`EventLog::follow`] gives.
pub type Follower = Box<dyn Follow>;
