//! The knobs of a log, each with its limit and its reason.

use std::path::PathBuf;

use crate::error::OpenError;

/// How to open a log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// Where its files are. Created if missing; nothing else may write there.
    pub dir: PathBuf,
    /// Batches taken but not answered yet; above it [`crate::AppendError::Busy`]. Default 8,192.
    pub queue_batches_max: usize,
    /// Their bytes: bounds the memory a slow disk can cost. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Body of one record. Default 1 MiB.
    pub record_bytes_max: usize,
    /// One blob. Default 4 MiB.
    pub blob_bytes_max: usize,
    /// One batch with everything in it. Default 16 MiB; at most `queue_bytes_max`.
    pub batch_bytes_max: usize,
    /// Space the file system must keep: below it appends are refused as `Full`, so that the
    /// store itself never meets a full disk (which it would not survive without a restart).
    /// Default 64 MiB, room for eight of the store's segments.
    pub free_bytes_reserve: u64,
    /// The store's page cache. Default 64 MiB: 108 MB resident after 1 M events, where the
    /// store's own default takes 787 MB.
    pub cache_bytes: u64,
    /// A dedup key is known for at least this many days. Default 30: vendors retry for days
    /// (Stripe three, Adyen seven and then by hand). More costs some 17 bytes of disk and 2.5
    /// of memory a key; less risks that a late retry counts as new, so set it only where no
    /// money depends on it. At least 1.
    pub dedup_days: u32,
}

impl LogOptions {
    /// The defaults, in this directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        const MIB: usize = 1 << 20;
        Self {
            dir: dir.into(),
            queue_batches_max: 8_192,
            queue_bytes_max: 64 * MIB,
            record_bytes_max: MIB,
            blob_bytes_max: 4 * MIB,
            batch_bytes_max: 16 * MIB,
            free_bytes_reserve: 64 << 20,
            cache_bytes: 64 << 20,
            dedup_days: 30,
        }
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        const VALUE_BYTES_MAX: usize = 64 << 20;
        let bad = |option, problem: String| Err(OpenError::Options { option, problem });
        if self.dedup_days == 0 {
            return bad("dedup_days", "0 would forget every key at once; use at least 1".into());
        }
        if self.queue_batches_max == 0 {
            return bad("queue_batches_max", "0 would refuse every append; use at least 1".into());
        }
        for (option, value) in
            [("record_bytes_max", self.record_bytes_max), ("blob_bytes_max", self.blob_bytes_max)]
        {
            if value == 0 || value > VALUE_BYTES_MAX {
                return bad(option, format!("{value} is not within 1 and {VALUE_BYTES_MAX}"));
            }
            if value > self.batch_bytes_max {
                let most = self.batch_bytes_max;
                return bad(option, format!("{value} is above batch_bytes_max, {most}"));
            }
        }
        if self.batch_bytes_max > self.queue_bytes_max {
            let (batch, queue) = (self.batch_bytes_max, self.queue_bytes_max);
            return bad("batch_bytes_max", format!("{batch} is above queue_bytes_max, {queue}"));
        }
        Ok(())
    }
}
