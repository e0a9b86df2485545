//! Making a backup while the hub works.
use super::{FORMAT, File, KEYS, LOG, MANIFEST, Manifest};
use crate::proof::{KeepError, Kept};
use crate::vault::{KeyFile, KeyFileError};
use hub_log::{BackupError, BackupSink, EventLog};
use std::io::{self, Write};

/// zstd's own default: most of what is in a backup is compressed or sealed already.
const LEVEL: i32 = 3;

/// Why a backup is not complete. What was written of it does not restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupFailure {
    /// The log.
    #[error(transparent)]
    Log(#[from] BackupError),
    /// The keys of clients.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] KeepError),
    /// Where it was written to.
    #[error("the backup could not be written: {0}")]
    Io(#[from] io::Error),
}

/// Writes a backup of everything up to now.
pub fn write(
    log: &dyn EventLog,
    keys: &KeyFile,
    checkpoints: &Kept,
    out: &mut dyn Write,
) -> Result<Manifest, BackupFailure> {
    let packed = zstd::Encoder::new(out, LEVEL)?;
    let mut parts = Parts { archive: tar::Builder::new(packed), files: Vec::new() };
    let done = log.backup(&mut parts)?;
    // After the log: every key that seals something in it is older than its last event.
    let mut copy = Vec::new();
    keys.copy_to(&mut copy)?;
    parts.add(KEYS, &copy)?;
    let signed = match done.last {
        0 => None,
        last => checkpoints.sign(Some(last))?,
    };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        hub: env!("CARGO_PKG_VERSION").to_owned(),
        made: format!("{:.0}", jiff::Timestamp::now()),
        last: done.last,
        deliveries: done.blobs,
        key: checkpoints.key().public().to_owned(),
        checkpoint: signed.map(|(_, note)| note),
        files: parts.files.clone(),
    };
    let json = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
    parts.add(MANIFEST, &json)?;
    parts.archive.into_inner()?.finish()?.flush()?;
    Ok(manifest)
}

struct Parts<W: Write> {
    archive: tar::Builder<W>,
    files: Vec<File>,
}

impl<W: Write> Parts<W> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0));
        self.archive.append_data(&mut header, name, bytes)?;
        self.files.push(File::of(name, bytes));
        Ok(())
    }
}

impl<W: Write> BackupSink for Parts<W> {
    fn part(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.add(&format!("{LOG}{name}"), bytes)
    }
}
