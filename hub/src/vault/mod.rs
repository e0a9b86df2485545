//! Keys and secrets: what is sealed with them, and where they come from.
mod credentials;
mod keys;
mod sealing;
mod secrets;

pub use credentials::{AccountPasswords, Credentials, CredentialsError};
pub use keys::{KeyError, MasterKey, Purpose, SealKey, UnsealError};
pub use sealing::{SEALED_PREFIX, Sealer, SealingError, personal_paths};
pub use secrets::{Secret, SecretError, check_reference, resolve};
