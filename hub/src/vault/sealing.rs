//! Personal data is sealed per client before it is appended, and opened only where it is needed:
//! in a request to a vendor, and for a reader who may see it.
//!
//! A sealed field stays a JSON string: `sealed:1:{client}:{base64url}`. The deciders copy such
//! strings from event to event and never see what is in them; the hash chain covers the sealed
//! form; whoever destroys the client's key has erased the client.
use super::{MasterKey, Purpose, SealKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hub_log::{Batch, EventLog, Put, PutValue, Table};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How every sealed field begins.
pub const SEALED_PREFIX: &str = "sealed:1:";

/// Wrapped keys of clients.
const CLIENT_KEYS: Table = Table::new("client_keys");

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The log did not take the client's new key.
    #[error("the key of client {client} could not be kept: {source}")]
    Append {
        /// Whose.
        client: String,
        /// Why.
        source: hub_log::AppendError,
    },
    /// The log did not give the client's key.
    #[error("the key of client {client} could not be read: {source}")]
    Read {
        /// Whose.
        client: String,
        /// Why.
        source: hub_log::ReadError,
    },
    /// The key or the field does not open.
    #[error("personal data of client {client}: {source}")]
    Unseal {
        /// Whose.
        client: String,
        /// Why.
        source: super::UnsealError,
    },
}

/// Seals and opens personal fields.
pub struct Sealer {
    log: Arc<dyn EventLog>,
    wrapping: SealKey,
    keys: Mutex<HashMap<String, SealKey>>,
    making: tokio::sync::Mutex<()>,
}

/// Keys kept in memory; the rest is read again when needed.
const KEYS_CACHED_MAX: usize = 100_000;

impl Sealer {
    /// With the keys of this log, wrapped by this master key.
    pub fn new(log: Arc<dyn EventLog>, master: &MasterKey) -> Self {
        let wrapping = master.derive(Purpose::ClientKeys);
        Self {
            log,
            wrapping,
            keys: Mutex::new(HashMap::new()),
            making: tokio::sync::Mutex::new(()),
        }
    }

    /// Seals the strings at these paths of `data` under the client's key, which is made and kept
    /// first if the client has none. What is sealed already stays as it is.
    pub async fn seal(
        &self,
        client: &str,
        data: &mut Value,
        paths: &[Vec<String>],
    ) -> Result<(), SealingError> {
        let open: Vec<&Vec<String>> = paths
            .iter()
            .filter(|path| {
                at(data, path)
                    .is_some_and(|v| matches!(v, Value::String(s) if !s.starts_with(SEALED_PREFIX)))
            })
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let key = self.key(client, true).await?.ok_or(SealingError::Unseal {
            client: client.to_owned(),
            source: super::UnsealError,
        })?;
        for path in open {
            if let Some(Value::String(text)) = at_mut(data, path) {
                let sealed = key.seal(client.as_bytes(), text.as_bytes());
                *text = format!("{SEALED_PREFIX}{client}:{}", BASE64.encode(sealed));
            }
        }
        Ok(())
    }

    /// Opens every sealed string in `value`, wherever it stands. A field whose key is gone
    /// becomes `[erased]`.
    pub async fn open_all(&self, value: &mut Value) -> Result<(), SealingError> {
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            match value {
                Value::String(text) if text.starts_with(SEALED_PREFIX) => {
                    *text = self.open(text).await?;
                }
                Value::Array(items) => pending.extend(items.iter_mut()),
                Value::Object(fields) => pending.extend(fields.values_mut()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn open(&self, text: &str) -> Result<String, SealingError> {
        // Ids may hold colons, base64url does not.
        let Some((client, sealed)) =
            text.strip_prefix(SEALED_PREFIX).and_then(|rest| rest.rsplit_once(':'))
        else {
            return Ok(text.to_owned());
        };
        let Some(key) = self.key(client, false).await? else {
            return Ok("[erased]".to_owned());
        };
        let failed =
            || SealingError::Unseal { client: client.to_owned(), source: super::UnsealError };
        let sealed = BASE64.decode(sealed).map_err(|_| failed())?;
        let plain = key.open(client.as_bytes(), &sealed).map_err(|_| failed())?;
        String::from_utf8(plain).map_err(|_| failed())
    }

    async fn key(&self, client: &str, make: bool) -> Result<Option<SealKey>, SealingError> {
        if let Some(key) = self.cached(client) {
            return Ok(Some(key));
        }
        if let Some(key) = self.kept(client)? {
            return Ok(Some(self.cache(client, key)));
        }
        if !make {
            return Ok(None);
        }
        // One at a time: a second key would leave what the first has sealed unreadable. One
        // process owns the log, so a lock in memory is enough.
        let _making = self.making.lock().await;
        if let Some(key) = self.kept(client)? {
            return Ok(Some(self.cache(client, key)));
        }
        let fresh: [u8; 32] = rand::random();
        let put = Put {
            table: CLIENT_KEYS,
            key: client.as_bytes().to_vec(),
            value: PutValue::Bytes(self.wrapping.seal(client.as_bytes(), &fresh)),
        };
        let batch = Batch { puts: vec![put], ..Batch::default() };
        self.log
            .append(batch)
            .await
            .map_err(|source| SealingError::Append { client: client.to_owned(), source })?;
        Ok(Some(self.cache(client, SealKey::new(fresh))))
    }

    fn kept(&self, client: &str) -> Result<Option<SealKey>, SealingError> {
        let wrapped = self
            .log
            .table_get(CLIENT_KEYS, client.as_bytes())
            .map_err(|source| SealingError::Read { client: client.to_owned(), source })?;
        let Some(wrapped) = wrapped else { return Ok(None) };
        let failed = |source| SealingError::Unseal { client: client.to_owned(), source };
        let key = self.wrapping.open(client.as_bytes(), &wrapped).map_err(failed)?;
        let key = key.try_into().map_err(|_| failed(super::UnsealError))?;
        Ok(Some(SealKey::new(key)))
    }

    fn cached(&self, client: &str) -> Option<SealKey> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(client).cloned()
    }

    fn cache(&self, client: &str, key: SealKey) -> SealKey {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_CACHED_MAX {
            keys.clear();
        }
        keys.insert(client.to_owned(), key.clone());
        key
    }
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| value.get(step))
}

fn at_mut<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, step| value.get_mut(step))
}

/// Paths of the properties that a schema marks as personal.
pub fn personal_paths(schema: &Value) -> Vec<Vec<String>> {
    fn walk(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (name, property) in properties {
            path.push(name.clone());
            if property.get(hub_schemas::generate::PERSONAL) == Some(&Value::Bool(true)) {
                found.push(path.clone());
            }
            walk(property, path, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found);
    found
}
