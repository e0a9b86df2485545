//! The index's files: created, checked against the log, and wiped when they do not fit.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hub_log::{EventLog, Hash};
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::schema::{BytesOptions, FAST, Field, NumericOptions, Schema};
use tantivy::{IndexReader, ReloadPolicy};

use crate::error::{IndexError, engine, io};
use crate::snapshot::Snapshot;

/// Changes with the fields or the terms' form.
const FORMAT: u32 = 1;

/// The library's files, in a directory that nothing else uses: it is removed to start anew.
const FILES: &str = "tantivy";

pub(crate) const SEQUENCE: &str = "sequence";
pub(crate) const TIME: &str = "time_ms";

#[derive(Clone)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    pub(crate) terms: Field,
    pub(crate) sequence: Field,
    pub(crate) time: Field,
}

impl Fields {
    fn new() -> Self {
        let mut schema = Schema::builder();
        let terms = schema.add_bytes_field("terms", BytesOptions::default().set_indexed());
        let sequence = schema.add_u64_field(SEQUENCE, NumericOptions::default() | FAST);
        let time = schema.add_i64_field(TIME, NumericOptions::default() | FAST);
        Self { schema: schema.build(), terms, sequence, time }
    }
}

pub(crate) struct Store {
    pub(crate) index: tantivy::Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    pub(crate) dir: PathBuf,
}

/// Why the files in a directory are not used.
enum Refused {
    /// They are no index of this log.
    Unfit(String),
    /// That cannot be told now.
    Unknown(IndexError),
}

/// What a commit says of itself.
pub(crate) fn payload(extract: u32, position: u64, hash: &Hash) -> String {
    let hash = blake3::Hash::from_bytes(*hash).to_hex();
    format!("hub-index {FORMAT}, extract {extract}, position {position}, hash {hash}")
}

fn position_in(payload: &str) -> Option<u64> {
    payload.split(", ").find_map(|part| part.strip_prefix("position ")?.parse().ok())
}

impl Store {
    /// Opens what is there if it is an index of this log, else begins an empty one.
    pub(crate) fn open(
        dir: &Path,
        log: &dyn EventLog,
        extract: u32,
    ) -> Result<(Self, Snapshot), IndexError> {
        let files = dir.join(FILES);
        lock_free(&files, dir)?;
        // On damage the library may panic.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::try_open(dir, log, extract)));
        let opened =
            opened.unwrap_or_else(|_| Err(Refused::Unfit("its files do not read".to_owned())));
        match opened {
            Ok(opened) => return Ok(opened),
            Err(Refused::Unknown(error)) => return Err(error),
            Err(Refused::Unfit(why)) if files.exists() => {
                tracing::warn!(dir = %dir.display(), why, "the index is built anew");
            }
            Err(Refused::Unfit(_)) => {}
        }
        Self::create(dir)
    }

    /// Removes what is there, and begins an empty one.
    pub(crate) fn create(dir: &Path) -> Result<(Self, Snapshot), IndexError> {
        let files = dir.join(FILES);
        lock_free(&files, dir)?;
        if files.exists() {
            fs::remove_dir_all(&files).map_err(io("remove", &files))?;
        }
        fs::create_dir_all(&files).map_err(io("create", &files))?;
        let fields = Fields::new();
        let directory = MmapDirectory::open(&files).map_err(engine("open its directory"))?;
        let settings = tantivy::IndexSettings::default();
        let index = tantivy::Index::create(directory, fields.schema.clone(), settings)
            .map_err(engine("create its files"))?;
        let store = Self::new(index, fields, dir)?;
        let empty = store.snapshot(0, None)?;
        Ok((store, empty))
    }

    fn new(index: tantivy::Index, fields: Fields, dir: &Path) -> Result<Self, IndexError> {
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(engine("open its files"))?;
        Ok(Self { index, reader, fields, dir: dir.into() })
    }

    fn try_open(dir: &Path, log: &dyn EventLog, extract: u32) -> Result<(Self, Snapshot), Refused> {
        let unfit = |error: tantivy::TantivyError| Refused::Unfit(error.to_string());
        let unknown = |error: hub_log::ReadError| Refused::Unknown(error.into());
        let index = tantivy::Index::open_in_dir(dir.join(FILES)).map_err(unfit)?;
        let fields = Fields::new();
        if index.schema() != fields.schema {
            return Err(Refused::Unfit("its fields are of another version".to_owned()));
        }
        let metas = index.load_metas().map_err(unfit)?;
        let position = match &metas.payload {
            None if metas.segments.is_empty() => 0,
            None => return Err(Refused::Unfit("it does not say how far it is".to_owned())),
            Some(found) => {
                let position = position_in(found).unwrap_or(0);
                let Some(record) = log.get(position).map_err(unknown)? else {
                    return Err(Refused::Unfit(format!(
                        "it has event {position}, and the log ends at {}",
                        log.last()
                    )));
                };
                let expected = payload(extract, position, &record.hash);
                if *found != expected {
                    return Err(Refused::Unfit(format!(
                        "it was made of another log or by another version: it is of \"{found}\" \
                         instead of \"{expected}\""
                    )));
                }
                position
            }
        };
        let managed = index.directory().list_managed_files();
        let lost = metas.list_segment_files().into_iter();
        let lost: Vec<_> = lost
            .filter(|file| !managed.contains(file) && dir.join(FILES).join(file).exists())
            .collect();
        if !lost.is_empty() {
            // The library would neither check nor ever remove them.
            return Err(Refused::Unfit(format!("files that its list has lost: {lost:?}")));
        }
        let damaged = index.validate_checksum().map_err(unfit)?;
        if !damaged.is_empty() {
            return Err(Refused::Unfit(format!("files with wrong checksums: {damaged:?}")));
        }
        let unfit = |error: IndexError| Refused::Unfit(error.to_string());
        let store = Self::new(index, fields, dir).map_err(unfit)?;
        let snapshot = store.snapshot(position, None).map_err(unfit)?;
        match snapshot.flaw() {
            Some(flaw) => Err(Refused::Unfit(flaw)),
            None => Ok((store, snapshot)),
        }
    }

    /// What is committed now; it must be known to reach `position`.
    pub(crate) fn snapshot(
        &self,
        position: u64,
        before: Option<&Snapshot>,
    ) -> Result<Snapshot, IndexError> {
        self.reader.reload().map_err(engine("open a commit"))?;
        Snapshot::new(self.reader.searcher(), &self.fields, position, before)
    }

    /// How far the last commit reached, by itself.
    pub(crate) fn committed(&self) -> Result<u64, IndexError> {
        let metas = self.index.load_metas().map_err(engine("read its last commit"))?;
        Ok(metas.payload.as_deref().and_then(position_in).unwrap_or(0))
    }

    /// Bytes of all its files.
    pub(crate) fn bytes(&self) -> Result<u64, IndexError> {
        let files = self.dir.join(FILES);
        let mut bytes = 0;
        for file in fs::read_dir(&files).map_err(io("list", &files))? {
            // A file may be gone by now: a merge ended.
            let file = file.and_then(|file| file.metadata());
            bytes += file.map_or(0, |file| file.len());
        }
        Ok(bytes)
    }
}

/// Refuses a directory that another writer has.
fn lock_free(files: &Path, dir: &Path) -> Result<(), IndexError> {
    if !files.exists() {
        return Ok(());
    }
    let Ok(directory) = MmapDirectory::open(files) else { return Ok(()) };
    match directory.acquire_lock(&INDEX_WRITER_LOCK) {
        Err(LockError::LockBusy) => Err(IndexError::Locked { dir: dir.into() }),
        _ => Ok(()),
    }
}
