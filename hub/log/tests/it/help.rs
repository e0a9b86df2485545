//! What the tests share.

use std::path::Path;

use bytes::Bytes;
use hub_log::{Batch, Dedup, LogOptions, NewRecord, Put, PutValue, SledLog, Table};

pub const T: Table = Table::new("test");

pub fn open(dir: &Path) -> SledLog {
    SledLog::open(LogOptions::new(dir)).unwrap()
}

/// The store without the log around it, with the log's own settings. Whoever had it open in this
/// process has closed it, but the store's own threads may hold its lock a little longer.
pub fn raw(dir: &Path) -> sled::Db {
    let config = sled::Config::new().path(dir).segment_size(8 << 20).flush_every_ms(None);
    for _ in 0..1_000 {
        match config.open() {
            Err(sled::Error::Io(e)) if e.to_string().contains("lock") => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            other => return other.unwrap(),
        }
    }
    panic!("the store in {} stays locked", dir.display())
}

pub fn batch<B: Into<Bytes>>(bodies: impl IntoIterator<Item = B>) -> Batch {
    Batch { records: bodies.into_iter().map(NewRecord::new).collect(), ..Batch::default() }
}

/// A record with a dedup key, whose body hash is that of its body.
pub fn keyed(scope: &str, key: &str, body: &str) -> NewRecord {
    let body_hash = *blake3::hash(body.as_bytes()).as_bytes();
    let dedup = Dedup { scope: scope.into(), key: key.into(), body_hash };
    NewRecord::with_dedup(body.to_owned(), dedup)
}

pub fn put(key: &str, value: PutValue) -> Put {
    Put { table: T, key: key.into(), value }
}

pub fn body(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Bytes that do not compress.
pub fn noise(bytes: usize) -> Bytes {
    let mut out = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out.into()
}

/// Copies a directory with the directories in it.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}
