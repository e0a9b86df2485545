//! Raw deliveries: compressed, sealed, and kept beside the log, so that what a vendor sent can be
//! shown, and replayed through a better connector.
//!
//! A delivery is sealed under the keys of the clients that its events are about, all of them
//! together, so that erasing one makes it unreadable; and under a key of the day where no client is
//! known (ignored, quarantined), so that it goes with its retention. A blob begins with
//! `HUBD`, a version, what it is sealed under, and the owners: authenticated with what follows.
use super::blob::{self, Scope};
use crate::vault::key_file::{DAY_PREFIX, day_owner};
use crate::vault::{Kept, KeyFileError, MasterKey, Purpose, SealKey, Sealer, SealingError};
use bytes::Bytes;
use hub_log::EventLog;
use hub_sandbox::types::{Delivery, Header};
use hub_schemas::ClientId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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
    /// Its keys could not be had.
    #[error("delivery dlv_{0}: {1}")]
    Keys(u64, SealingError),
    /// A client that it is about was erased.
    #[error("delivery dlv_{id} was erased with client {client}")]
    Erased {
        /// Which.
        id: u64,
        /// Whose erasure it was.
        client: String,
    },
    /// Its retention is over.
    #[error("delivery dlv_{id} of {day} is no longer kept: [log] delivery_days is over")]
    Expired {
        /// Which.
        id: u64,
        /// The day on which it came.
        day: String,
    },
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
    sealer: Arc<Sealer>,
    /// What older versions sealed everything with.
    old: SealKey,
}

/// What older versions sealed about.
const ABOUT_OLD: &[u8] = b"delivery";

impl DeliveryStore {
    /// In this log, under the clients' keys.
    pub fn new(log: Arc<dyn EventLog>, sealer: Arc<Sealer>, master: &MasterKey) -> Self {
        Self { log, sealer, old: master.derive(Purpose::Deliveries) }
    }

    /// What goes into the log. Of a delivery about an erased client that is who it was about, and
    /// not a word of what it said.
    pub async fn seal(
        &self,
        connection: &str,
        delivery: &Delivery,
        received_ms: i64,
        about: &BTreeSet<ClientId>,
    ) -> Result<Bytes, SealingError> {
        let owners = match about.is_empty() {
            true => vec![day_owner(received_ms)],
            false => about.iter().map(ToString::to_string).collect(),
        };
        let scope = if about.is_empty() { Scope::Day } else { Scope::Clients };
        let Some(keys) = self.sealer.keys_of(&owners).await? else {
            return Ok(blob::empty(&owners).into());
        };
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
        Ok(blob::seal(scope, &owners, &keys, &plain).into())
    }

    /// A delivery as it came; nothing if there is none of this id.
    pub fn get(&self, id: u64) -> Result<Option<RawDelivery>, DeliveryError> {
        let Some(sealed) = self.log.blob(id).map_err(|e| DeliveryError::Read(id, e))? else {
            return Ok(None);
        };
        let plain = match blob::Parsed::of(&sealed) {
            Some(parsed) => self.open(id, &parsed)?,
            None => self.open_old(&sealed).ok_or(DeliveryError::Damaged(id))?,
        };
        raw(&plain).map(Some).ok_or(DeliveryError::Damaged(id))
    }

    /// Destroys the keys of days before this one (`2026-11-21`, UTC), except those that are still
    /// needed ([`super::Quarantine::days`]): what came then and belongs to no client is gone. Gives
    /// the days. Blocks for a sync of the disk.
    pub fn destroy_day_keys_before(
        &self,
        day: &str,
        still_needed: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<String>, KeyFileError> {
        let keys = self.sealer.keys();
        let mut over: Vec<String> = keys.live(DAY_PREFIX);
        over.retain(|owner| {
            let of = owner.strip_prefix(DAY_PREFIX).unwrap_or(owner);
            of < day && !still_needed(of)
        });
        over.sort();
        keys.destroy(&over)?;
        let days = over.iter().filter_map(|owner| owner.strip_prefix(DAY_PREFIX));
        Ok(days.map(str::to_owned).collect())
    }

    fn open(&self, id: u64, parsed: &blob::Parsed<'_>) -> Result<Vec<u8>, DeliveryError> {
        let gone = |owner: &str| match owner.strip_prefix(DAY_PREFIX) {
            Some(day) => DeliveryError::Expired { id, day: day.to_owned() },
            None => DeliveryError::Erased { id, client: owner.to_owned() },
        };
        let mut keys = Vec::new();
        for owner in &parsed.owners {
            match self.sealer.keys().key(owner).map_err(|e| DeliveryError::Keys(id, e.into()))? {
                Kept::Key(key) => keys.push(key),
                Kept::Destroyed => return Err(gone(owner)),
                Kept::None => {
                    let owner = (*owner).to_owned();
                    return Err(DeliveryError::Keys(id, SealingError::NoKey { owner }));
                }
            }
        }
        parsed.open(&keys).ok_or(DeliveryError::Damaged(id))
    }

    fn open_old(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let packed = self.old.open(ABOUT_OLD, sealed).ok()?;
        lz4_flex::decompress_size_prepended(&packed).ok()
    }
}

fn raw(plain: &[u8]) -> Option<RawDelivery> {
    let end = plain.iter().position(|b| *b == b'\n')?;
    let head: Head = serde_json::from_slice(&plain[..end]).ok()?;
    Some(RawDelivery {
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
    })
}

#[cfg(test)]
mod tests;
