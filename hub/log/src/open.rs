//! Opening a log: directory, lock, format, and where the streams end.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sled::Tree;

use crate::api::Sequence;
use crate::chain::{GENESIS, Hash};
use crate::check;
use crate::chunk::{Events, blob_head};
use crate::dedup::Index;
use crate::error::{OpenError, ReadError};
use crate::format::{self, Stamp};
use crate::frame;
use crate::head_file::HeadFile;
use crate::holder;
use crate::host::{Host, Machine};
use crate::keys::Stream;
use crate::leftovers;
use crate::options::LogOptions;
use crate::store;
use crate::trim;

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
pub(crate) struct Parts {
    pub(crate) db: sled::Db,
    pub(crate) machine: Machine,
    pub(crate) head: Head,
    pub(crate) index: Index,
    pub(crate) found: Opened,
}

/// What an opening found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// It was new or closed cleanly, so only its end was checked.
    pub clean: bool,
    /// Of so many of the newest records hashes, links and blobs were checked.
    pub checked_records: u64,
    /// Blobs whose records a crash had cut off.
    pub removed_orphan_blobs: u64,
    /// The format it had, if it was brought to the present one.
    pub migrated_from: Option<&'static str>,
    /// How long all of it took.
    pub took: Duration,
}

/// Opens or creates a store.
pub(crate) fn open(options: &LogOptions) -> Result<Parts, OpenError> {
    let start = Instant::now();
    let dir = options.dir.as_path();
    create_dir(dir)?;
    leftovers::remove(dir, SEGMENT_BYTES).map_err(io_error("clean up", dir))?;
    // After a clean close the last sync of all that was written had succeeded.
    if !HeadFile::read(dir).is_ok_and(|kept| kept.is_some_and(|kept| kept.closed)) {
        leftovers::forget_unwritten(dir).map_err(io_error("make durable the store in", dir))?;
    }
    let opened = open_store(options).and_then(|db| {
        // Best effort: it only makes the message of a second open better.
        let _unwritten = fs::write(dir.join(HOLDER), holder::line());
        guarded(dir, || recover(options, db))
    });
    if let Err(OpenError::Io { .. } | OpenError::Corrupt { .. }) = &opened {
        // What it wrote may have failed to be synced.
        let _unwritten = no_longer_closed(dir);
    }
    let mut parts = opened?;
    parts.found.took = start.elapsed();
    let Opened { clean, checked_records, removed_orphan_blobs, migrated_from, took } = parts.found;
    let (dir, last) = (dir.display(), parts.head.last);
    if clean {
        tracing::debug!(%dir, last, ?took, "opened the event log");
    } else {
        tracing::warn!(
            %dir, last, checked_records, removed_orphan_blobs, migrated_from, ?took,
            "the event log was not closed cleanly; its newest records were checked and are good"
        );
    }
    Ok(parts)
}

/// Everything between having sled's files and taking appends.
fn recover(options: &LogOptions, db: sled::Db) -> Result<Parts, OpenError> {
    let dir = options.dir.as_path();
    let corrupt = |e: ReadError| OpenError::Corrupt { dir: dir.into(), detail: e.to_string() };
    let stamp = format::check(&db, dir)?;
    let data = dir.join("db");
    let machine = Machine::new(&data).map_err(io_error("open", &data))?;
    sync_files(dir)?;
    let kept = HeadFile::read(dir)?;
    let (head, removed_orphan_blobs) = find_head(&db, dir)?;
    let clean = match &kept {
        Some(kept) => check::against(&db, &head, kept).map_err(corrupt)?,
        None => stamp == Stamp::New,
    };
    // Before anything that is written here is synced: if that fails, the next opening must not
    // trust the page cache (`leftovers::forget_unwritten`), as it does after a clean close.
    no_longer_closed(dir)?;
    let checked_records = match clean {
        true => 0,
        false => check::tail(&db, head.last).map_err(corrupt)?,
    };
    let index = match stamp {
        Stamp::V1 => Index::from_v1(&db, head.last, options.dedup_days),
        Stamp::New | Stamp::Current => Index::load(&db, head.last, options.dedup_days),
    };
    let index = index.map_err(corrupt)?;
    let moment = check::mark(&db, machine.now_us(), kept.map(|kept| kept.moment));
    let moment = moment.map_err(corrupt)?;
    make_durable(&db, &machine, dir)?;
    if stamp != Stamp::Current {
        format::stamp(&db, dir)?;
        make_durable(&db, &machine, dir)?;
    }
    format::remove_v1(&db, dir)?;
    // Before the first append, and durable: from here on, a stop that does not say so is unclean.
    let file = HeadFile::new(false, &head, moment);
    file.write_or_remove(dir).map_err(io_error("write the `head` file in", dir))?;
    let migrated_from = (stamp == Stamp::V1).then_some(format::V1);
    let took = Duration::ZERO;
    let found = Opened { clean, checked_records, removed_orphan_blobs, migrated_from, took };
    Ok(Parts { db, machine, head, index, found })
}

/// Makes the head file say that the log is not closed, if it says so.
fn no_longer_closed(dir: &Path) -> Result<(), OpenError> {
    match HeadFile::read(dir)? {
        Some(kept) if kept.closed => HeadFile { closed: false, ..kept }
            .write_or_remove(dir)
            .map_err(io_error("write the `head` file in", dir)),
        _ => Ok(()),
    }
}

/// Notes a clean end: `head` is durable, and no more will be written.
pub(crate) fn note_closed(tree: &Tree, host: &dyn Host, dir: &Path, head: &Head) -> io::Result<()> {
    let other = |e: ReadError| io::Error::other(e.to_string());
    let moment = check::mark(tree, host.now_us(), None).map_err(other)?;
    tree.flush().map_err(io::Error::other)?;
    host.sync()?;
    HeadFile::new(true, head, moment).write(dir)
}

fn make_durable(db: &sled::Db, machine: &Machine, dir: &Path) -> Result<(), OpenError> {
    db.flush().map_err(|e| explain(e, dir, ""))?;
    machine.sync().map_err(io_error("make durable", dir))
}

/// sled panics on some kinds of damage.
pub(crate) fn guarded<T>(
    dir: &Path,
    work: impl FnOnce() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let detail = format!("reading its `db` file failed: {}", store::said(&*panic));
        Err(OpenError::Corrupt { dir: dir.into(), detail })
    })
}

/// Takes back what [`open`] left for others to read, best effort.
pub(crate) fn forget_holder(dir: &Path) {
    let _unremoved = fs::remove_file(dir.join(HOLDER));
}

pub(crate) fn open_store(options: &LogOptions) -> Result<sled::Db, OpenError> {
    let dir = options.dir.as_path();
    let config = sled::Config::new()
        .path(dir)
        .flush_every_ms(None)
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES);
    let start = Instant::now();
    loop {
        let error = match guarded(dir, || Ok(config.open()))? {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        let holder = fs::read_to_string(dir.join(HOLDER)).unwrap_or_default();
        let waits = is_locked(&error)
            && (holder.is_empty() || holder::pid_of(&holder) == Some(std::process::id()))
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

pub(crate) fn explain(error: sled::Error, dir: &Path, holder: &str) -> OpenError {
    let dir = PathBuf::from(dir);
    match error {
        error if is_locked(&error) => {
            let holder = if holder.is_empty() { String::new() } else { format!(" by {holder}") };
            OpenError::Locked { dir, holder }
        }
        sled::Error::Unsupported(found) => OpenError::Format {
            dir,
            found: format!("other settings ({found})"),
            expected: format::CURRENT,
        },
        sled::Error::Io(source) if source.kind() != io::ErrorKind::InvalidData => {
            OpenError::Io { doing: "open the store in", path: dir, source }
        }
        other => {
            OpenError::Corrupt { dir, detail: format!("its `db` file does not read: {other}") }
        }
    }
}

/// Reads the last chunk of each stream, which also checks the newest records' hashes, and
/// removes blobs that a crash left without their events; says how many.
pub(crate) fn find_head(db: &sled::Db, dir: &Path) -> Result<(Head, u64), OpenError> {
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
    let mut removed = 0;
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
        removed += u64::from(count);
    }
    // Ids are never given out twice, even if all blobs that had one are trimmed.
    let below = trim::trimmed_below(db).map_err(|e| corrupt(e.to_string()))?;
    head.blob_last = head.blob_last.max(below.saturating_sub(1));
    Ok((head, removed))
}

/// Creates the directory and makes its name durable, in every parent that is new.
pub(crate) fn create_dir(dir: &Path) -> Result<(), OpenError> {
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
pub(crate) fn sync_files(dir: &Path) -> Result<(), OpenError> {
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

pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_path_buf();
    move |source| OpenError::Io { doing, path, source }
}
