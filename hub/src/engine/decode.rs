//! From a record to what the deciders see.
use crate::stored::{DecodeError, Source, Stored};
use hub_domain::Event;
use hub_log::Record;
use hub_schemas::catalogue::PayloadError;
use hub_schemas::{ConnectionId, EntityId, Payload};

/// A record that the engine cannot take. The log is the truth: the engine stops, and says which.
#[derive(Debug, thiserror::Error)]
pub enum DecodeFailure {
    /// Not a stored event.
    #[error(transparent)]
    Form(#[from] DecodeError),
    /// Its data is of no known type or does not fit.
    #[error("event evt_{sequence}: {source}; was it written by a newer version of the hub?")]
    Payload {
        /// Which.
        sequence: u64,
        /// What is wrong.
        source: PayloadError,
    },
    /// A connection or an entity that is none.
    #[error("event evt_{sequence}: {why}")]
    Field {
        /// Which.
        sequence: u64,
        /// What is wrong.
        why: String,
    },
}

/// A record, for the engine.
pub struct Decoded {
    /// The event.
    pub event: Event,
    /// The input that it was decided from, if it is a decision.
    pub decided_from: Option<u64>,
    /// The flow it belongs to.
    pub correlation: Option<String>,
}

/// Takes a record apart.
pub fn decode(record: &Record) -> Result<Decoded, DecodeFailure> {
    let sequence = record.sequence;
    let stored = Stored::decode(sequence, &record.body)?;
    let payload = Payload::parse_str(&stored.event_type, stored.data.get())
        .map_err(|source| DecodeFailure::Payload { sequence, source })?;
    let field =
        |why: hub_schemas::ids::IdError| DecodeFailure::Field { sequence, why: why.to_string() };
    let connection =
        stored.connection.as_deref().map(ConnectionId::new).transpose().map_err(field)?;
    let entity = stored.entity.as_deref().map(EntityId::new).transpose().map_err(field)?;
    let decided_from = match stored.source {
        Source::Engine => Some(stored.cause.ok_or_else(|| DecodeFailure::Field {
            sequence,
            why: "a decision that names no cause".to_owned(),
        })?),
        _ => None,
    };
    let event = Event {
        sequence,
        time_ms: stored.time_ms,
        recorded_ms: record.recorded_us / 1000,
        connection,
        entity,
        payload,
    };
    Ok(Decoded { event, decided_from, correlation: stored.correlation.map(Into::into) })
}
