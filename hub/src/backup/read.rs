//! Restoring a backup into an empty data directory.
use super::{FORMAT, File, KEYS, LOG, MANIFEST, Manifest};
use crate::proof::{Audit, audit};
use crate::vault::key_file_path;
use hub_log::{
    EventLog as _, LogOptions, OpenError, ReadError, RestoreError, RestoreSource, SledLog,
};
use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

/// In a data directory while it is being restored: no hub starts there.
pub const UNFINISHED: &str = "restore-unfinished";
/// A name that does not exist, or a size that no backup has, is not read into memory.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a backup was not restored. The directory is as empty as before.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFailure {
    /// There is something in it.
    #[error("{dir} is not empty; a backup is restored into an empty data directory only: move what is there away, or name another in [log] dir", dir = dir.display())]
    NotEmpty {
        /// The data directory.
        dir: PathBuf,
    },
    /// The archive does not read.
    #[error("the backup does not read: {0}; is the file whole, and a backup made by this program?")]
    Archive(#[from] io::Error),
    /// The archive holds something else.
    #[error("the backup is damaged at {name}: {why}; use another one")]
    Damaged {
        /// Which file of it.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] RestoreError),
    /// The restored log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The restored log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What came out is not what went in.
    #[error("what was restored does not verify: {0}")]
    Audit(String),
    /// The data directory.
    #[error("{doing} {path}: {source}", path = path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// A restore that is complete, durable and verified.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// What the walk over the restored log found.
    pub audit: Audit,
}

/// Restores a backup into `data`, which must be empty or not exist. On any failure what was
/// written is removed again.
pub fn restore(input: &mut dyn Read, data: &Path) -> Result<Restored, RestoreFailure> {
    let io = |doing: &'static str| {
        let path = data.to_owned();
        move |source| RestoreFailure::Io { doing, path, source }
    };
    fs::create_dir_all(data).map_err(io("create"))?;
    if fs::read_dir(data).map_err(io("read"))?.next().is_some() {
        return Err(RestoreFailure::NotEmpty { dir: data.to_owned() });
    }
    let mark = data.join(UNFINISHED);
    put(&mark, b"A restore was cut off here. Remove this directory, and restore again.\n", data)?;
    let done = fill(input, data);
    let cleaned = match &done {
        Ok(_) => fs::remove_file(&mark).and_then(|()| fs::File::open(data)?.sync_all()),
        Err(_) => clear(data),
    };
    match (done, cleaned) {
        (Ok(restored), Ok(())) => Ok(restored),
        (Ok(_), Err(source)) => Err(io("finish")(source)),
        (Err(error), cleaned) => {
            if let Err(source) = cleaned {
                tracing::warn!(path = %data.display(), error = %source,
                    "what was restored in part could not be removed; no hub starts there");
            }
            Err(error)
        }
    }
}

fn clear(data: &Path) -> io::Result<()> {
    // The mark goes last: until then no hub starts there.
    let mark = data.join(UNFINISHED);
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path != mark {
            fs::remove_file(path)?;
        }
    }
    fs::File::open(data)?.sync_all()?;
    fs::remove_file(mark)?;
    fs::File::open(data)?.sync_all()
}

/// Writes a file, durably.
fn put(path: &Path, bytes: &[u8], dir: &Path) -> Result<(), RestoreFailure> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(|source| RestoreFailure::Io { doing: "write", path: path.to_owned(), source })
}

fn fill(input: &mut dyn Read, data: &Path) -> Result<Restored, RestoreFailure> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(input)?);
    let mut parts =
        Parts { entries: archive.entries()?, files: Vec::new(), after: None, failed: None };
    let options = LogOptions::new(data.join("log"));
    let restored = hub_log::restore(&mut parts, &options);
    if let Some(failed) = parts.failed.take() {
        return Err(failed);
    }
    restored?;
    let (name, keys) = parts.expect(KEYS)?;
    put(&key_file_path(data), &keys, data)?;
    parts.files.push(File::of(&name, &keys));
    let (_, manifest) = parts.expect(MANIFEST)?;
    let damaged = |why: String| RestoreFailure::Damaged { name: MANIFEST.to_owned(), why };
    let manifest: Manifest =
        serde_json::from_slice(&manifest).map_err(|e| damaged(e.to_string()))?;
    if manifest.format != FORMAT {
        return Err(damaged(format!("its format is {:?}, not {FORMAT:?}", manifest.format)));
    }
    if let Some(file) = manifest.files.iter().find(|file| !parts.files.contains(file)) {
        let why = "it is not what the manifest says".to_owned();
        return Err(RestoreFailure::Damaged { name: file.name.clone(), why });
    }
    if manifest.files.len() != parts.files.len() {
        return Err(damaged("it does not name every file".to_owned()));
    }
    let log = SledLog::open(options)?;
    if manifest.last != log.last() || (manifest.last > 0 && manifest.checkpoint.is_none()) {
        let (said, found) = (manifest.last, log.last());
        log.close();
        return Err(damaged(format!("it says that evt_{said} is the last, and evt_{found} is")));
    }
    let witness = manifest.checkpoint.as_deref();
    let audit = audit(&log, Some(&manifest.key), witness, &mut |_| {})?;
    log.close();
    match &audit.error {
        Some(error) => Err(RestoreFailure::Audit(error.clone())),
        None => Ok(Restored { manifest, audit }),
    }
}

/// The archive's files, one after the other.
struct Parts<'a, R: Read> {
    entries: tar::Entries<'a, R>,
    files: Vec<File>,
    /// The first file that is not the log's.
    after: Option<(String, Vec<u8>)>,
    /// What went wrong, in our words: the log's source knows only I/O errors.
    failed: Option<RestoreFailure>,
}

impl<R: Read> Parts<'_, R> {
    fn next(&mut self) -> Result<Option<(String, Vec<u8>)>, RestoreFailure> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if entry.size() > FILE_BYTES_MAX {
            let why = format!("it has {} bytes", entry.size());
            return Err(RestoreFailure::Damaged { name, why });
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        Ok(Some((name, bytes)))
    }

    fn expect(&mut self, name: &str) -> Result<(String, Vec<u8>), RestoreFailure> {
        let missing = |found: Option<&str>| RestoreFailure::Damaged {
            name: name.to_owned(),
            why: found.map_or_else(
                || "it is missing: the file was cut short".to_owned(),
                |found| format!("{found} stands in its place"),
            ),
        };
        let next = match self.after.take() {
            Some(next) => Some(next),
            None => self.next()?,
        };
        match next {
            Some(next) if next.0 == name => Ok(next),
            Some(other) => Err(missing(Some(&other.0))),
            None => Err(missing(None)),
        }
    }
}

impl<R: Read> RestoreSource for Parts<'_, R> {
    fn part(&mut self) -> io::Result<Option<(String, Vec<u8>)>> {
        match self.next() {
            Ok(Some((name, bytes))) => match name.strip_prefix(LOG) {
                Some(part) => {
                    self.files.push(File::of(&name, &bytes));
                    Ok(Some((part.to_owned(), bytes)))
                }
                None => {
                    self.after = Some((name, bytes));
                    Ok(None)
                }
            },
            Ok(None) => Ok(None),
            Err(error) => {
                let told = io::Error::other(error.to_string());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}
