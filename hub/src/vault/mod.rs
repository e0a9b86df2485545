//! Keys and secrets: what is sealed with them, and where they come from.
mod credentials;
pub mod key_file;
mod keys;
mod paths;
mod sealing;
mod secrets;

pub use credentials::{AccountPasswords, Credentials, CredentialsError};
pub use key_file::{Contact, Kept, KeyFile, KeyFileError, key_file_path};
pub use keys::{HashKey, KeyError, MasterKey, Purpose, SealKey, UnsealError};
pub use paths::{PersonalPath, personal_paths};
pub use sealing::{ERASED, SEALED_PREFIX, Sealer, SealingError};
pub use secrets::{Secret, SecretError, check_reference, resolve};
