//! The keys of clients and of days, each in a slot of a file that is changed in place.
//!
//! The log is never rewritten, and what sits below it is log-structured too: a row that is deleted
//! there stays in an old segment for who knows how long. So the one thing that must be able to go,
//! the key that a client's personal data is sealed under, lives beside it, in slots of fixed size.
//!
//! Invariants:
//! - A new key is on the medium (written and synced, the directory too when the file is made)
//!   before anything that was sealed under it can be appended.
//! - A destroyed key's bytes, and the hashes by which its client was found, are overwritten where
//!   they stood, and synced. The slot keeps its owner's id, so that no new key is ever made for it.
//! - A write that was torn is noticed by its checksum. A torn new slot is the last one, was never
//!   acknowledged, and is written again; a torn destruction is finished at the next start.
//!
//! What overwriting in place cannot promise: flash may keep the old sector until it is erased, a
//! copy-on-write file system keeps it in snapshots, and backups made before have it. The keys are
//! wrapped by the master key, which lives elsewhere; an encrypted disk and a short retention of
//! backups cover the rest.
mod error;
mod index;
mod lookup;
mod open;
mod slot;

pub use error::KeyFileError;
pub use lookup::{Contact, normalised};
pub use open::{Summary, key_file_path, open_for};
pub use slot::{Lookups, SLOT_BYTES};

use super::keys::{HashKey, MasterKey, Purpose, SealKey};
use index::{Index, Place, State};
use slot::{Decoded, OWNER_BYTES_MAX, Slot, WRAPPED_BYTES};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// A key as it is used.
pub type Key = [u8; 32];

/// What there is for an owner.
#[derive(Clone, PartialEq, Eq)]
pub enum Kept {
    /// The key.
    Key(Key),
    /// It was destroyed, for good.
    Destroyed,
    /// There never was one.
    None,
}

/// The open key file. Its methods block for as long as the disk takes: those that write belong on
/// a blocking thread.
pub struct KeyFile {
    path: PathBuf,
    file: File,
    id: [u8; 16],
    wrapping: SealKey,
    hashing: HashKey,
    digests: HashKey,
    index: RwLock<Index>,
    /// Held while a slot is written and synced.
    writing: Mutex<()>,
}

impl KeyFile {
    /// Tells this file from every other; a log knows the one that belongs to it.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A digest that nobody can guess the content of without the master key.
    pub fn digest(&self, content: &[u8]) -> [u8; 32] {
        self.digests.hash(content)
    }

    /// The owner's key.
    pub fn key(&self, owner: &str) -> Result<Kept, KeyFileError> {
        loop {
            let place = {
                let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(key) = index.cached(owner) {
                    return Ok(Kept::Key(key));
                }
                index.place(owner)
            };
            let Some(Place { slot, state }) = place else { return Ok(Kept::None) };
            match state {
                State::Destroying | State::Destroyed => return Ok(Kept::Destroyed),
                State::Damaged => return Err(damaged(owner)),
                State::Live => {}
            }
            let read = self.read_slot(slot)?;
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            if index.place(owner) != place {
                // It was destroyed while it was read.
                continue;
            }
            let wrapped = match read {
                Decoded::Slot(Slot { wrapped: Some(wrapped), owner: of, .. }) if of == owner => {
                    wrapped
                }
                _ => return Err(damaged(owner)),
            };
            let key = self.unwrap(owner, &wrapped)?;
            index.cache(owner, key);
            return Ok(Kept::Key(key));
        }
    }

    /// The owner's key, made and made durable first if there never was one. `lookups` are those of
    /// a new slot.
    pub fn make(&self, owner: &str, lookups: Lookups) -> Result<Kept, KeyFileError> {
        let _writing = self.lock();
        match self.key(owner)? {
            Kept::None => {}
            kept => return Ok(kept),
        }
        let key: Key = rand::random();
        let wrapped = self.wrap(owner, &key)?;
        let slot = Slot { owner: owner.to_owned(), wrapped: Some(wrapped), lookups };
        self.append(&[slot])?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.cache(owner, key);
        Ok(Kept::Key(key))
    }

    /// Takes over keys that were wrapped elsewhere under the same master key; says how many were
    /// new. Owners that are known stay as they are.
    pub fn adopt(&self, wrapped: Vec<(String, Vec<u8>)>) -> Result<usize, KeyFileError> {
        let _writing = self.lock();
        let mut slots = Vec::new();
        for (owner, wrapped) in wrapped {
            let place = self.place(&owner);
            if place.is_some_and(|place| place.state != State::Damaged) {
                continue;
            }
            let wrapped: [u8; WRAPPED_BYTES] =
                wrapped.try_into().map_err(|_| KeyFileError::Unwrap { owner: owner.clone() })?;
            self.unwrap(&owner, &wrapped)?;
            let slot = Slot { owner, wrapped: Some(wrapped), lookups: Lookups::default() };
            match place {
                // Torn by a crash in the middle of this.
                Some(Place { slot: at, .. }) => self.rewrite(at, &slot)?,
                None => slots.push(slot),
            }
        }
        self.append(&slots)?;
        Ok(slots.len())
    }

    /// Destroys the keys of these owners, and how they are found. Done already is done; an owner
    /// that never had a key gets none from now on.
    ///
    /// After an error some may be gone and some not: ask again.
    pub fn destroy(&self, owners: &[String]) -> Result<(), KeyFileError> {
        let _writing = self.lock();
        let mut fresh = Vec::new();
        let mut overwritten = Vec::new();
        for owner in owners {
            check_owner(owner)?;
            let gone = Slot { owner: owner.clone(), wrapped: None, lookups: Lookups::default() };
            match self.place(owner) {
                Some(Place { state: State::Destroyed, .. }) => {}
                Some(Place { slot, .. }) => {
                    let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
                    index.set(owner, slot, State::Destroying, Lookups::default());
                    drop(index);
                    self.write_slot(slot, &gone)?;
                    overwritten.push((owner, slot));
                }
                None => fresh.push(gone),
            }
        }
        if !overwritten.is_empty() {
            self.sync()?;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (owner, slot) in overwritten {
            index.set(owner, slot, State::Destroyed, Lookups::default());
        }
        drop(index);
        self.append(&fresh)
    }

    /// The owner's key is gone, durably.
    pub fn is_destroyed(&self, owner: &str) -> bool {
        matches!(self.place(owner), Some(Place { state: State::Destroyed, .. }))
    }

    /// The owner has a slot, live or not.
    pub fn knows(&self, owner: &str) -> bool {
        self.place(owner).is_some()
    }

    /// Owners whose key is live, of those whose name begins so.
    pub fn live(&self, prefix: &str) -> Vec<String> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).live(prefix)
    }

    /// How many slots there are, by state.
    pub fn summary(&self) -> Summary {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let (mut live, mut destroyed, mut damaged) = (0, 0, 0);
        for state in index.states() {
            match state {
                State::Live => live += 1,
                State::Destroying | State::Destroyed => destroyed += 1,
                State::Damaged => damaged += 1,
            }
        }
        Summary { live, destroyed, damaged }
    }

    /// Writes a copy that is consistent in itself: no key is made or destroyed meanwhile. Take it
    /// *after* the log's, so that it has every key that the log's copy needs.
    pub fn copy_to(&self, out: &mut dyn Write) -> Result<u64, KeyFileError> {
        let _writing = self.lock();
        let end = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            offset(index.slots())
        };
        let mut buffer = vec![0; SLOT_BYTES * 256];
        let mut at = 0;
        while at < end {
            let part = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let part = &mut buffer[..part];
            self.file.read_exact_at(part, at).map_err(|e| self.io("read", e))?;
            out.write_all(part).map_err(|e| self.io("copied", e))?;
            at += part.len() as u64;
        }
        Ok(at)
    }

    fn place(&self, owner: &str) -> Option<Place> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).place(owner)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrap(&self, owner: &str, key: &Key) -> Result<[u8; WRAPPED_BYTES], KeyFileError> {
        check_owner(owner)?;
        let wrapped = self.wrapping.seal(owner.as_bytes(), key);
        wrapped.try_into().map_err(|_| KeyFileError::Unwrap { owner: owner.to_owned() })
    }

    fn unwrap(&self, owner: &str, wrapped: &[u8]) -> Result<Key, KeyFileError> {
        let failed = || KeyFileError::Unwrap { owner: owner.to_owned() };
        let key = self.wrapping.open(owner.as_bytes(), wrapped).map_err(|_| failed())?;
        key.try_into().map_err(|_| failed())
    }

    /// Adds slots at the end, durably. A failure leaves the end where it was: the next one writes
    /// there again, over whatever came of this.
    fn append(&self, slots: &[Slot]) -> Result<(), KeyFileError> {
        if slots.is_empty() {
            return Ok(());
        }
        let first = self.index.read().unwrap_or_else(PoisonError::into_inner).slots();
        for (slot, at) in slots.iter().zip(first..) {
            check_owner(&slot.owner)?;
            self.write_slot(at, slot)?;
        }
        self.sync()?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (slot, at) in slots.iter().zip(first..) {
            let state = if slot.wrapped.is_some() { State::Live } else { State::Destroyed };
            index.set(&slot.owner, at, state, slot.lookups);
        }
        Ok(())
    }

    fn rewrite(&self, at: u32, slot: &Slot) -> Result<(), KeyFileError> {
        self.write_slot(at, slot)?;
        self.sync()?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.set(&slot.owner, at, State::Live, slot.lookups);
        Ok(())
    }

    fn write_slot(&self, at: u32, slot: &Slot) -> Result<(), KeyFileError> {
        self.file.write_all_at(&slot.encode(), offset(at)).map_err(|e| self.io("written", e))
    }

    fn read_slot(&self, at: u32) -> Result<Decoded, KeyFileError> {
        let mut bytes = [0; SLOT_BYTES];
        self.file.read_exact_at(&mut bytes, offset(at)).map_err(|e| self.io("read", e))?;
        Ok(Slot::decode(&bytes))
    }

    fn sync(&self) -> Result<(), KeyFileError> {
        self.file.sync_data().map_err(|e| self.io("synced", e))
    }

    fn io(&self, doing: &'static str, source: std::io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), doing, source }
    }
}

/// Where a slot begins: the header comes first.
fn offset(slot: u32) -> u64 {
    (u64::from(slot) + 1) * SLOT_BYTES as u64
}

fn check_owner(owner: &str) -> Result<(), KeyFileError> {
    match owner.len() {
        1..=OWNER_BYTES_MAX => Ok(()),
        _ => Err(KeyFileError::Owner(owner.chars().take(140).collect())),
    }
}

fn damaged(owner: &str) -> KeyFileError {
    KeyFileError::DamagedKey { owner: owner.to_owned() }
}

/// The owner of what comes on a day and belongs to nobody known: `day/2026-11-21`. No client's id
/// holds a slash.
pub fn day_owner(ms: i64) -> String {
    let day = jiff::Timestamp::from_millisecond(ms)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    format!("{DAY_PREFIX}{day}")
}

/// How the owner of a day begins.
pub const DAY_PREFIX: &str = "day/";

fn derive(master: &MasterKey) -> (SealKey, HashKey, HashKey) {
    (
        master.derive(Purpose::ClientKeys),
        master.derive_hash(Purpose::Lookups),
        master.derive_hash(Purpose::Digests),
    )
}

#[cfg(test)]
mod tests;
