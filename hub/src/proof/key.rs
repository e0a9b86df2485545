//! The log's signing key: Ed25519, made with the log, its private half sealed in the hub's store.
use super::checkpoint::{Checkpoint, CheckpointError};
use super::keep::Kept;
use crate::vault::{MasterKey, Purpose, UnsealError};
use chacha20poly1305::aead::OsRng;
use hub_log::{AppendError, Batch, EventLog, Put, PutValue, ReadError, Table};
use signed_note::{Note, Signer as _, StandardSigner};

const LOG_KEY: Table = Table::new("log_key");
const PUBLIC: &[u8] = b"public";
const PRIVATE: &[u8] = b"private";

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// The log did not give it.
    #[error("the log's signing key could not be read: {0}")]
    Read(#[from] ReadError),
    /// The log did not take it.
    #[error("the log's signing key could not be kept: {0}")]
    Append(#[from] AppendError),
    /// It does not open.
    #[error("the log's signing key: {0}; use the master key that this log was made with")]
    Unseal(#[from] UnsealError),
    /// What opens is no key.
    #[error("the log's signing key is damaged: {0}; restore a backup")]
    Damaged(String),
}

/// See the module.
pub struct LogKey {
    signer: StandardSigner,
    public: String,
}

impl LogKey {
    /// The key of this log, made and kept at the first time.
    pub async fn open(log: &dyn EventLog, master: &MasterKey) -> Result<Self, LogKeyError> {
        let sealing = master.derive(Purpose::LogKey);
        if let (Some(public), Some(sealed)) =
            (log.table_get(LOG_KEY, PUBLIC)?, log.table_get(LOG_KEY, PRIVATE)?)
        {
            let damaged = |why: &dyn std::fmt::Display| LogKeyError::Damaged(why.to_string());
            let private = sealing.open(PRIVATE, &sealed)?;
            let private = String::from_utf8(private).map_err(|e| damaged(&e))?;
            let signer = StandardSigner::new(&private).map_err(|e| damaged(&e))?;
            let public = String::from_utf8(public.to_vec()).map_err(|e| damaged(&e))?;
            return Ok(Self { signer, public });
        }
        let (public, private) = (log.table_get(LOG_KEY, PUBLIC)?, log.table_get(LOG_KEY, PRIVATE)?);
        if public.is_some() || private.is_some() || !Kept::notes(log)?.is_empty() {
            let why = "a half of it, or all of it, is gone while its checkpoints are there";
            return Err(LogKeyError::Damaged(why.to_owned()));
        }
        // The name is the log's own: two logs never sign under one.
        let name = format!("hub-log/{}", hex::encode(rand::random::<[u8; 8]>()));
        let (private, public) = signed_note::generate_key(&mut OsRng, &name);
        let signer =
            StandardSigner::new(&private).map_err(|e| LogKeyError::Damaged(e.to_string()))?;
        let put = |key: &[u8], value: Vec<u8>| Put {
            table: LOG_KEY,
            key: key.to_vec(),
            value: PutValue::Bytes(value),
        };
        let puts = vec![
            put(PUBLIC, public.clone().into_bytes()),
            put(PRIVATE, sealing.seal(PRIVATE, private.as_bytes())),
        ];
        log.append(Batch { puts, ..Batch::default() }).await?;
        Ok(Self { signer, public })
    }

    /// The public half of a log's key, in the form of `golang.org/x/mod/sumdb/note`:
    /// `name+hash+base64`. It needs no master key.
    pub fn public_of(log: &dyn EventLog) -> Result<Option<String>, ReadError> {
        let public = log.table_get(LOG_KEY, PUBLIC)?;
        Ok(public.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()))
    }

    /// The public half.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The log's name.
    pub fn name(&self) -> &str {
        self.signer.name()
    }

    /// A checkpoint as a signed note (c2sp.org/signed-note).
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<String, CheckpointError> {
        let malformed = |e: signed_note::NoteError| CheckpointError::Malformed(e.to_string());
        let mut note = Note::new(checkpoint.text().as_bytes(), &[]).map_err(malformed)?;
        note.add_sigs(&[&self.signer]).map_err(malformed)?;
        String::from_utf8(note.to_bytes()).map_err(|e| CheckpointError::Malformed(e.to_string()))
    }
}
