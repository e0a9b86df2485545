//! What a power cut, or a kill, while opening leaves behind, and sled trips over.
//!
//! sled writes a snapshot of its page table at every opening that recovers, as
//! `snap.N.generating`, and renames it when it is whole. But what it reads at the next opening
//! is the last file whose name starts with `snap.`, and so an unfinished one (it looks for
//! another ending when it sorts them out): "Read corrupted data", and the store does not open,
//! though nothing of it is lost. Found by `tests/powerloss`.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Removes unfinished snapshots, unless somebody has the store open: they may be his. Nothing is
/// lost with one: it only repeats what the store holds.
pub(crate) fn remove(dir: &Path) -> io::Result<()> {
    let mut unfinished = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            unfinished.push(entry.path());
        }
    }
    if unfinished.is_empty() {
        return Ok(());
    }
    // The lock sled takes, held while removing.
    let store = match File::open(dir.join("db")) {
        Ok(store) => Some(store),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if store.as_ref().is_some_and(|store| store.try_lock().is_err()) {
        return Ok(());
    }
    unfinished.iter().try_for_each(fs::remove_file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::{Batch, EventLog, LogOptions, SledLog};

    #[tokio::test]
    async fn a_snapshot_cut_off_while_written_does_not_keep_the_log_from_opening() {
        let dir = tempfile::tempdir().unwrap();
        let log = SledLog::open(LogOptions::new(dir.path())).unwrap();
        log.append(Batch::record("acknowledged")).await.unwrap();
        drop(log);
        let unfinished = dir.path().join("snap.00000000FFFFFFFF.generating");
        std::fs::write(&unfinished, "").unwrap();
        let log = SledLog::open(LogOptions::new(dir.path())).unwrap();
        assert_eq!(log.last(), 1);
        assert!(!unfinished.exists());
        // Somebody has it open: what is there may be his.
        std::fs::write(&unfinished, "").unwrap();
        super::remove(dir.path()).unwrap();
        assert!(unfinished.exists());
    }
}
