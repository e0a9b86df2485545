//! Making, opening and checking the key file, and the move from the log's table of old.
use super::index::{Index, State};
use super::slot::{Decoded, SLOT_BYTES, Slot, sum};
use super::{KeyFile, KeyFileError, Lookups, derive, offset};
use crate::vault::MasterKey;
use hub_log::{Batch, EventLog, Put, PutValue, Table};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

const MAGIC: &[u8; 8] = b"HUBKEYS\0";
const VERSION: u16 = 1;
/// Where keys were up to the version before: wrapped, by client.
const CLIENT_KEYS: Table = Table::new("client_keys");
const VAULT: Table = Table::new("vault");
const KEY_FILE: &[u8] = b"key_file";
/// Rows moved at once.
const MOVED_AT_ONCE: usize = 1_000;

/// What a key file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Keys of clients and days.
    pub live: usize,
    /// Destroyed ones.
    pub destroyed: usize,
    /// Slots that cannot be read.
    pub damaged: usize,
}

/// Where the key file of a data directory is.
pub fn key_file_path(data_dir: &Path) -> PathBuf {
    data_dir.join("clients.keys")
}

/// Opens the key file that belongs to this log, makes it if the log never had one, and moves keys
/// there that an older version kept in the log.
pub async fn open_for(
    log: &Arc<dyn EventLog>,
    path: &Path,
    master: &MasterKey,
) -> Result<Arc<KeyFile>, KeyFileError> {
    let known = log.table_get(VAULT, KEY_FILE)?;
    let (place, key) = (path.to_owned(), master.clone());
    let opened = blocking(move || {
        let there = place.try_exists().map_err(|source| KeyFileError::Io {
            path: place.clone(),
            doing: "looked for",
            source,
        })?;
        match there {
            true => KeyFile::open(&place, &key).map(Some),
            false => Ok(None),
        }
    })
    .await?;
    let keys = match (opened, &known) {
        (Some(keys), Some(id)) if **id != keys.id => {
            return Err(KeyFileError::OtherLog { path: path.to_owned() });
        }
        (Some(keys), _) => keys,
        (None, Some(_)) => return Err(KeyFileError::Missing { path: path.to_owned() }),
        (None, None) => {
            let (place, key) = (path.to_owned(), master.clone());
            blocking(move || KeyFile::create(&place, &key)).await?
        }
    };
    let keys = Arc::new(keys);
    if known.is_none() {
        let value = PutValue::Bytes(keys.id.to_vec());
        put(log, vec![Put { table: VAULT, key: KEY_FILE.to_vec(), value }]).await?;
    }
    migrate(log, &keys).await?;
    Ok(keys)
}

/// Keys in the log's table: into the file, and only then out of the table.
async fn migrate(log: &Arc<dyn EventLog>, keys: &Arc<KeyFile>) -> Result<(), KeyFileError> {
    let mut moved = 0;
    loop {
        let rows = log.table_scan(CLIENT_KEYS, b"", None, MOVED_AT_ONCE)?;
        if rows.is_empty() {
            break;
        }
        let wrapped: Vec<(String, Vec<u8>)> = rows
            .iter()
            .map(|(owner, key)| (String::from_utf8_lossy(owner).into_owned(), key.to_vec()))
            .collect();
        let keys = keys.clone();
        moved += blocking(move || keys.adopt(wrapped)).await?;
        let gone = rows
            .into_iter()
            .map(|(key, _)| Put { table: CLIENT_KEYS, key, value: PutValue::Delete })
            .collect();
        put(log, gone).await?;
    }
    if moved > 0 {
        tracing::warn!(keys = moved, file = %keys.path.display(),
            "client keys moved to their file; their old places in the log's store may keep a copy: \
             make a backup and restore it into a fresh directory before you erase anybody");
    }
    Ok(())
}

async fn put(log: &Arc<dyn EventLog>, puts: Vec<Put>) -> Result<(), KeyFileError> {
    Ok(log.append(Batch { puts, ..Batch::default() }).await.map(drop)?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyFileError> + Send + 'static,
) -> Result<T, KeyFileError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panicked| {
        Err(KeyFileError::Io {
            path: PathBuf::new(),
            doing: "worked on",
            source: std::io::Error::other(panicked),
        })
    })
}

impl KeyFile {
    /// Makes an empty one. An existing file is an error.
    pub fn create(path: &Path, master: &MasterKey) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), doing: "made", source };
        let id: [u8; 16] = rand::random();
        let fresh = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&fresh).map_err(failed)?;
        file.write_all(&header(id, master)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        // A link, unlike a renaming, never replaces what is there.
        std::fs::hard_link(&fresh, path).map_err(failed)?;
        std::fs::remove_file(&fresh).map_err(failed)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
        Self::open(path, master)
    }

    /// Opens it, and checks every slot.
    pub fn open(path: &Path, master: &MasterKey) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), doing: "read", source };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        let id = read_header(path, &mut file, master)?;
        let index = read_slots(path, &mut file)?;
        let (wrapping, hashing, digests) = derive(master);
        let (path, index, writing) = (path.to_owned(), RwLock::new(index), Mutex::new(()));
        Ok(Self { path, file, id, wrapping, hashing, digests, index, writing })
    }

    /// Checks a copy without changing it: that it is a key file, of this master key, and what it
    /// holds. Every live key is unwrapped.
    pub fn check(path: &Path, master: &MasterKey) -> Result<Summary, KeyFileError> {
        let keys = Self::open(path, master)?;
        for owner in keys.live("") {
            keys.key(&owner)?;
        }
        Ok(keys.summary())
    }
}

fn header(id: [u8; 16], master: &MasterKey) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[10..12].copy_from_slice(&(SLOT_BYTES as u16).to_le_bytes());
    bytes[12..28].copy_from_slice(&id);
    bytes[28..44].copy_from_slice(&master_mark(id, master));
    let whole = sum(&bytes[..44]);
    bytes[44..52].copy_from_slice(&whole);
    bytes
}

/// What only the right master key gives.
fn master_mark(id: [u8; 16], master: &MasterKey) -> [u8; 16] {
    let (_, _, digests) = derive(master);
    let mut mark = [0; 16];
    mark.copy_from_slice(&digests.hash(&[b"key file\n", &id[..]].concat())[..16]);
    mark
}

fn read_header(path: &Path, file: &mut File, master: &MasterKey) -> Result<[u8; 16], KeyFileError> {
    let not_one = || KeyFileError::NotAKeyFile { path: path.to_owned() };
    let mut bytes = [0; SLOT_BYTES];
    file.read_exact(&mut bytes).map_err(|_| not_one())?;
    if bytes[..8] != MAGIC[..] || bytes[44..52] != sum(&bytes[..44]) {
        return Err(not_one());
    }
    let found = u16::from_le_bytes([bytes[8], bytes[9]]);
    if found != VERSION {
        return Err(KeyFileError::Version { path: path.to_owned(), found, known: VERSION });
    }
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[12..28]);
    if bytes[28..44] != master_mark(id, master) {
        return Err(KeyFileError::OtherMaster { path: path.to_owned() });
    }
    Ok(id)
}

/// Reads every slot. The last one may be torn, or a part of one: it was never acknowledged, and
/// the next write goes over it.
fn read_slots(path: &Path, file: &mut File) -> Result<Index, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), doing: "read", source };
    let mut index = Index::default();
    let mut reader = std::io::BufReader::with_capacity(1 << 20, file);
    let mut at = 0;
    // What is only all right if nothing follows.
    let mut unfinished: Option<(u32, Option<String>)> = None;
    loop {
        let mut bytes = [0; SLOT_BYTES];
        match reader.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(failed(error)),
        }
        let decoded = Slot::decode(&bytes);
        if decoded != Decoded::Empty
            && let Some((slot, owner)) = unfinished.take()
        {
            // Nobody knows whose it was: whoever is asked for a new key might have had one.
            let Some(owner) = owner else {
                let (path, offset) = (path.to_owned(), offset(slot));
                return Err(KeyFileError::Damaged { path, slot, offset });
            };
            tracing::error!(
                slot,
                owner,
                "a slot of the key file is damaged: restore the file from a backup"
            );
            index.set(&owner, slot, State::Damaged, Lookups::default());
        }
        match decoded {
            // A hole is left when several were written at once and power failed before the sync.
            Decoded::Empty => {}
            Decoded::Damaged { owner } => unfinished = Some((at, owner)),
            Decoded::Slot(Slot { owner, wrapped, lookups }) => {
                let state = if wrapped.is_some() { State::Live } else { State::Destroyed };
                index.set(&owner, at, state, lookups);
            }
        }
        at += 1;
    }
    if let Some((slot, Some(owner))) = unfinished {
        tracing::warn!(
            slot,
            owner,
            "the last slot of the key file was not finished: it is written again"
        );
    }
    Ok(index)
}
