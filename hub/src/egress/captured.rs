//! Captured tokens: secrets that a vendor gave out, kept per connection, sealed, for as long as
//! the connector said. A connector with no memory of its own logs in once an hour, not once a call.
use crate::vault::{MasterKey, Purpose, SealKey, Secret};
use hub_log::{Batch, EventLog, Put, PutValue, Table};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const TOKENS: Table = Table::new("tokens");
/// Tokens of one connection.
const TOKENS_MAX: usize = 64;
/// The longest that a token is kept, in seconds.
const TTL_MAX_S: u32 = 30 * 24 * 3600;

/// Why nothing was captured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The response has no text there.
    #[error("the vendor's answer has nothing at {0}, where a token was to be captured")]
    NotThere(String),
}

/// Tokens of every connection.
pub struct Tokens {
    log: Arc<dyn EventLog>,
    key: SealKey,
    held: Mutex<HashMap<(String, String), (Secret, i64)>>,
}

impl Tokens {
    /// With what earlier runs kept in this log's store and what has not expired.
    pub fn open(
        log: Arc<dyn EventLog>,
        master: &MasterKey,
        now_ms: i64,
    ) -> Result<Self, hub_log::ReadError> {
        let key = master.derive(Purpose::Tokens);
        let mut held = HashMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = log.table_scan(TOKENS, b"", after.as_deref(), 1000)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (place, sealed) in &page {
                // What does not open is of another master key: as good as expired.
                let Ok(plain) = key.open(place, sealed) else { continue };
                let Some((expires, value)) = plain.split_first_chunk::<8>() else { continue };
                let expires_ms = i64::from_be_bytes(*expires);
                if expires_ms > now_ms
                    && let Some((connection, name)) = parse_place(place)
                {
                    held.insert((connection, name), (Secret::new(value), expires_ms));
                }
            }
        }
        Ok(Self { log, key, held: Mutex::new(held) })
    }

    /// A token that has not expired.
    pub fn get(&self, connection: &str, name: &str, now_ms: i64) -> Option<Secret> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (secret, expires_ms) = held.get(&(connection.to_owned(), name.to_owned()))?;
        (*expires_ms > now_ms).then(|| secret.clone())
    }

    /// Keeps a token. In memory at once; on disk soon, since a lost token costs one log-in.
    pub fn keep(&self, connection: &str, name: &str, value: Secret, ttl_s: u32, now_ms: i64) {
        let expires_ms = now_ms.saturating_add(i64::from(ttl_s.min(TTL_MAX_S)) * 1000);
        let place = place(connection, name);
        let plain = [&expires_ms.to_be_bytes()[..], value.expose()].concat();
        let put = Put {
            value: PutValue::Bytes(self.key.seal(&place, &plain)),
            table: TOKENS,
            key: place,
        };
        {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.retain(|_, (_, expires)| *expires > now_ms);
            let of_connection = held.keys().filter(|(c, _)| c == connection).count();
            if of_connection >= TOKENS_MAX {
                tracing::warn!(connection, name, "token not kept: {TOKENS_MAX} are held already");
                return;
            }
            held.insert((connection.to_owned(), name.to_owned()), (value, expires_ms));
        }
        // The batch is queued by the call; nobody has to wait for it.
        drop(self.log.append(Batch { puts: vec![put], ..Batch::default() }));
    }

    /// Forgets a connection's tokens: after the vendor said that they do not hold.
    pub fn forget(&self, connection: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<_> = held.keys().filter(|(c, _)| c == connection).cloned().collect();
        let puts = names
            .iter()
            .map(|(c, n)| Put { table: TOKENS, key: place(c, n), value: PutValue::Delete })
            .collect::<Vec<_>>();
        for name in &names {
            held.remove(name);
        }
        if !puts.is_empty() {
            drop(self.log.append(Batch { puts, ..Batch::default() }));
        }
    }
}

fn place(connection: &str, name: &str) -> Vec<u8> {
    format!("{connection}\n{name}").into_bytes()
}

fn parse_place(place: &[u8]) -> Option<(String, String)> {
    let (connection, name) = std::str::from_utf8(place).ok()?.split_once('\n')?;
    Some((connection.to_owned(), name.to_owned()))
}
