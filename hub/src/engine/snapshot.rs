//! Snapshots of the engine's state: a start from one replays only the tail of the log.
//!
//! A snapshot is never trusted: it carries the digest of its content, the format's version and the
//! hash of the log's record at its position. Whatever does not fit is ignored, and the log
//! replayed.
use hub_domain::State;
use hub_log::EventLog;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Raised with every change of [`State`]'s form or meaning: older snapshots are then ignored.
const SNAPSHOT_VERSION: u32 = 1;

/// Why a snapshot was not written. A missing snapshot costs time, not data.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The state has no JSON.
    #[error("the state does not serialise: {0}")]
    Serialise(serde_json::Error),
    /// The file system refused.
    #[error("snapshot {path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    position: u64,
    /// Hash of the log's record at `position`: the snapshot is of this log and no other.
    record: String,
    /// BLAKE3 of the state's JSON.
    digest: String,
}

/// A state and the place in the log that it is of.
pub struct Snapshot {
    /// The state.
    pub state: State,
    /// The last input in it.
    pub position: u64,
}

/// Where the snapshot of a data directory is.
pub fn snapshot_path(data_dir: &Path) -> PathBuf {
    data_dir.join("snapshots").join("engine.snap")
}

/// BLAKE3 of a state's JSON, in hex: equal digests, equal states.
pub fn digest(state: &State) -> Result<String, SnapshotError> {
    let json = serde_json::to_vec(state).map_err(SnapshotError::Serialise)?;
    Ok(blake3::hash(&json).to_hex().to_string())
}

impl Snapshot {
    /// Writes a snapshot, in place of the one before, atomically.
    pub fn write(
        path: &Path,
        log: &dyn EventLog,
        state: &State,
        position: u64,
    ) -> Result<(), SnapshotError> {
        let failed = |source| SnapshotError::Io { path: path.to_owned(), source };
        let json = serde_json::to_vec(state).map_err(SnapshotError::Serialise)?;
        let head = Head {
            version: SNAPSHOT_VERSION,
            position,
            record: record_hash(log, position),
            digest: blake3::hash(&json).to_hex().to_string(),
        };
        let mut bytes = serde_json::to_vec(&head).map_err(SnapshotError::Serialise)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&lz4_flex::compress_prepend_size(&json));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, &bytes).map_err(failed)?;
        std::fs::File::open(&fresh).and_then(|f| f.sync_all()).map_err(failed)?;
        std::fs::rename(&fresh, path).map_err(failed)
    }

    /// The snapshot, if there is one that fits this log.
    pub fn read(path: &Path, log: &dyn EventLog) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let fitting = parse(&bytes, log);
        if fitting.is_none() {
            tracing::warn!(path = %path.display(),
                "the snapshot does not fit this log or this version: ignored, the log is replayed");
        }
        fitting
    }
}

fn parse(bytes: &[u8], log: &dyn EventLog) -> Option<Snapshot> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    if head.version != SNAPSHOT_VERSION
        || head.position > log.last()
        || head.record != record_hash(log, head.position)
    {
        return None;
    }
    let json = lz4_flex::decompress_size_prepended(&bytes[end + 1..]).ok()?;
    if blake3::hash(&json).to_hex().as_str() != head.digest {
        return None;
    }
    Some(Snapshot { state: serde_json::from_slice(&json).ok()?, position: head.position })
}

fn record_hash(log: &dyn EventLog, position: u64) -> String {
    match log.get(position) {
        Ok(Some(record)) => hex::encode(record.hash),
        _ => String::new(),
    }
}
