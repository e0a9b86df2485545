//! A log from a backup.
//!
//! Chunks are written as they are; the dedup index is made from them, and the whole chain is
//! verified. The stamp comes last: until then the store says that it is unfinished, and no log
//! opens it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::api::Sequence;
use crate::backup_part::{Kind, Part, Summary};
use crate::chain::Hash;
use crate::check;
use crate::dedup::Index;
use crate::error::{OpenError, ReadError, RestoreError};
use crate::format;
use crate::head_file::HeadFile;
use crate::host::{Host, Machine};
use crate::keys;
use crate::open;
use crate::options::LogOptions;

/// Where a backup comes from.
pub trait RestoreSource {
    /// The next part, with the name it was given, in the order they were made; none at the end.
    fn part(&mut self) -> io::Result<Option<(String, Vec<u8>)>>;
}

/// A restore that is complete and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The last record.
    pub last: Sequence,
    /// Its hash, as verified over all records.
    pub last_hash: Hash,
    /// How many records: all from the first.
    pub records: u64,
    /// How many blobs.
    pub blobs: u64,
    /// How many table values.
    pub table_entries: u64,
}

/// Makes a log in `options.dir`, which must not exist or be empty, from a backup made by
/// [`crate::EventLog::backup`]. The log can then be opened. Blocks for as long as it takes to
/// write and verify everything.
///
/// # Errors
/// A part that is damaged, missing or out of place is named; then, and whenever else this
/// fails, the directory is empty again. Cut off by a crash, it leaves a store that does not
/// open: remove it, and restore again.
pub fn restore(
    parts: &mut dyn RestoreSource,
    options: &LogOptions,
) -> Result<Restored, RestoreError> {
    options.check()?;
    let dir = options.dir.as_path();
    open::create_dir(dir)?;
    let io = |source| OpenError::Io { doing: "read", path: dir.into(), source };
    if fs::read_dir(dir).map_err(io)?.next().is_some() {
        return Err(RestoreError::NotEmpty { dir: dir.into() });
    }
    let restored = fill(parts, options);
    if restored.is_err() {
        empty(dir);
    }
    restored
}

fn fill(parts: &mut dyn RestoreSource, options: &LogOptions) -> Result<Restored, RestoreError> {
    let dir = options.dir.as_path();
    let failed = |e: sled::Error| RestoreError::from(open::explain(e, dir, ""));
    let db = open::open_store(options)?;
    let data = dir.join("db");
    let sync = |source| OpenError::Io { doing: "make durable", path: data.clone(), source };
    let machine = Machine::new(&data).map_err(sync)?;
    db.insert(keys::FORMAT, format::UNFINISHED).map_err(failed)?;
    db.flush().map_err(failed)?;
    machine.sync().map_err(sync)?;
    open::sync_files(dir)?;

    let summary = take_parts(parts, &db, dir)?;
    let found = |e: ReadError| RestoreError::Mismatch { detail: e.to_string() };
    let mark = summary.trimmed_below.to_be_bytes();
    db.insert(keys::TRIMMED, &mark).map_err(failed)?;
    let (head, orphans) = open::find_head(&db, dir)?;
    let walked = check::walk(&db, 1, head.last).map_err(found)?;
    let fits = (head.last, head.last_hash, head.blob_last, orphans, walked)
        == (summary.last, summary.last_hash, summary.blob_last, 0, summary.records);
    if !fits {
        let detail = format!(
            "it ends with record {} and blob {}, and its last part says {} and {}, or the hash \
             of the last record differs",
            head.last, head.blob_last, summary.last, summary.blob_last
        );
        return Err(RestoreError::Mismatch { detail });
    }
    let mut index = Index::load(&db, head.last, options.dedup_days).map_err(found)?;
    index.save_rest(&db, head.last).map_err(found)?;
    let moment = check::mark(&db, machine.now_us(), None).map_err(found)?;
    db.flush().map_err(failed)?;
    machine.sync().map_err(sync)?;
    format::stamp(&db, dir)?;
    db.flush().map_err(failed)?;
    machine.sync().map_err(sync)?;
    drop(db);
    // Before the file that says that all of it is durable.
    open::sync_files(dir)?;
    HeadFile::new(true, &head, moment).write(dir).map_err(sync)?;
    let Summary { last, last_hash, records, blobs, table_entries, .. } = summary;
    Ok(Restored { last, last_hash, records, blobs, table_entries })
}

/// Writes what the parts hold, and gives what the last one says.
fn take_parts(
    parts: &mut dyn RestoreSource,
    db: &sled::Db,
    dir: &Path,
) -> Result<Summary, RestoreError> {
    let mut checks = blake3::Hasher::new();
    let (mut taken, mut table_entries, mut name_before) = (0, 0, String::from("the beginning"));
    loop {
        let part = parts
            .part()
            .map_err(|source| RestoreError::Source { after: name_before.clone(), source })?;
        let Some((name, bytes)) = part else {
            return Err(RestoreError::Truncated { after: name_before });
        };
        let bad = |detail: String| RestoreError::Part { name: name.clone(), detail };
        let part = Part::parse(&bytes).map_err(bad)?;
        taken += 1;
        if part.number != taken {
            return Err(bad(format!("it is number {}, where {taken} should be", part.number)));
        }
        if part.kind == Kind::Head {
            let summary = part.head().ok_or_else(|| bad("its content does not read".into()))?;
            if summary.parts_hash != *checks.finalize().as_bytes() {
                return Err(bad("parts of several backups are mixed".into()));
            }
            if summary.table_entries != table_entries {
                return Err(bad(format!("there are {table_entries} table values, not as it says")));
            }
            return Ok(summary);
        }
        checks.update(&part.check);
        let entries = part.entries().ok_or_else(|| bad("its content does not read".into()))?;
        for (key, value) in entries {
            if !part.kind.takes(key) {
                return Err(bad("it holds what does not belong there".into()));
            }
            table_entries += u64::from(part.kind == Kind::Tables);
            db.insert(key, value).map_err(|e| open::explain(e, dir, ""))?;
        }
        name_before = name;
    }
}

/// Removes what a failed restore made, in a directory that was empty before.
fn empty(dir: &Path) {
    let entries: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    for path in entries {
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        if let Err(error) = removed {
            tracing::warn!(path = %path.display(), %error, "left behind by a failed restore");
        }
    }
}
