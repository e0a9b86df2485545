//! A trace as the recorder wrote it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::kinds;

/// A file or directory, whatever its name is at the time.
pub type Id = u32;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file or directory that was there before the run.
    Seen(Id, PathBuf),
    /// A new file.
    Created(Id, PathBuf),
    /// A new directory.
    MadeDir(Id, PathBuf),
    /// Bytes at an offset.
    Wrote(Id, u64, Vec<u8>),
    /// A new length.
    Resized(Id, u64),
    /// A sync began. `data_only` is fdatasync.
    SyncBegan {
        /// Of what.
        id: Id,
        /// Tells it from others.
        number: u64,
        /// fdatasync, not fsync.
        data_only: bool,
    },
    /// A sync came back; well or not.
    SyncEnded {
        /// Which.
        number: u64,
        /// It reported success.
        ok: bool,
    },
    /// A sync_file_range.
    Range(Id),
    /// From, to.
    Renamed(PathBuf, PathBuf),
    /// A name is gone.
    Unlinked(PathBuf),
    /// The process under test said this.
    Mark(String),
    /// A fault was injected.
    Fault(String),
    /// The recorder met what it does not follow.
    Unknown(String),
}

/// Reads a trace. A last entry that was cut short (the process was killed) is left out.
pub fn read(file: &Path) -> Result<Vec<Event>> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(kinds::HEAD_BYTES) {
        let id = u32::from_le_bytes(head[1..5].try_into()?);
        let at = u64::from_le_bytes(head[5..13].try_into()?);
        let length = u32::from_le_bytes(head[13..17].try_into()?) as usize;
        let Some((data, after)) = after.split_at_checked(length) else { break };
        events.push(event(head[0], id, at, data)?);
        rest = after;
    }
    Ok(events)
}

fn event(kind: u8, id: Id, at: u64, data: &[u8]) -> Result<Event> {
    let text = || String::from_utf8_lossy(data).into_owned();
    let path = || PathBuf::from(text());
    Ok(match kind {
        kinds::SEEN => Event::Seen(id, path()),
        kinds::CREATED => Event::Created(id, path()),
        kinds::MADE_DIR => Event::MadeDir(id, path()),
        kinds::WROTE => Event::Wrote(id, at, data.to_vec()),
        kinds::RESIZED => Event::Resized(id, at),
        kinds::FSYNC => Event::SyncBegan { id, number: at, data_only: false },
        kinds::FDATASYNC => Event::SyncBegan { id, number: at, data_only: true },
        kinds::SYNCED => Event::SyncEnded { number: at, ok: true },
        kinds::SYNC_FAILED => Event::SyncEnded { number: at, ok: false },
        kinds::RANGE => Event::Range(id),
        kinds::RENAMED => {
            let names = text();
            let (from, to) = names.split_once('\0').context("a rename without two names")?;
            Event::Renamed(from.into(), to.into())
        }
        kinds::UNLINKED => Event::Unlinked(path()),
        kinds::MARK => Event::Mark(text()),
        kinds::FAULT => Event::Fault(text()),
        kinds::UNKNOWN => Event::Unknown(text()),
        other => bail!("the trace has an entry of the unknown kind {other}"),
    })
}
