//! Passwords of trading accounts: made by the hub, sent to the platform, shown to the client once
//! (A6). They are kept sealed under the client's key, and never enter a connector or an event.
//!
//! A row is `{"sealed": "sealed:1:{client}:…"}`; one of an older version is sealed under a key of
//! the hub and still opens.
use super::{ERASED, MasterKey, PersonalPath, Purpose, SealKey, Sealer, SealingError, Secret};
use hub_log::{AppendError, Batch, EventLog, Put, PutValue, ReadError, Table};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const CREDENTIALS: Table = Table::new("credentials");
/// MT5 takes 8 to 16 characters with lower and upper case, a digit and a special character
/// (`MT_RET_USR_INVALID_PASSWORD`); other platforms take such a password too.
const PASSWORD_CHARS: usize = 14;
const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS: &[u8] = b"23456789";
const SPECIAL: &[u8] = b"#@!-_";

/// The passwords of one account.
#[derive(Clone, Serialize, Deserialize)]
pub struct AccountPasswords {
    /// Trades.
    pub main: String,
    /// Only looks.
    pub investor: String,
}

impl AccountPasswords {
    fn random() -> Self {
        Self { main: password(), investor: password() }
    }
    /// As the secrets that a connector may name while it opens the account.
    pub fn secrets(&self) -> [(String, Secret); 2] {
        [
            ("password_main".to_owned(), Secret::new(self.main.as_bytes())),
            ("password_investor".to_owned(), Secret::new(self.investor.as_bytes())),
        ]
    }
}

fn password() -> String {
    // `rand::rng` is a cryptographically secure generator seeded by the operating system.
    let mut rng = rand::rng();
    let all = [LOWER, UPPER, DIGITS, SPECIAL];
    let any: Vec<u8> = all.concat();
    let mut chars: Vec<u8> =
        all.iter().filter_map(|class| class.choose(&mut rng).copied()).collect();
    while chars.len() < PASSWORD_CHARS {
        chars.extend(any.choose(&mut rng).copied());
    }
    chars.shuffle(&mut rng);
    chars.into_iter().map(char::from).collect()
}

/// Why credentials are not there.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The log did not take them.
    #[error("the passwords of {0} could not be kept: {1}")]
    Append(String, AppendError),
    /// The log did not give them.
    #[error("the passwords of {0} could not be read: {1}")]
    Read(String, ReadError),
    /// They do not open.
    #[error("the passwords of {0}: {1}")]
    Unseal(String, super::UnsealError),
    /// They could not be sealed or opened.
    #[error("the passwords of {0}: {1}")]
    Sealing(String, SealingError),
    /// The client was erased.
    #[error("the passwords of {0}: its client was erased")]
    Erased(String),
}

/// Passwords by the provisioning that made them.
pub struct Credentials {
    log: Arc<dyn EventLog>,
    sealer: Arc<Sealer>,
    /// What older versions sealed with.
    old: SealKey,
}

impl Credentials {
    /// Kept in this log's store, sealed under the clients' keys.
    pub fn new(log: Arc<dyn EventLog>, sealer: Arc<Sealer>, master: &MasterKey) -> Self {
        Self { log, sealer, old: master.derive(Purpose::Credentials) }
    }

    /// The passwords for a provisioning: the same at every attempt, durable before the first.
    pub async fn for_provisioning(
        &self,
        id: &str,
        client: &str,
    ) -> Result<AccountPasswords, CredentialsError> {
        if let Some(kept) = self.peek(id)? {
            return Ok(kept);
        }
        let made = AccountPasswords::random();
        let json = serde_json::to_string(&made).unwrap_or_default();
        let mut row = serde_json::json!({ "sealed": json });
        let failed = |e| CredentialsError::Sealing(id.to_owned(), e);
        self.sealer
            .seal(client, &mut row, &[PersonalPath::field("sealed")])
            .await
            .map_err(failed)?;
        if row["sealed"] == ERASED {
            return Err(CredentialsError::Erased(id.to_owned()));
        }
        self.put(id, PutValue::Bytes(row.to_string().into_bytes())).await?;
        Ok(made)
    }

    /// The passwords, for the one time that they are shown: they are gone afterwards.
    pub async fn take(&self, id: &str) -> Result<Option<AccountPasswords>, CredentialsError> {
        let kept = self.peek(id)?;
        if kept.is_some() {
            self.put(id, PutValue::Delete).await?;
        }
        Ok(kept)
    }

    /// Drops the passwords, if they were not shown yet.
    pub async fn forget(&self, id: &str) -> Result<(), CredentialsError> {
        let kept = self.log.table_get(CREDENTIALS, id.as_bytes());
        match kept.map_err(|e| CredentialsError::Read(id.to_owned(), e))? {
            Some(_) => self.put(id, PutValue::Delete).await,
            None => Ok(()),
        }
    }

    fn peek(&self, id: &str) -> Result<Option<AccountPasswords>, CredentialsError> {
        let row = self
            .log
            .table_get(CREDENTIALS, id.as_bytes())
            .map_err(|e| CredentialsError::Read(id.to_owned(), e))?;
        let Some(row) = row else { return Ok(None) };
        let sealed: Option<serde_json::Value> = serde_json::from_slice(&row).ok();
        let json = match sealed.as_ref().and_then(|row| row["sealed"].as_str()) {
            Some(sealed) => {
                let failed = |e| CredentialsError::Sealing(id.to_owned(), e);
                self.sealer.open(sealed).map_err(failed)?.into_bytes()
            }
            None => self
                .old
                .open(id.as_bytes(), &row)
                .map_err(|e| CredentialsError::Unseal(id.to_owned(), e))?,
        };
        Ok(serde_json::from_slice(&json).ok())
    }

    async fn put(&self, id: &str, value: PutValue) -> Result<(), CredentialsError> {
        let put = Put { table: CREDENTIALS, key: id.as_bytes().to_vec(), value };
        self.log
            .append(Batch { puts: vec![put], ..Batch::default() })
            .await
            .map(drop)
            .map_err(|e| CredentialsError::Append(id.to_owned(), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_every_class_that_platforms_ask_for() {
        for _ in 0..200 {
            let password = password();
            assert_eq!(password.len(), PASSWORD_CHARS);
            for class in [LOWER, UPPER, DIGITS, SPECIAL] {
                assert!(password.bytes().any(|b| class.contains(&b)), "{password}");
            }
        }
    }
}
