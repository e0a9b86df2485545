//! What can go wrong with the key file, and what to do about it.
use std::path::PathBuf;

/// Why the key file does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error(
        "key file {path} could not be {doing}: {source}; nothing was sealed under a key that is \
         not on the disk. Check the disk and its free space, then try again", path = path.display()
    )]
    Io {
        /// Which file.
        path: PathBuf,
        /// `read`, `written` …
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Not a key file, or its header is damaged.
    #[error(
        "{path} is not a key file of the hub, or its header is damaged; restore it from a backup",
        path = path.display()
    )]
    NotAKeyFile {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer hub.
    #[error("key file {path} has format {found}, this hub reads {known}; run the newer hub", path = path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u16,
        /// What is known.
        known: u16,
    },
    /// Another master key wrapped what is in it.
    #[error(
        "key file {path} was made under another master key; [vault] key_file must name the one \
         that belongs to this data directory", path = path.display()
    )]
    OtherMaster {
        /// Which file.
        path: PathBuf,
    },
    /// A slot cannot be read, and nobody knows whose it was.
    #[error(
        "key file {path}: slot {slot} (byte {offset}) is damaged, and whose it was cannot be read; \
         restore the file from a backup", path = path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which slot.
        slot: u32,
        /// Where it begins.
        offset: u64,
    },
    /// A slot cannot be read.
    #[error("the key of {owner} is damaged on the disk; restore the key file from a backup")]
    DamagedKey {
        /// Whose.
        owner: String,
    },
    /// The log knows of a key file that is not there.
    #[error(
        "key file {path} is missing, and this log's personal data is sealed under its keys; \
         restore it from the backup that the log is from", path = path.display()
    )]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// It belongs to another log.
    #[error(
        "key file {path} belongs to another log; restore log and key file from one backup",
        path = path.display()
    )]
    OtherLog {
        /// Which file.
        path: PathBuf,
    },
    /// A kept key does not open.
    #[error("the key of {owner} does not open with this master key, or its slot was changed")]
    Unwrap {
        /// Whose.
        owner: String,
    },
    /// The owner is no client id and no day.
    #[error("{0:?} cannot own a key: 1 to 128 bytes")]
    Owner(String),
    /// The log could not be read.
    #[error("keys in the log could not be read: {0}")]
    Read(#[from] hub_log::ReadError),
    /// The log did not take a change.
    #[error("keys in the log could not be moved: {0}")]
    Append(#[from] hub_log::AppendError),
}
