//! What can go wrong, and what the reader of the message can do about it.

use std::path::PathBuf;

use hub_log::ReadError;

/// Why an index did not open, build or answer. The log is never affected.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IndexError {
    /// The directory has files in it that are not an index's, so it is not wiped.
    #[error(
        "{} has files that are no index of this program; give the index a directory of its own",
        dir.display()
    )]
    Foreign {
        /// The directory.
        dir: PathBuf,
    },
    /// Another process, or another handle in this one, writes to it.
    #[error("the index in {} is in use; stop the other process", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The file system refused.
    #[error("could not {doing} {}: {detail}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the file system said.
        detail: String,
    },
    /// The disk is nearly full: what is left is for the log.
    #[error(
        "the index waits for space: {free_bytes} bytes are free and {reserve_bytes} must stay for \
         the log; free some, and the index goes on by itself"
    )]
    Full {
        /// What the file system has left.
        free_bytes: u64,
        /// [`crate::IndexOptions::free_bytes_reserve`].
        reserve_bytes: u64,
    },
    /// The library refused, mostly for the disk's sake.
    #[error("the index could not {doing}: {detail}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        detail: String,
    },
    /// The index is further behind the log than a view may make up for.
    #[error(
        "the index is at event {position} of {last} and catching up{}; try again in a moment",
        reason.as_deref().map(|r| format!(" (it is held up: {r})")).unwrap_or_default()
    )]
    Behind {
        /// The last event that is indexed.
        position: u64,
        /// The last event of the log.
        last: u64,
        /// What holds the index up, if something does.
        reason: Option<String>,
    },
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] ReadError),
}

pub(crate) fn engine<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> IndexError {
    move |error| IndexError::Engine { doing, detail: error.to_string() }
}

pub(crate) fn io<'a>(
    doing: &'static str,
    path: &'a std::path::Path,
) -> impl FnOnce(std::io::Error) -> IndexError + 'a {
    move |error| IndexError::Io { doing, path: path.into(), detail: error.to_string() }
}
