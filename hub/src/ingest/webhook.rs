//! `POST /hooks/{connection}`: authenticate, understand, make durable, answer.
use super::authentic::{self, Refusal};
use super::delivery::DeliveryStore;
use super::quarantine::Quarantine;
use crate::call::{self, CallFailure, connector_name};
use crate::connections::Connection;
use crate::egress::CallState;
use crate::engine::EngineHandle;
use crate::journal::{Draft, Journal, JournalError};
use crate::stored::{Source, Verified, event_id};
use hub_log::{AppendError, Appended, Batch, Dedup, NewRecord};
use hub_sandbox::types::{self, Delivery};
use hub_sandbox::{Entry, Input};
use hub_schemas::events::ops::DeliveryConflict;
use hub_schemas::{ClientId, Payload};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A webhook as it came.
pub struct HookRequest {
    /// Method, path, headers and body.
    pub delivery: Delivery,
    /// When, Unix milliseconds.
    pub received_ms: i64,
}

/// What the vendor hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Vec<u8>,
    /// What became of it, for logs and metrics.
    pub fate: &'static str,
}

impl HookAnswer {
    fn plain(status: u16, fate: &'static str) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), fate }
    }
    fn later(seconds: u64, fate: &'static str) -> Self {
        let header = ("retry-after".to_owned(), seconds.max(1).to_string().into_bytes());
        Self { headers: vec![header], ..Self::plain(503, fate) }
    }
}

/// Why a delivery's events cannot be appended as they are.
#[derive(Debug, thiserror::Error)]
pub enum NotUnderstood {
    /// The call did not give any.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// An event's type is not declared by the connector.
    #[error("connector {connector} emitted {event_type:?}, which its manifest does not declare")]
    Undeclared {
        /// Name and version.
        connector: String,
        /// The type.
        event_type: String,
    },
    /// An event does not fit its schema.
    #[error("connector {connector}: {why}")]
    Schema {
        /// Name and version.
        connector: String,
        /// What is wrong.
        why: String,
    },
}

impl NotUnderstood {
    /// A stable word.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Call(failure) => failure.class(),
            Self::Undeclared { .. } | Self::Schema { .. } => "schema",
        }
    }
}

/// Takes deliveries in.
pub struct Ingest {
    pub(super) journal: Arc<Journal>,
    pub(super) deliveries: Arc<DeliveryStore>,
    pub(super) quarantine: Arc<Quarantine>,
    engine: EngineHandle,
}

/// What an append came to.
pub(super) struct Taken {
    pub new: usize,
}

impl Ingest {
    /// Over this journal.
    pub fn new(
        journal: Arc<Journal>,
        deliveries: Arc<DeliveryStore>,
        quarantine: Arc<Quarantine>,
        engine: EngineHandle,
    ) -> Self {
        Self { journal, deliveries, quarantine, engine }
    }

    /// Takes a webhook in, and says what the vendor hears.
    pub async fn receive(&self, connection: &Arc<Connection>, hook: HookRequest) -> HookAnswer {
        let answer = self.receive_inner(connection, hook).await;
        let counter = match answer.fate {
            "accepted" => &connection.health.accepted,
            "duplicate" => &connection.health.duplicates,
            "ignored" => &connection.health.ignored,
            "quarantined" => &connection.health.quarantined,
            _ => &connection.health.refused,
        };
        counter.fetch_add(1, Relaxed);
        tracing::debug!(connection = %connection.id, status = answer.status, fate = answer.fate,
            "webhook");
        answer
    }

    async fn receive_inner(&self, connection: &Arc<Connection>, hook: HookRequest) -> HookAnswer {
        let HookRequest { delivery, received_ms } = hook;
        let delivery = Arc::new(delivery);
        let verified = match self.authenticate(connection, &delivery, received_ms).await {
            Ok(Some(verified)) => verified,
            Ok(None) => return HookAnswer::plain(401, "refused"),
            // Nothing from an unknown sender is kept, and nothing of a vendor's may be lost: the
            // vendor sends it again, and by then the connector may be mended.
            Err(failure) => {
                connection.note(true);
                tracing::error!(connection = %connection.id, error = %failure,
                    "the connector failed while it looked for the signature");
                return HookAnswer::later(30, "failed");
            }
        };
        let input = Input::Delivery(Delivery::clone(&delivery));
        let called =
            call::run(connection, Entry::WEBHOOK_RECEIVE, input, CallState::default(), received_ms)
                .await;
        let outcome = match called {
            Ok(outcome) => outcome,
            // The vendor's own API was needed and did not answer: that is not a poison delivery.
            Err(CallFailure::Failed(types::Failure::Transient((_, after_ms)))) => {
                tracing::warn!(connection = %connection.id, "delivery put off by its connector");
                return HookAnswer::later(after_ms.unwrap_or(5_000).div_ceil(1000), "put-off");
            }
            Err(CallFailure::Cancelled) => return HookAnswer::later(1, "put-off"),
            Err(failure) => {
                connection.note(failure.is_connectors_fault());
                return self.set_aside(connection, &delivery, received_ms, failure.into()).await;
            }
        };
        let drafts = match self.drafts(connection, outcome.events, received_ms, verified) {
            Ok(drafts) => drafts,
            Err(why) => {
                connection.note(true);
                return self.set_aside(connection, &delivery, received_ms, why).await;
            }
        };
        connection.note(false);
        match self.append(connection, &delivery, received_ms, drafts).await {
            Ok(taken) => {
                let fate = match taken {
                    None => "ignored",
                    Some(Taken { new: 0 }) => "duplicate",
                    Some(_) => "accepted",
                };
                acknowledged(outcome.acknowledgement, fate)
            }
            Err(JournalError::Append(error)) => not_durable(&error),
            Err(JournalError::Sealing(error)) => {
                tracing::error!(connection = %connection.id, %error, "delivery not sealed");
                HookAnswer::later(30, "failed")
            }
            Err(error) => {
                let why = NotUnderstood::Schema {
                    connector: connector_name(connection),
                    why: error.to_string(),
                };
                self.set_aside(connection, &delivery, received_ms, why).await
            }
        }
    }

    async fn authenticate(
        &self,
        connection: &Arc<Connection>,
        delivery: &Arc<Delivery>,
        now_ms: i64,
    ) -> Result<Option<Verified>, CallFailure> {
        let context = connection.context(now_ms);
        let shared = delivery.clone();
        let checks =
            call::about_delivery(connection, move |c| c.authenticate(&context, &shared)).await?;
        match authentic::verify(connection, &checks, &delivery.body, now_ms) {
            Ok(()) => Ok(Some(Verified::Signature)),
            Err(Refusal::NoCheck) if connection.allow_unsigned => Ok(Some(Verified::None)),
            Err(refusal) => {
                tracing::warn!(connection = %connection.id, bytes = delivery.body.len(),
                    reason = %refusal, "delivery refused: not authentic");
                Ok(None)
            }
        }
    }

    /// A connector's events as drafts, each with what makes it the same as one seen before.
    pub(super) fn drafts(
        &self,
        connection: &Connection,
        events: Vec<types::Event>,
        received_ms: i64,
        verified: Verified,
    ) -> Result<Vec<(Draft, Option<String>)>, NotUnderstood> {
        events
            .into_iter()
            .map(|event| {
                if !connection.manifest.event_types.contains(&event.type_) {
                    return Err(NotUnderstood::Undeclared {
                        connector: connector_name(connection),
                        event_type: event.type_,
                    });
                }
                let payload = Payload::parse_str(&event.type_, &event.data).map_err(|error| {
                    NotUnderstood::Schema {
                        connector: connector_name(connection),
                        why: error.to_string(),
                    }
                })?;
                let mut draft =
                    Draft::new(Source::Connection, event.time_ms.unwrap_or(received_ms), payload)
                        .over(&connection.id);
                draft.entity = connection.entity.clone();
                draft.verified = Some(verified);
                draft.vendor_event = event.id.clone();
                draft.correlation = Some(flow_of(&draft.payload));
                draft.client = self.engine.read(|state| state.client_of(&draft.payload));
                Ok((draft, event.id))
            })
            .collect()
    }

    /// Checks, seals and appends; nothing if there are no events.
    async fn append(
        &self,
        connection: &Connection,
        delivery: &Delivery,
        received_ms: i64,
        mut drafts: Vec<(Draft, Option<String>)>,
    ) -> Result<Option<Taken>, JournalError> {
        let (name, about) = (connection.id.as_str(), clients_of(&drafts));
        let blob = Some(self.deliveries.seal(name, delivery, received_ms, &about).await?);
        if drafts.is_empty() {
            let batch = Batch { blob, keep_if_duplicate: true, ..Batch::default() };
            self.journal.log().append(batch).await?;
            return Ok(None);
        }
        let body_hash = self.came_from(&mut drafts, &delivery.body);
        let records = self.records(connection, &drafts, &body_hash).await?;
        let batch = Batch { records, blob, ..Batch::default() };
        let committed = self.journal.log().append(batch).await?;
        self.note_conflicts(connection, &drafts, &committed.records, received_ms).await;
        let new = committed.records.iter().filter(|r| matches!(r, Appended::New(_))).count();
        connection.health.events.fetch_add(new as u64, Relaxed);
        connection.health.last_event_ms.store(received_ms, Relaxed);
        Ok(Some(Taken { new }))
    }

    /// Notes in the drafts which delivery they came from, and gives its digest.
    pub(super) fn came_from(
        &self,
        drafts: &mut [(Draft, Option<String>)],
        body: &[u8],
    ) -> [u8; 32] {
        let digest = self.journal.digest(body);
        for (draft, _) in drafts {
            draft.delivery_hash = Some(digest);
        }
        digest
    }

    pub(super) async fn records(
        &self,
        connection: &Connection,
        drafts: &[(Draft, Option<String>)],
        body_hash: &[u8; 32],
    ) -> Result<Vec<NewRecord>, JournalError> {
        let mut records = Vec::with_capacity(drafts.len());
        for (i, (draft, id)) in drafts.iter().enumerate() {
            let encoded = self.journal.encode_identified(draft).await?;
            let key = match id {
                Some(id) => id.as_bytes().to_vec(),
                None => [&body_hash[..], &(i as u32).to_be_bytes()].concat(),
            };
            // Vendors vary what stands around an event (attempt counters and the like): the same
            // event is one with the same type and data.
            let dedup =
                Dedup { scope: connection.id.as_str().to_owned(), key, body_hash: encoded.content };
            records.push(NewRecord::with_dedup(encoded.body, dedup));
        }
        Ok(records)
    }

    /// A known id with another content is said aloud, once, and changes nothing else.
    pub(super) async fn note_conflicts(
        &self,
        connection: &Connection,
        drafts: &[(Draft, Option<String>)],
        appended: &[Appended],
        now_ms: i64,
    ) {
        for ((draft, id), appended) in drafts.iter().zip(appended) {
            let mut appended = *appended;
            if let Err(error) = self.journal.excuse_old(&mut appended) {
                tracing::error!(connection = %connection.id, %error, "a repeat was not compared");
            }
            let Appended::Duplicate { sequence, same_body: false } = appended else { continue };
            let vendor_event = id.clone().unwrap_or_default();
            let conflict = DeliveryConflict {
                connection: connection.id.clone(),
                vendor_event: vendor_event.clone(),
                first: event_id(sequence),
            };
            let mut told = Draft::new(Source::Ingest, now_ms, conflict).over(&connection.id);
            told.cause = Some(sequence);
            let content = self.journal.digest(draft.payload.to_json().as_bytes());
            let dedup = Dedup {
                scope: format!("conflict/{}", connection.id),
                key: [vendor_event.as_bytes(), &content[..]].concat(),
                body_hash: [0; 32],
            };
            if let Err(error) = self.journal.append(&told, Some(dedup)).await {
                tracing::error!(connection = %connection.id, %error, "conflict not recorded");
            }
        }
    }

    async fn set_aside(
        &self,
        connection: &Connection,
        delivery: &Delivery,
        received_ms: i64,
        why: NotUnderstood,
    ) -> HookAnswer {
        // The reason may quote what came: `hub quarantine show` opens it.
        tracing::warn!(connection = %connection.id, class = why.class(), "delivery quarantined");
        match self.quarantine.keep(connection, delivery, received_ms, &why).await {
            Ok(()) => HookAnswer::plain(202, "quarantined"),
            Err(JournalError::Append(error)) => not_durable(&error),
            Err(error) => {
                tracing::error!(connection = %connection.id, %error, "quarantine failed");
                HookAnswer::later(30, "failed")
            }
        }
    }
}

/// The clients that these events are about.
pub(super) fn clients_of(drafts: &[(Draft, Option<String>)]) -> BTreeSet<ClientId> {
    drafts.iter().filter_map(|(draft, _)| draft.client.clone()).collect()
}

/// The flow that a vendor's fact belongs to: the payment, client or account that it is about.
fn flow_of(payload: &Payload) -> String {
    let subject = payload.subject();
    subject.split_once('/').map_or(subject.clone(), |(_, id)| id.to_owned())
}

fn acknowledged(answer: Option<types::Acknowledgement>, fate: &'static str) -> HookAnswer {
    let Some(answer) = answer else { return HookAnswer::plain(200, fate) };
    // A connector may word the answer, not turn a durable delivery into a refusal.
    let status = if (200..300).contains(&answer.status) { answer.status } else { 200 };
    let headers = answer
        .headers
        .into_iter()
        .filter(|h| matches!(h.name.as_str(), "content-type" | "gt-authentication"))
        .map(|h| (h.name, h.value))
        .collect();
    HookAnswer { status, headers, body: answer.body, fate }
}

fn not_durable(error: &AppendError) -> HookAnswer {
    let seconds = match error {
        AppendError::Busy { retry_after_ms } => retry_after_ms.div_ceil(1000),
        AppendError::TooLarge { .. } => return HookAnswer::plain(413, "too-large"),
        _ => 30,
    };
    tracing::error!(%error, "delivery not acknowledged: it could not be made durable");
    HookAnswer::later(seconds, "not-durable")
}
