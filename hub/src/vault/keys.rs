//! The master key, the keys derived from it, and authenticated encryption with them
//! (XChaCha20-Poly1305; nonces are random, 24 bytes, so that no counter has to survive a crash).
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("master key {path}: {source}; `hub init` makes one, [vault] key_file names it", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not hold a key.
    #[error("master key {path}: expected 64 hex digits; restore the file from its backup, a new key cannot read old data", path = path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("master key {path} can be read by other users of this machine (mode {mode:o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// What is sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed does not open with this key: the master key or the data was changed")]
pub struct UnsealError;

/// What a derived key is for: a key of one purpose opens nothing of another.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Raw deliveries.
    Deliveries,
    /// Keys of clients.
    ClientKeys,
    /// Captured tokens.
    Tokens,
    /// Passwords of trading accounts.
    Credentials,
    /// The key that signs checkpoints of the log.
    LogKey,
    /// Hashes by which clients are found.
    Lookups,
    /// Digests that tell the same content from other content.
    Digests,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Self::Deliveries => "hub 2026-11 deliveries",
            Self::ClientKeys => "hub 2026-11 client keys",
            Self::Tokens => "hub 2026-11 tokens",
            Self::Credentials => "hub 2026-11 credentials",
            Self::LogKey => "hub 2026-11 log key",
            Self::Lookups => "hub 2026-11 look-ups",
            Self::Digests => "hub 2026-11 digests",
        }
    }
}

/// The key that everything sealed depends on. It lives in a file outside the data directory.
#[derive(Clone)]
pub struct MasterKey([u8; KEY_BYTES]);

impl MasterKey {
    /// Reads the key, refusing a file that other users can read.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Exposed { path: path.to_owned(), mode });
            }
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut key)
            .map_err(|_| KeyError::NotAKey { path: path.to_owned() })?;
        Ok(Self(key))
    }

    /// Makes a new key in a new file that only its owner can read. An existing file is an error.
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        let key = Self::random();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path).map_err(failed)?;
        writeln!(file, "{}", hex::encode(key.0)).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        Ok(key)
    }

    /// A key that is written nowhere: for demonstrations and tests.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The key of a purpose.
    pub fn derive(&self, purpose: Purpose) -> SealKey {
        SealKey::new(blake3::derive_key(purpose.context(), &self.0))
    }

    /// The hash key of a purpose.
    pub fn derive_hash(&self, purpose: Purpose) -> HashKey {
        HashKey(blake3::derive_key(purpose.context(), &self.0))
    }
}

/// A key that hashes: whoever does not have it cannot try guesses against a hash.
#[derive(Clone)]
pub struct HashKey([u8; KEY_BYTES]);

impl HashKey {
    /// The keyed BLAKE3 of these bytes.
    pub fn hash(&self, bytes: &[u8]) -> [u8; KEY_BYTES] {
        *blake3::keyed_hash(&self.0, bytes).as_bytes()
    }
}

/// A key that seals and opens.
#[derive(Clone)]
pub struct SealKey(XChaCha20Poly1305);

impl SealKey {
    /// From its bytes.
    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// Nonce and ciphertext. `about` is not kept, but must be the same when it is opened: what is
    /// sealed cannot be moved to another place.
    pub fn seal(&self, about: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealed = self
            .0
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: about })
            .expect("XChaCha20-Poly1305 fails only above 256 GiB; callers limit what they seal");
        [&nonce[..], &sealed[..]].concat()
    }

    /// What was sealed.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or(UnsealError)?;
        self.0
            .decrypt(XNonce::from_slice(nonce), Payload { msg: text, aad: about })
            .map_err(|_| UnsealError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_in_its_place() {
        let master = MasterKey::random();
        let key = master.derive(Purpose::Tokens);
        let sealed = key.seal(b"stripe-eu", b"token");
        assert_eq!(key.open(b"stripe-eu", &sealed).unwrap(), b"token");
        assert!(key.open(b"adyen-eu", &sealed).is_err());
        assert!(master.derive(Purpose::Credentials).open(b"stripe-eu", &sealed).is_err());
        assert!(key.open(b"stripe-eu", &sealed[..10]).is_err());
        assert!(!sealed.windows(5).any(|w| w == b"token"));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.key");
        MasterKey::create(&path).unwrap();
        assert!(MasterKey::read(&path).is_ok());
        assert!(MasterKey::create(&path).is_err(), "an existing key must never be overwritten");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(MasterKey::read(&path), Err(KeyError::Exposed { mode: 0o644, .. })));
    }
}
