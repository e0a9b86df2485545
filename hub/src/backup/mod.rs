//! Backup and restore of everything that the hub cannot derive: the log with its tables and raw
//! deliveries, and the keys of clients.
//!
//! A backup is a tar archive compressed with zstd, so that any machine can look into it:
//!
//! ```text
//! log/…           the log's own parts, in order, each with its checksum
//! clients.keys    the keys of clients, wrapped by the master key
//! manifest.json   what is in it: names, sizes and BLAKE3 of the above, and a signed checkpoint of its end
//! ```
//!
//! The manifest comes last: an archive without it was cut short. The master key, `hub.toml` and
//! the secrets it refers to are not in it; nor are index and snapshots, which the hub makes anew.
//! Without the master key nobody can read what is personal in a backup; whoever erases a client
//! must let the backups made before go with their own retention, since they hold the key.
mod read;
mod write;

pub use read::{RestoreFailure, Restored, UNFINISHED, restore};
pub use write::{BackupFailure, write};

use serde::{Deserialize, Serialize};

const FORMAT: &str = "hub-backup/1";
const MANIFEST: &str = "manifest.json";
const KEYS: &str = "clients.keys";
const LOG: &str = "log/";

/// `manifest.json`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// `hub-backup/1`
    pub format: String,
    /// Version of the hub that made it.
    pub hub: String,
    /// When, RFC 3339.
    pub made: String,
    /// The last event in it.
    pub last: u64,
    /// How many raw deliveries are in it.
    pub deliveries: u64,
    /// The log's public key.
    pub key: String,
    /// A signed checkpoint of the last event.
    pub checkpoint: Option<String>,
    /// Every file before this one.
    pub files: Vec<File>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the archive.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3, in hexadecimal.
    pub blake3: String,
}

impl File {
    fn of(name: &str, bytes: &[u8]) -> Self {
        let blake3 = blake3::hash(bytes).to_hex().to_string();
        Self { name: name.to_owned(), bytes: bytes.len() as u64, blake3 }
    }
}
