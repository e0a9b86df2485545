//! What the log needs of the machine: a clock, the space left, and a sync that is one.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::StatVfsMountFlags;

/// Space on the log's file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// What this process may still use.
    pub(crate) free_bytes: u64,
    pub(crate) read_only: bool,
}

/// The machine, or a test's stand-in for it.
pub(crate) trait Host: Send + Sync + 'static {
    /// Microseconds since the Unix epoch.
    fn now_us(&self) -> i64;
    fn space(&self) -> io::Result<Space>;
    /// Makes durable what sled has written. After an error the state of the disk is unknown.
    fn sync(&self) -> io::Result<()>;
}

/// The real one, with a descriptor of sled's file of its own.
pub(crate) struct Machine {
    db: File,
}

impl Machine {
    /// `db` is the path of sled's one data file, which must exist.
    pub(crate) fn new(db: &Path) -> io::Result<Self> {
        Ok(Self { db: OpenOptions::new().read(true).write(true).open(db)? })
    }
}

impl Host for Machine {
    fn now_us(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    fn space(&self) -> io::Result<Space> {
        let stat = rustix::fs::fstatvfs(&self.db)?;
        Ok(Space {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// sled's own `flush()` ends in `sync_file_range`, which flushes neither the disk's cache
    /// nor the file's length: an fdatasync on any descriptor of the file does both.
    fn sync(&self) -> io::Result<()> {
        self.db.sync_data()
    }
}
