//! Opening a log: directory, lock, format, and where the streams end.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::api::Sequence;
use crate::chain::{GENESIS, Hash};
use crate::chunk::{Events, blob_head};
use crate::dedup::Index;
use crate::error::OpenError;
use crate::frame;
use crate::host::Machine;
use crate::keys::{self, Stream};
use crate::leftovers;
use crate::options::LogOptions;

/// What the store's stamp must say. Another layout of keys or values takes another number.
pub(crate) const FORMAT: &str = "hub-log 1";

/// Fixed when a store is created: sled refuses to open it with another.
pub(crate) const SEGMENT_BYTES: usize = 8 << 20;

/// After a close in the same process, sled's background threads may hold its lock a little
/// longer; another process's lock is no shorter for having been waited on.
const OWN_LOCK_WAIT: Duration = Duration::from_secs(2);

const HOLDER: &str = "holder";

/// Where the streams end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) last: Sequence,
    pub(crate) last_hash: Hash,
    pub(crate) recorded_us: i64,
    pub(crate) blob_last: u64,
}

/// An open store, and what is kept of it in memory.
pub(crate) struct Opened {
    pub(crate) db: sled::Db,
    pub(crate) machine: Machine,
    pub(crate) head: Head,
    pub(crate) index: Index,
}

/// Opens or creates a store.
pub(crate) fn open(options: &LogOptions) -> Result<Opened, OpenError> {
    let dir = options.dir.as_path();
    create_dir(dir)?;
    leftovers::remove(dir, SEGMENT_BYTES).map_err(io_error("clean up", dir))?;
    leftovers::forget_unwritten(dir).map_err(io_error("make durable the store in", dir))?;
    let db = open_store(options)?;
    // Best effort: it only makes the message of a second open better.
    let _unwritten = fs::write(dir.join(HOLDER), holder_line());
    check_format(&db, dir)?;
    let data = dir.join("db");
    let machine = Machine::new(&data).map_err(io_error("open", &data))?;
    sync_files(dir)?;
    let head = find_head(&db, dir)?;
    let index = Index::load(&db, head.last)
        .map_err(|e| OpenError::Corrupt { dir: dir.into(), detail: e.to_string() })?;
    Ok(Opened { db, machine, head, index })
}

/// Takes back what [`open`] left for others to read, best effort.
pub(crate) fn forget_holder(dir: &Path) {
    let _unremoved = fs::remove_file(dir.join(HOLDER));
}

fn open_store(options: &LogOptions) -> Result<sled::Db, OpenError> {
    let dir = options.dir.as_path();
    let config = sled::Config::new()
        .path(dir)
        .flush_every_ms(None)
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES);
    let start = Instant::now();
    loop {
        // sled panics on some kinds of damage.
        let error = match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) => error,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                return Err(OpenError::Corrupt {
                    dir: dir.into(),
                    detail: format!("reading its `db` file failed: {}", said.unwrap_or("a panic")),
                });
            }
        };
        let holder = fs::read_to_string(dir.join(HOLDER)).unwrap_or_default();
        let waits = is_locked(&error)
            && (holder.is_empty() || pid_of(&holder) == Some(std::process::id()))
            && start.elapsed() < OWN_LOCK_WAIT;
        if !waits {
            return Err(explain(error, dir, holder.trim()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// sled wraps the lock's `WouldBlock` into an error of kind `Other`, with this text.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(e) if e.to_string().contains("could not acquire lock"))
}

fn explain(error: sled::Error, dir: &Path, holder: &str) -> OpenError {
    let dir = PathBuf::from(dir);
    match error {
        error if is_locked(&error) => {
            let holder = if holder.is_empty() { String::new() } else { format!(" by {holder}") };
            OpenError::Locked { dir, holder }
        }
        sled::Error::Unsupported(found) => {
            OpenError::Format { dir, found: format!("other settings ({found})"), expected: FORMAT }
        }
        sled::Error::Io(source) if source.kind() != io::ErrorKind::InvalidData => {
            OpenError::Io { doing: "open the store in", path: dir, source }
        }
        other => {
            OpenError::Corrupt { dir, detail: format!("its `db` file does not read: {other}") }
        }
    }
}

fn holder_line() -> String {
    let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("process {}, since {since}\n", std::process::id())
}

fn pid_of(holder: &str) -> Option<u32> {
    holder.strip_prefix("process ")?.split(',').next()?.parse().ok()
}

fn check_format(db: &sled::Db, dir: &Path) -> Result<(), OpenError> {
    let failed = |e: sled::Error| explain(e, dir, "");
    let wrong = |found| OpenError::Format { dir: dir.into(), found, expected: FORMAT };
    match db.get(keys::FORMAT).map_err(failed)? {
        Some(stamp) if stamp == FORMAT.as_bytes() => Ok(()),
        Some(stamp) => Err(wrong(format!("format \"{}\"", String::from_utf8_lossy(&stamp)))),
        None if db.is_empty() && db.tree_names().len() == 1 => {
            db.insert(keys::FORMAT, FORMAT).map_err(failed)?;
            db.flush().map_err(failed)?;
            Ok(())
        }
        None => Err(wrong("no format stamp, so it is another program's".into())),
    }
}

/// Reads the last chunk of each stream, which also checks the newest records' hashes, and
/// removes blobs that a crash left without their events.
fn find_head(db: &sled::Db, dir: &Path) -> Result<Head, OpenError> {
    let corrupt = |detail: String| OpenError::Corrupt { dir: dir.into(), detail };
    let last_chunk = |stream: Stream| {
        let found = db.get_lt([stream.tag() + 1]).map_err(|e| explain(e, dir, ""))?;
        let found = found.and_then(|(key, head)| Some((stream.first_of(&key)?, head)));
        let Some((first, head)) = found else { return Ok(None) };
        let raw = frame::read(db, stream, first, &head).map_err(|e| corrupt(e.to_string()))?;
        Ok(Some((first, raw)))
    };
    let mut head = Head { last: 0, last_hash: GENESIS, recorded_us: 0, blob_last: 0 };
    if let Some((first, raw)) = last_chunk(Stream::Events)? {
        let chunk = Events::parse(first, raw).map_err(|e| corrupt(e.to_string()))?;
        for record in chunk.records() {
            let record = record.map_err(|e| corrupt(e.to_string()))?;
            head.last = record.sequence;
            head.last_hash = record.hash;
            head.recorded_us = record.recorded_us;
        }
    }
    while let Some((first, raw)) = last_chunk(Stream::Blobs)? {
        let (owner, count) = blob_head(&raw)
            .filter(|(_, count)| *count > 0)
            .ok_or_else(|| corrupt(format!("blob {first}: its chunk is empty")))?;
        if owner <= head.last {
            head.blob_last = first + u64::from(count) - 1;
            break;
        }
        // A crash came before the events these belong to, so they were never acknowledged.
        db.remove(Stream::Blobs.chunk(first)).map_err(|e| explain(e, dir, ""))?;
    }
    Ok(head)
}

/// Creates the directory and makes its name durable, in every parent that is new.
fn create_dir(dir: &Path) -> Result<(), OpenError> {
    let new = dir.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists());
    let new: Vec<_> = new.collect();
    fs::create_dir_all(dir).map_err(io_error("create", dir))?;
    for at in new.into_iter().chain([dir]) {
        let parent = match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) => Path::new("."),
            None => continue,
        };
        sync(parent)?;
    }
    Ok(())
}

/// Makes durable what sled creates and never syncs: its files' names, and its settings. Done at
/// every open, since an earlier one may have been cut off between creating and syncing.
fn sync_files(dir: &Path) -> Result<(), OpenError> {
    for name in ["conf", "db", "blobs"] {
        let path = dir.join(name);
        if path.exists() {
            sync(&path)?;
        }
    }
    sync(dir)
}

fn sync(path: &Path) -> Result<(), OpenError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io_error("make durable", path))
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_path_buf();
    move |source| OpenError::Io { doing, path, source }
}
