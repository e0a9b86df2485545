//! The only way into the log: checks an event against its schema, seals what is personal, encodes
//! it, and appends.
use crate::clock;
use crate::stored::{Data, STORED_VERSION, Source, Stored, Verified, stored_hash};
use crate::vault::key_file::day_owner;
use crate::vault::{PersonalPath, Sealer, SealingError, personal_paths};
use bytes::Bytes;
use hub_log::{AppendError, Appended, Batch, Committed, Dedup, EventLog, NewRecord, ReadError};
use hub_schemas::{ClientId, ConnectionId, EntityId, Payload, evolution, generate};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// An event before it is appended.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Type and data.
    pub payload: Payload,
    /// Who says it.
    pub source: Source,
    /// When it happened, Unix milliseconds.
    pub time_ms: i64,
    /// Connection.
    pub connection: Option<ConnectionId>,
    /// Entity.
    pub entity: Option<EntityId>,
    /// The flow it belongs to.
    pub correlation: Option<String>,
    /// Sequence of the event that caused it.
    pub cause: Option<u64>,
    /// Who asked for it.
    pub actor: Option<String>,
    /// The vendor's event id.
    pub vendor_event: Option<String>,
    /// How it was verified.
    pub verified: Option<Verified>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// Whom it is about, where its data does not say: personal fields are sealed for them.
    pub client: Option<ClientId>,
    /// [`Journal::digest`] of the raw body of the delivery that it came from.
    pub delivery_hash: Option<[u8; 32]>,
}

impl Draft {
    /// With nothing but what every event has.
    pub fn new(source: Source, time_ms: i64, payload: impl Into<Payload>) -> Self {
        Self {
            payload: payload.into(),
            source,
            time_ms,
            connection: None,
            entity: None,
            correlation: None,
            cause: None,
            actor: None,
            vendor_event: None,
            verified: None,
            traceparent: None,
            client: None,
            delivery_hash: None,
        }
    }
    /// Sets the connection.
    pub fn over(mut self, connection: &ConnectionId) -> Self {
        self.connection = Some(connection.clone());
        self
    }
    /// Sets the cause.
    pub fn caused_by(mut self, sequence: u64) -> Self {
        self.cause = Some(sequence);
        self
    }
}

/// Why an event was not appended.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It does not fit its schema.
    #[error("a {event_type} event does not fit its schema: {at}: {why}")]
    Schema {
        /// Its type.
        event_type: &'static str,
        /// Where in the data.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// Personal data could not be sealed.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log did not say what it has.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// An event, ready to be appended once.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The record's body.
    pub body: Bytes,
    /// The same for the same type and data.
    pub content: [u8; 32],
}

struct Checked {
    validator: jsonschema::Validator,
    personal: Vec<PersonalPath>,
}

/// The journal.
pub struct Journal {
    log: Arc<dyn EventLog>,
    sealer: Arc<Sealer>,
    types: HashMap<&'static str, Checked>,
}

impl Journal {
    /// Over this log.
    pub fn new(log: Arc<dyn EventLog>, sealer: Arc<Sealer>) -> Self {
        let mut schemas: HashMap<String, Value> = generate::files().into_iter().collect();
        let types = hub_schemas::catalogue::EVENT_TYPES
            .iter()
            .map(|name| {
                let schema = schemas
                    .remove(&format!("events/{name}.json"))
                    .expect("every type of the catalogue has a generated schema");
                let validator = jsonschema::draft202012::new(&schema)
                    .expect("generated schemas are schemas: a test compiles each");
                (*name, Checked { validator, personal: personal_paths(&schema) })
            })
            .collect();
        Self { log, sealer, types }
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// What opens sealed fields.
    pub fn sealer(&self) -> &Arc<Sealer> {
        &self.sealer
    }

    /// Checks, seals and encodes an event.
    pub async fn encode(&self, draft: &Draft) -> Result<Bytes, JournalError> {
        let (mut data, checked) = self.check(draft)?;
        self.seal(draft, checked, &mut data).await?;
        Ok(encode_checked(draft, &raw(&data)))
    }

    /// As [`Journal::encode`], with what makes the event the same as another: the digest of its
    /// type and its data before they were sealed, since no two seals are alike. The digest is
    /// keyed: one that is not could be tried with guesses of what was sealed.
    pub async fn encode_identified(&self, draft: &Draft) -> Result<Identified, JournalError> {
        let (mut data, checked) = self.check(draft)?;
        let mut text = raw(&data);
        let of_type = draft.payload.event_type().as_bytes();
        let content = self.digest(&[of_type, text.get().as_bytes()].concat());
        if self.seal(draft, checked, &mut data).await? {
            text = raw(&data);
        }
        Ok(Identified { body: encode_checked(draft, &text), content })
    }

    fn check(&self, draft: &Draft) -> Result<(Value, &Checked), JournalError> {
        let event_type = draft.payload.event_type();
        let data = draft.payload.to_value();
        let checked = self
            .types
            .get(event_type)
            .expect("a payload's type is in the catalogue, and so in the map");
        if let Err(error) = checked.validator.validate(&data) {
            return Err(JournalError::Schema {
                event_type,
                at: format!("data{}", error.instance_path()),
                why: error.masked().to_string(),
            });
        }
        Ok((data, checked))
    }

    /// Seals what is personal, for the client or, where none is known, for the day; says whether
    /// there may be any.
    async fn seal(
        &self,
        draft: &Draft,
        checked: &Checked,
        data: &mut Value,
    ) -> Result<bool, JournalError> {
        if checked.personal.is_empty() {
            return Ok(false);
        }
        if let Payload::ClientRegistered(d) = &draft.payload {
            let (email, phone) = (d.email.as_deref(), d.phone.as_deref());
            self.sealer.make_findable(d.client.as_str(), email, phone).await?;
        }
        let named = data.get("client").and_then(Value::as_str).map(str::to_owned);
        let owner = named
            .or_else(|| draft.client.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| day_owner(clock::now_ms()));
        self.sealer.seal(&owner, data, &checked.personal).await?;
        Ok(true)
    }

    /// A keyed digest: the same for the same bytes, and of no use to whoever wants to try guesses
    /// without the master key. Everything that the log keeps a hash of goes through it.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        self.sealer.keys().digest(bytes)
    }

    /// Appends one event, once durable.
    pub async fn append(
        &self,
        draft: &Draft,
        dedup: Option<Dedup>,
    ) -> Result<Committed, JournalError> {
        let body = self.encode(draft).await?;
        let dedup = dedup.map(|d| Dedup { body_hash: self.digest(&d.body_hash), ..d });
        let batch = Batch { records: vec![NewRecord { body, dedup }], ..Batch::default() };
        let mut committed = self.log.append(batch).await?;
        for appended in &mut committed.records {
            self.excuse_old(appended)?;
        }
        Ok(committed)
    }

    /// Form 1 of the stored events came with plain digests, which no keyed one is equal to: what
    /// repeats such an event by its name is taken for the same.
    pub fn excuse_old(&self, appended: &mut Appended) -> Result<(), ReadError> {
        if let Appended::Duplicate { sequence, same_body } = appended
            && !*same_body
            && let Some(record) = self.log.get(*sequence)?
        {
            *same_body = Stored::is_form_1(&record.body);
        }
        Ok(())
    }
}

fn raw(data: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(data).expect("a JSON value always has a text")
}

fn encode_checked(draft: &Draft, data: &RawValue) -> Bytes {
    let subject = draft.payload.subject();
    let stored = Stored {
        v: STORED_VERSION,
        event_type: Cow::Borrowed(draft.payload.event_type()),
        source: draft.source,
        subject: Cow::Owned(subject),
        time_ms: draft.time_ms,
        connection: draft.connection.as_ref().map(|c| Cow::Borrowed(c.as_str())),
        entity: draft.entity.as_ref().map(|e| Cow::Borrowed(e.as_str())),
        correlation: draft.correlation.as_deref().map(Cow::Borrowed),
        cause: draft.cause,
        actor: draft.actor.as_deref().map(Cow::Borrowed),
        vendor_event: draft.vendor_event.as_deref().map(Cow::Borrowed),
        verified: draft.verified,
        traceparent: draft.traceparent.as_deref().map(Cow::Borrowed),
        delivery_hash: draft.delivery_hash.as_ref().map(|hash| Cow::Owned(stored_hash(hash))),
        data_version: evolution::data_version(draft.payload.event_type()),
        data: Data::Borrowed(data),
    };
    serde_json::to_vec(&stored).expect("plain fields and a JSON text always serialise").into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_generated_schema_compiles() {
        for (path, schema) in hub_schemas::generate::files() {
            jsonschema::draft202012::new(&schema).unwrap_or_else(|e| panic!("{path}: {e}"));
        }
    }
}
