//! What a power cut, or a kill, while opening leaves behind, and sled trips over: it calls the
//! store damaged and does not open it, though nothing of it is lost. Found by `tests/powerloss`.
//!
//! * At every opening that recovers, sled writes a snapshot of its page table as
//!   `snap.N.generating`, renames it when it is whole, unlinks the one before, and may then reuse
//!   a segment that only the one before needed. What it reads at the next opening is the last
//!   file whose name starts with `snap.`, and so an unfinished one (when it sorts those out it
//!   looks for another ending); and without any it may take the whole store for empty. It syncs
//!   none of these names, so a file system that loses them out of order can leave a store without
//!   a snapshot. So one that is whole gets its name here, one that is not is removed, and a copy
//!   of the last good one (`kept.snap.N`) is made durable before sled touches it.
//! * When it creates a store, it writes its settings into `conf` and does not sync them. A power
//!   cut leaves zeros, or a part. (The log syncs `conf` before it takes an append.)

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// More than a store has that was only just created, but for the zeros that opening it again
/// fills its first segment with: whose settings were not synced holds no event.
const CREATED_BYTES_MAX: usize = 4_096;

const SNAP: &str = "snap.";
const UNFINISHED: &str = ".generating";
const KEPT: &str = "kept.snap.";

/// What comes after the settings' text: its checksum.
const SUM_BYTES: usize = 4;

/// Puts such files in order, unless somebody has the store open: they may be his. Nothing is
/// lost with what is removed: a snapshot that is not whole has another before it, and settings
/// that were cut off are written again. `segment_bytes` is what the store was created with.
pub(crate) fn remove(dir: &Path, segment_bytes: usize) -> io::Result<()> {
    let store = dir.join("db");
    let conf = dir.join("conf");
    let cut_off = is_cut_off(&conf, segment_bytes)? && is_new(&store, segment_bytes)?;
    // The lock sled takes, held while removing.
    let store = match File::open(store) {
        Ok(store) => Some(store),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if store.as_ref().is_some_and(|store| store.try_lock().is_err()) {
        return Ok(());
    }
    if cut_off {
        fs::remove_file(conf)?;
    }
    for unfinished in named(dir, |name| name.starts_with(SNAP) && name.ends_with(UNFINISHED))? {
        match is_whole(&unfinished)? {
            true => fs::rename(&unfinished, unfinished.with_extension(""))?,
            false => fs::remove_file(&unfinished)?,
        }
    }
    keep_snapshot(dir)
}

/// Copies the newest snapshot beside itself; or back, if there is none any more.
fn keep_snapshot(dir: &Path) -> io::Result<()> {
    let name_of = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut kept = named(dir, |name| name.starts_with(KEPT))?;
    match named(dir, |name| name.starts_with(SNAP))?.pop() {
        Some(newest) => {
            let copy = dir.join(format!("kept.{}", name_of(&newest)));
            if is_whole(&newest)? && !(kept.contains(&copy) && is_whole(&copy)?) {
                copy_durably(&newest, &copy)?;
                File::open(dir)?.sync_all()?;
            }
            kept.retain(|path| *path != copy);
            kept.iter().try_for_each(fs::remove_file)?;
        }
        None => {
            while let Some(last) = kept.pop() {
                if is_whole(&last)? {
                    copy_durably(&last, &dir.join(&name_of(&last)["kept.".len()..]))?;
                    break;
                }
            }
        }
    }
    File::open(dir)?.sync_all()
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let content = fs::read(from)?;
    let mut file = File::create(to)?;
    file.write_all(&content)?;
    file.sync_all()
}

/// Whether a snapshot's checksum holds, as the disk has it (see [`forget_unwritten`]): its content,
/// the content's length (8 bytes), and the CRC-32 of the content (sled 0.34,
/// `pagecache/snapshot.rs`).
fn is_whole(snapshot: &Path) -> io::Result<bool> {
    let mut content = Vec::new();
    read_from_disk(snapshot)?.read_to_end(&mut content)?;
    let Some((content, sum)) = content.split_last_chunk::<4>() else { return Ok(false) };
    let Some((content, _length)) = content.split_last_chunk::<8>() else { return Ok(false) };
    Ok(!content.is_empty() && u32::from_le_bytes(*sum) == crc32fast::hash(content))
}

/// Makes the page cache show what the disk holds.
///
/// After a sync that failed, Linux keeps the pages it could not write, calls them clean, and
/// never writes them. To build on them after a restart would lose what is built, at the next
/// power cut. So what can be written is written now (or the opening fails), and the rest is
/// dropped from the cache. Takes the time that reading the file again takes.
pub(crate) fn forget_unwritten(dir: &Path) -> io::Result<()> {
    match read_from_disk(&dir.join("db")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens a file with nothing of it in the page cache that is not on the disk.
fn read_from_disk(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).write(true).open(path)?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(file)
}

/// Files by their names, in the names' order.
fn named(dir: &Path, is_one: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if is_one(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the settings are those that are about to be written, in part: a part of the text, or
/// zeros in its place. Other settings are another's, and left for the opening to refuse.
fn is_cut_off(conf: &Path, segment_bytes: usize) -> io::Result<bool> {
    let whole = format!("segment_size: {segment_bytes}\nuse_compression: false\nversion: 0.34\n");
    let found = match fs::read(conf) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let is_part = found.len() <= whole.len() + SUM_BYTES
        && found.iter().zip(whole.as_bytes()).all(|(found, whole)| found == whole || *found == 0);
    let is_whole = found.len() == whole.len() + SUM_BYTES
        && found.starts_with(whole.as_bytes())
        && !found.ends_with(&[0; SUM_BYTES]);
    Ok(is_part && !is_whole)
}

fn is_new(store: &Path, segment_bytes: usize) -> io::Result<bool> {
    let file = match File::open(store) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() > segment_bytes as u64 {
        return Ok(false);
    }
    let mut content = Vec::new();
    file.take(segment_bytes as u64).read_to_end(&mut content)?;
    Ok(content.iter().skip(CREATED_BYTES_MAX).all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::open::SEGMENT_BYTES;
    use crate::{Batch, EventLog, LogOptions, OpenError, SledLog};

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
        super::remove(dir.path(), SEGMENT_BYTES).unwrap();
        assert!(unfinished.exists());
    }

    /// The names of a directory are lost in any order: the old snapshot's end may be kept, and the
    /// new one's name or even its beginning not. Without any, sled takes the store for empty.
    #[tokio::test]
    async fn names_of_snapshots_that_were_lost_cost_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = |start: &str| -> Vec<std::path::PathBuf> {
            super::named(dir.path(), |name| name.starts_with(start)).unwrap()
        };
        for round in 0..3 {
            let log = SledLog::open(LogOptions::new(dir.path())).unwrap();
            assert_eq!(log.last(), round * 40);
            for _ in 0..40 {
                log.append(Batch::record(vec![7; 90_000])).await.unwrap();
            }
        }
        drop(SledLog::open(LogOptions::new(dir.path())).unwrap());
        let newest = snapshots("snap.").pop().unwrap();
        let unnamed = newest.with_file_name(format!(
            "{}.generating",
            newest.file_name().unwrap().to_string_lossy()
        ));
        std::fs::rename(&newest, &unnamed).unwrap();
        drop(SledLog::open(LogOptions::new(dir.path())).unwrap());
        assert!(!unnamed.exists());
        for snapshot in snapshots("snap.") {
            std::fs::remove_file(snapshot).unwrap();
        }
        let log = SledLog::open(LogOptions::new(dir.path())).unwrap();
        assert_eq!(log.last(), 120);
        assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, 120);
    }

    #[tokio::test]
    async fn settings_cut_off_while_created_are_written_again() {
        let dir = tempfile::tempdir().unwrap();
        drop(SledLog::open(LogOptions::new(dir.path())).unwrap());
        let conf = dir.path().join("conf");
        let whole = std::fs::read(&conf).unwrap();
        let zeros = vec![0; whole.len()];
        let mut no_sum = whole.clone();
        no_sum[whole.len() - 4..].fill(0);
        for cut_off in [&whole[..0], &whole[..20], &whole[..whole.len() - 4], &zeros, &no_sum] {
            std::fs::write(&conf, cut_off).unwrap();
            drop(SledLog::open(LogOptions::new(dir.path())).unwrap());
            assert_eq!(std::fs::read(&conf).unwrap(), whole);
        }
        // In a store that holds more, this is damage; and other settings are another's.
        let log = SledLog::open(LogOptions::new(dir.path())).unwrap();
        let noise =
            (0..9_000_u32).flat_map(|n| blake3::hash(&n.to_be_bytes()).as_bytes()[..2].to_vec());
        log.append(Batch::record(noise.collect::<Vec<_>>())).await.unwrap();
        drop(log);
        std::fs::write(&conf, &zeros).unwrap();
        let error = SledLog::open(LogOptions::new(dir.path())).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
        std::fs::write(&conf, &whole).unwrap();
        assert_eq!(SledLog::open(LogOptions::new(dir.path())).unwrap().last(), 1);
    }
}
