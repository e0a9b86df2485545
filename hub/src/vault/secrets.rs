//! Secrets of connections: references in `hub.toml`, values in memory, never in a log.
use std::fmt;
use std::path::{Path, PathBuf};

/// A secret's value. It has no `Display`, and `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// From its bytes.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into())
    }
    /// The bytes: for the evaluator and the vault only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Why a secret is not there. Never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It looks like the secret itself.
    #[error("a secret is a reference, \"env:NAME\" or \"file:PATH\", never the secret itself")]
    Literal,
    /// The hub's own store is not built yet.
    #[error("\"store:\" is not available in this version; use \"env:NAME\" or \"file:PATH\"")]
    Store,
    /// No such variable.
    #[error("environment variable {0} is not set")]
    Env(String),
    /// No such file, or not readable.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There, but empty.
    #[error("{0} is empty")]
    Empty(String),
}

/// Is it a reference at all?
pub fn check_reference(reference: &str) -> Result<(), SecretError> {
    match reference.split_once(':') {
        Some(("env" | "file", name)) if !name.is_empty() => Ok(()),
        Some(("store", _)) => Err(SecretError::Store),
        _ => Err(SecretError::Literal),
    }
}

/// The value behind a reference; `base` is the folder that relative files start from. One line
/// break at the end is not part of the secret.
pub fn resolve(reference: &str, base: &Path) -> Result<Secret, SecretError> {
    check_reference(reference)?;
    let value = match reference.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).map_err(|_| SecretError::Env(name.to_owned()))?.into_bytes()
        }
        Some((_, path)) => {
            let path = base.join(path);
            std::fs::read(&path)
                .map_err(|error| SecretError::File { path, why: error.to_string() })?
        }
        None => return Err(SecretError::Literal),
    };
    let value = value.strip_suffix(b"\n").unwrap_or(&value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    if value.is_empty() {
        return Err(SecretError::Empty(reference.to_owned()));
    }
    Ok(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_refused_and_never_shown() {
        let error = resolve("sk_live_very_secret", Path::new(".")).unwrap_err();
        assert_eq!(error, SecretError::Literal);
        assert!(!error.to_string().contains("sk_live"));
        assert!(!format!("{:?}", Secret::new("sk_live")).contains("sk_live"));
    }

    #[test]
    fn a_file_loses_one_line_break_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "a b\n\n").unwrap();
        assert_eq!(resolve("file:s", dir.path()).unwrap().expose(), b"a b\n");
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        assert!(matches!(resolve("file:empty", dir.path()), Err(SecretError::Empty(_))));
    }
}
