//! What could not be understood: kept with its raw bytes, shown, replayed, discarded.
use super::delivery::{DeliveryError, DeliveryStore};
use super::webhook::{Ingest, NotUnderstood, clients_of};
use crate::call::{self, connector_name};
use crate::connections::Connection;
use crate::egress::CallState;
use crate::journal::{Draft, Journal, JournalError};
use crate::stored::{Source, Verified};
use crate::vault::SealingError;
use crate::vault::key_file::{DAY_PREFIX, day_owner};
use hub_log::{Batch, NewRecord, Put, PutValue, ReadError, Table};
use hub_sandbox::types::Delivery;
use hub_sandbox::{Entry, Input};
use hub_schemas::events::ops::{DeliveryQuarantined, QuarantineDiscarded, QuarantineReleased};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

const ENTRIES: Table = Table::new("quarantine");
const BLOBS: Table = Table::new("quarantine_blobs");
/// The longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 2_000;
/// Entries read at once.
const KEPT_PAGE: usize = 1_000;

/// Why a quarantine command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// No such entry.
    #[error("quarantine {0} is not there; `hub quarantine list` shows what is")]
    NotFound(String),
    /// Still not understood.
    #[error("quarantine {id} is still not understood: {why}; it stays")]
    Still {
        /// Which.
        id: String,
        /// Why.
        why: NotUnderstood,
    },
    /// Its connection is gone.
    #[error("connection {0} of this delivery is not configured; add it, then replay")]
    NoConnection(String),
    /// The raw delivery cannot be read.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The raw delivery is gone.
    #[error("the raw delivery of {0} is no longer kept")]
    Gone(String),
    /// The log refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Something could not be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] SealingError),
}

/// One entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// `q_…`
    pub id: String,
    /// Over which connection it came.
    pub connection: String,
    /// When, Unix milliseconds.
    pub received_ms: i64,
    /// A stable word: `trap`, `schema`, `not-understood` …
    pub class: String,
    /// What went wrong.
    pub reason: String,
    /// The connector's name and version.
    pub connector: String,
    /// It proved where it came from.
    pub verified: bool,
    /// Bytes of the body.
    pub bytes: usize,
    /// The raw delivery.
    #[serde(default)]
    pub delivery: u64,
}

/// The quarantine.
pub struct Quarantine {
    journal: Arc<Journal>,
    deliveries: Arc<DeliveryStore>,
}

impl Quarantine {
    /// Over this journal.
    pub fn new(journal: Arc<Journal>, deliveries: Arc<DeliveryStore>) -> Self {
        Self { journal, deliveries }
    }

    /// Keeps a delivery. The same one again is the same entry.
    pub(super) async fn keep(
        &self,
        connection: &Connection,
        delivery: &Delivery,
        received_ms: i64,
        why: &NotUnderstood,
    ) -> Result<(), JournalError> {
        let named = [connection.id.as_str().as_bytes(), b"\n", &delivery.body].concat();
        let id = format!("q_{}", &hex::encode(self.journal.digest(&named))[..20]);
        if self.journal.log().table_get(ENTRIES, id.as_bytes())?.is_some() {
            return Ok(());
        }
        let reason: String = why.to_string().chars().take(REASON_CHARS_MAX).collect();
        let entry = QuarantineEntry {
            id: id.clone(),
            connection: connection.id.as_str().to_owned(),
            received_ms,
            class: why.class().to_owned(),
            // What was wrong may quote what came.
            reason: self.journal.sealer().seal_for_day(received_ms, &reason).await?,
            connector: connector_name(connection),
            verified: !connection.allow_unsigned,
            bytes: delivery.body.len(),
            delivery: 0,
        };
        let told = DeliveryQuarantined {
            quarantine: id.clone(),
            connection: connection.id.clone(),
            class: why.class().to_owned(),
            reason,
            connector: connector_name(connection),
        };
        let draft = Draft::new(Source::Ingest, received_ms, told).over(&connection.id);
        // Without a dedup key: what was discarded, or released and then is not understood again,
        // is an entry of its own. Of two that come at the same moment both are told, and the
        // second keeps the row.
        let body = self.journal.encode(&draft).await?;
        let entry = serde_json::to_vec(&entry).unwrap_or_default();
        let (name, nobody) = (connection.id.as_str(), BTreeSet::new());
        let blob = self.deliveries.seal(name, delivery, received_ms, &nobody).await?;
        let batch = Batch {
            records: vec![NewRecord::new(body)],
            blob: Some(blob),
            puts: vec![
                Put { table: ENTRIES, key: id.clone().into(), value: PutValue::Bytes(entry) },
                Put { table: BLOBS, key: id.into(), value: PutValue::BlobId },
            ],
            ..Batch::default()
        };
        self.journal.log().append(batch).await?;
        Ok(())
    }

    /// Entries by id, after `after`.
    pub fn list(
        &self,
        after: Option<&str>,
        entries_max: usize,
    ) -> Result<Vec<QuarantineEntry>, QuarantineError> {
        let log = self.journal.log();
        let page = log.table_scan(ENTRIES, b"", after.map(str::as_bytes), entries_max)?;
        page.into_iter().map(|(key, value)| self.entry(&key, &value)).collect()
    }

    /// One entry.
    pub fn get(&self, id: &str) -> Result<QuarantineEntry, QuarantineError> {
        let value = self
            .journal
            .log()
            .table_get(ENTRIES, id.as_bytes())?
            .ok_or_else(|| QuarantineError::NotFound(id.to_owned()))?;
        self.entry(id.as_bytes(), &value)
    }

    fn entry(&self, key: &[u8], value: &[u8]) -> Result<QuarantineEntry, QuarantineError> {
        let name = || String::from_utf8_lossy(key).into_owned();
        let mut entry: QuarantineEntry =
            serde_json::from_slice(value).map_err(|_| QuarantineError::NotFound(name()))?;
        if let Some(blob) = self.journal.log().table_get(BLOBS, key)?
            && let Ok(bytes) = blob.as_ref().try_into()
        {
            entry.delivery = u64::from_be_bytes(bytes);
        }
        entry.reason = self.journal.sealer().open(&entry.reason)?;
        Ok(entry)
    }

    /// What retention must not touch: the raw deliveries that are in quarantine, and the days
    /// (`2026-11-21`, UTC) whose keys they are sealed under. Reads nothing that is sealed, so that
    /// one row that does not open holds up nothing.
    pub fn kept(&self) -> Result<(Vec<u64>, BTreeSet<String>), QuarantineError> {
        let log = self.journal.log();
        let (mut blobs, mut days) = (Vec::new(), BTreeSet::new());
        for (table, is_blob) in [(BLOBS, true), (ENTRIES, false)] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = log.table_scan(table, b"", after.as_deref(), KEPT_PAGE)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (_, value) in &page {
                    if is_blob {
                        blobs.extend(value.as_ref().try_into().map(u64::from_be_bytes));
                    } else if let Ok(entry) = serde_json::from_slice::<QuarantineEntry>(value) {
                        let day = day_owner(entry.received_ms);
                        days.extend(day.strip_prefix(DAY_PREFIX).map(str::to_owned));
                    }
                }
            }
        }
        blobs.sort_unstable();
        Ok((blobs, days))
    }

    /// Runs an entry through its connection's connector as it is now. Understood, its events are
    /// appended and the entry is gone, in one atomic batch; not understood, it stays.
    pub async fn replay(
        &self,
        ingest: &Ingest,
        connection: Option<&Arc<Connection>>,
        id: &str,
        actor: &str,
        now_ms: i64,
    ) -> Result<u32, QuarantineError> {
        let entry = self.get(id)?;
        let connection =
            connection.ok_or_else(|| QuarantineError::NoConnection(entry.connection.clone()))?;
        let raw = self
            .deliveries
            .get(entry.delivery)?
            .ok_or_else(|| QuarantineError::Gone(id.to_owned()))?;
        let still = |why| QuarantineError::Still { id: id.to_owned(), why };
        let input = Input::Delivery(raw.delivery.clone());
        // The connector sees the moment of receipt: that is what the delivery says of itself.
        let outcome = call::run(
            connection,
            Entry::WEBHOOK_RECEIVE,
            input,
            CallState::default(),
            entry.received_ms,
        )
        .await
        .map_err(|failure| still(failure.into()))?;
        let verified = if entry.verified { Verified::Signature } else { Verified::None };
        let mut drafts = ingest
            .drafts(connection, outcome.events, entry.received_ms, verified)
            .map_err(still)?;
        let body_hash = ingest.came_from(&mut drafts, &raw.delivery.body);
        let mut records = ingest.records(connection, &drafts, &body_hash).await?;
        let released = QuarantineReleased {
            quarantine: id.to_owned(),
            events: u32::try_from(drafts.len()).unwrap_or(u32::MAX),
        };
        let mut told = Draft::new(Source::Ingest, now_ms, released).over(&connection.id);
        told.actor = Some(actor.to_owned());
        records.push(NewRecord::new(self.journal.encode(&told).await?));
        let (name, about) = (connection.id.as_str(), clients_of(&drafts));
        let blob = self.deliveries.seal(name, &raw.delivery, raw.received_ms, &about).await?;
        let batch = Batch { records, blob: Some(blob), puts: gone(id), ..Batch::default() };
        let committed = self.journal.log().append(batch).await.map_err(JournalError::from)?;
        ingest.note_conflicts(connection, &drafts, &committed.records, now_ms).await;
        Ok(u32::try_from(drafts.len()).unwrap_or(u32::MAX))
    }

    /// Drops an entry; that somebody did, and why, stays in the log, and so do the raw bytes.
    pub async fn discard(
        &self,
        id: &str,
        reason: &str,
        actor: &str,
        now_ms: i64,
    ) -> Result<(), QuarantineError> {
        let entry = self.get(id)?;
        let told = QuarantineDiscarded { quarantine: id.to_owned(), reason: reason.to_owned() };
        let mut draft = Draft::new(Source::Api, now_ms, told);
        draft.connection = hub_schemas::ConnectionId::new(entry.connection).ok();
        draft.actor = Some(actor.to_owned());
        let body = self.journal.encode(&draft).await?;
        let batch =
            Batch { records: vec![NewRecord::new(body)], puts: gone(id), ..Batch::default() };
        self.journal.log().append(batch).await.map_err(JournalError::from)?;
        Ok(())
    }
}

fn gone(id: &str) -> Vec<Put> {
    [ENTRIES, BLOBS]
        .map(|table| Put { table, key: id.as_bytes().to_vec(), value: PutValue::Delete })
        .to_vec()
}
