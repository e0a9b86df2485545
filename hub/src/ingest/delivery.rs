//! Raw deliveries: compressed, sealed, and kept beside the log, so that what a vendor sent can be
//! shown, and replayed through a better connector.
use crate::vault::{MasterKey, Purpose, SealKey};
use bytes::Bytes;
use hub_log::EventLog;
use hub_sandbox::types::{Delivery, Header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why a delivery cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The log did not give it.
    #[error("delivery dlv_{0}: {1}")]
    Read(u64, hub_log::ReadError),
    /// It does not open or is not what was written.
    #[error("delivery dlv_{0} does not open: was it written under another master key?")]
    Damaged(u64),
}

/// What is kept beside the body.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    connection: String,
    received_ms: i64,
    method: String,
    path: String,
    /// Values that are not UTF-8 are kept as lossy text: signatures and types are ASCII.
    headers: Vec<(String, String)>,
    /// The last event when it came: where to look for what it gave.
    after: u64,
}

/// A delivery as it came.
#[derive(Debug, Clone)]
pub struct RawDelivery {
    /// Over which connection.
    pub connection: String,
    /// When, Unix milliseconds.
    pub received_ms: i64,
    /// The last event when it came.
    pub after: u64,
    /// What came.
    pub delivery: Delivery,
}

/// Seals and opens raw deliveries.
pub struct DeliveryStore {
    log: Arc<dyn EventLog>,
    key: SealKey,
}

const ABOUT: &[u8] = b"delivery";

impl DeliveryStore {
    /// In this log, under this master key.
    pub fn new(log: Arc<dyn EventLog>, master: &MasterKey) -> Self {
        Self { log, key: master.derive(Purpose::Deliveries) }
    }

    /// What goes into the log.
    pub fn seal(&self, connection: &str, delivery: &Delivery, received_ms: i64) -> Bytes {
        let head = Head {
            connection: connection.to_owned(),
            received_ms,
            method: delivery.method.clone(),
            path: delivery.path.clone(),
            headers: delivery
                .headers
                .iter()
                .map(|h| (h.name.clone(), String::from_utf8_lossy(&h.value).into_owned()))
                .collect(),
            after: self.log.last(),
        };
        let mut plain = serde_json::to_vec(&head).unwrap_or_default();
        plain.push(b'\n');
        plain.extend_from_slice(&delivery.body);
        self.key.seal(ABOUT, &lz4_flex::compress_prepend_size(&plain)).into()
    }

    /// A delivery as it came; nothing if its retention is over.
    pub fn get(&self, id: u64) -> Result<Option<RawDelivery>, DeliveryError> {
        let Some(sealed) = self.log.blob(id).map_err(|e| DeliveryError::Read(id, e))? else {
            return Ok(None);
        };
        let damaged = || DeliveryError::Damaged(id);
        let packed = self.key.open(ABOUT, &sealed).map_err(|_| damaged())?;
        let plain = lz4_flex::decompress_size_prepended(&packed).map_err(|_| damaged())?;
        let end = plain.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(&plain[..end]).map_err(|_| damaged())?;
        Ok(Some(RawDelivery {
            connection: head.connection,
            received_ms: head.received_ms,
            after: head.after,
            delivery: Delivery {
                method: head.method,
                path: head.path,
                headers: head
                    .headers
                    .into_iter()
                    .map(|(name, value)| Header { name, value: value.into_bytes() })
                    .collect(),
                body: plain[end + 1..].to_vec(),
            },
        }))
    }
}
