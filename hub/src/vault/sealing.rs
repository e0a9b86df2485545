//! Personal data is sealed per client before it is appended, and opened only where it is needed:
//! in a request to a vendor, and for a reader who may see it.
//!
//! A sealed field stays a JSON string: `sealed:1:{owner}:{base64url}`. The owner is a client, or
//! the day on which the text came where no client is known (`day/2026-11-21`): that key goes with
//! the retention of deliveries. The deciders copy such strings from event to event and never see
//! what is in them; the hash chain covers the sealed form; whoever destroys the owner's key has
//! erased them all.
use super::key_file::{Contact, Kept, Key, KeyFile, KeyFileError, Lookups, day_owner, normalised};
use super::{PersonalPath, SealKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;
use std::sync::Arc;

/// How every sealed field begins.
pub const SEALED_PREFIX: &str = "sealed:1:";
/// What is read where the key is gone, and what is stored where it would be.
pub const ERASED: &str = "[erased]";

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Sealed under a key that was never seen.
    #[error(
        "{owner}'s personal data is sealed under a key that the key file does not have: is the \
         file older than the log? Restore both from one backup"
    )]
    NoKey {
        /// Whose.
        owner: String,
    },
    /// The field does not open.
    #[error("personal data of {owner}: {source}")]
    Unseal {
        /// Whose.
        owner: String,
        /// Why.
        source: super::UnsealError,
    },
    /// The runtime is on its way down.
    #[error("sealing was interrupted: the hub is stopping")]
    Interrupted,
}

/// Seals and opens personal fields.
pub struct Sealer {
    keys: Arc<KeyFile>,
}

impl Sealer {
    /// With the keys of this file.
    pub fn new(keys: Arc<KeyFile>) -> Self {
        Self { keys }
    }

    /// The keys.
    pub fn keys(&self) -> &Arc<KeyFile> {
        &self.keys
    }

    /// Makes and keeps the client's key with the hashes by which the client is found, if there is
    /// no key yet.
    pub async fn make_findable(
        &self,
        client: &str,
        email: Option<&str>,
        phone: Option<&str>,
    ) -> Result<(), SealingError> {
        if self.keys.knows(client) {
            return Ok(());
        }
        let lookups = self.keys.lookups(email, phone);
        let (keys, owner) = (self.keys.clone(), client.to_owned());
        blocking(move || keys.make(&owner, lookups)).await.map(drop)
    }

    /// Seals the texts at these places of `data` under the owner's key, which is made and kept
    /// first if there is none. What is sealed already stays as it is; of an erased client nothing
    /// is kept.
    pub async fn seal(
        &self,
        owner: &str,
        data: &mut Value,
        paths: &[PersonalPath],
    ) -> Result<(), SealingError> {
        // Text that only looks sealed is somebody's input, and is sealed like any other.
        let is_open = |text: &str| {
            let is_sealed = text.starts_with(SEALED_PREFIX) && self.open(text).is_ok();
            !is_sealed && text != ERASED
        };
        let mut any = false;
        for path in paths {
            path.texts(data, &mut |text| any |= is_open(text));
        }
        if !any {
            return Ok(());
        }
        let key = self.key_or_make(owner).await?.map(SealKey::new);
        for path in paths {
            path.texts(data, &mut |text| {
                if is_open(text) {
                    *text = sealed(owner, key.as_ref(), text);
                }
            });
        }
        Ok(())
    }

    /// Seals one text that belongs to no known client, under the key of this day.
    pub async fn seal_for_day(&self, ms: i64, text: &str) -> Result<String, SealingError> {
        let owner = day_owner(ms);
        let key = self.key_or_make(&owner).await?.map(SealKey::new);
        Ok(sealed(&owner, key.as_ref(), text))
    }

    /// The keys of all these owners, in their order; nothing if one of them was destroyed.
    pub async fn keys_of(&self, owners: &[String]) -> Result<Option<Vec<Key>>, SealingError> {
        let mut all = Vec::with_capacity(owners.len());
        for owner in owners {
            match self.key_or_make(owner).await? {
                Some(key) => all.push(key),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    /// Says how clients are found.
    pub async fn set_lookups(&self, all: Vec<(String, Lookups)>) -> Result<(), SealingError> {
        let keys = self.keys.clone();
        blocking(move || keys.set_lookups(&all)).await.map(drop)
    }

    /// Destroys the keys of these owners, and how they are found. Done already is done.
    pub async fn destroy(&self, owners: Vec<String>) -> Result<(), SealingError> {
        let keys = self.keys.clone();
        blocking(move || keys.destroy(&owners)).await
    }

    /// Opens every sealed string in `value`, wherever it stands. A field whose key was destroyed
    /// becomes `[erased]`.
    pub async fn open_all(&self, value: &mut Value) -> Result<(), SealingError> {
        self.open_here(value)
    }

    /// As [`Sealer::open_all`]; blocks for a read of the disk where a key is not at hand.
    pub fn open_here(&self, value: &mut Value) -> Result<(), SealingError> {
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            match value {
                Value::String(text) if text.starts_with(SEALED_PREFIX) => {
                    *text = self.open(text)?;
                }
                Value::Array(items) => pending.extend(items.iter_mut()),
                Value::Object(fields) => pending.extend(fields.values_mut()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens a text, if it is sealed.
    pub fn open(&self, text: &str) -> Result<String, SealingError> {
        // Ids may hold colons, base64url does not.
        let Some((owner, sealed)) =
            text.strip_prefix(SEALED_PREFIX).and_then(|rest| rest.rsplit_once(':'))
        else {
            return Ok(text.to_owned());
        };
        let key = match self.keys.key(owner)? {
            Kept::Key(key) => SealKey::new(key),
            Kept::Destroyed => return Ok(ERASED.to_owned()),
            Kept::None => return Err(SealingError::NoKey { owner: owner.to_owned() }),
        };
        let failed =
            || SealingError::Unseal { owner: owner.to_owned(), source: super::UnsealError };
        let sealed = BASE64.decode(sealed).map_err(|_| failed())?;
        let plain = key.open(owner.as_bytes(), &sealed).map_err(|_| failed())?;
        String::from_utf8(plain).map_err(|_| failed())
    }

    /// The sealed (or plain) text is this address or number.
    pub fn is(&self, text: Option<&str>, contact: Contact<'_>) -> Result<bool, SealingError> {
        let Some(text) = text else { return Ok(false) };
        let plain = self.open(text)?;
        let kept = match contact {
            Contact::Email(_) => Contact::Email(&plain),
            Contact::Phone(_) => Contact::Phone(&plain),
        };
        Ok(plain != ERASED && normalised(kept) == normalised(contact))
    }

    async fn key_or_make(&self, owner: &str) -> Result<Option<Key>, SealingError> {
        let kept = match self.keys.key(owner)? {
            Kept::None => {
                let (keys, owner) = (self.keys.clone(), owner.to_owned());
                blocking(move || keys.make(&owner, Default::default())).await?
            }
            kept => kept,
        };
        match kept {
            Kept::Key(key) => Ok(Some(key)),
            Kept::Destroyed => Ok(None),
            Kept::None => Err(SealingError::NoKey { owner: owner.to_owned() }),
        }
    }
}

fn sealed(owner: &str, key: Option<&SealKey>, text: &str) -> String {
    match key {
        Some(key) => {
            let sealed = key.seal(owner.as_bytes(), text.as_bytes());
            format!("{SEALED_PREFIX}{owner}:{}", BASE64.encode(sealed))
        }
        None => ERASED.to_owned(),
    }
}

/// A write to the disk and its sync, away from the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyFileError> + Send + 'static,
) -> Result<T, SealingError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(SealingError::Interrupted),
    }
}
