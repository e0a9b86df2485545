//! An event as it stands in the log, and as readers see it.
//!
//! The stored form is compact JSON with one- and two-letter names; sequence, record time, hash and
//! the raw delivery are the log's own, so they are not in it. Stored events are never rewritten:
//! `v` is the form's version, and an older one is brought up on read.
use hub_log::Record;
use hub_schemas::envelope::SPEC_VERSION;
use hub_schemas::{CloudEvent, generate};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The form that is written.
pub const STORED_VERSION: u8 = 1;

/// Who said it: CloudEvents' `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A vendor, through its connector.
    #[serde(rename = "c")]
    Connection,
    /// A decider.
    #[serde(rename = "e")]
    Engine,
    /// The dispatcher, about an action.
    #[serde(rename = "d")]
    Dispatch,
    /// Ingest, about a delivery.
    #[serde(rename = "i")]
    Ingest,
    /// A caller of the API or an operator.
    #[serde(rename = "a")]
    Api,
    /// The clock.
    #[serde(rename = "t")]
    Timer,
}

/// How it is known to come from the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verified {
    /// A check passed.
    #[serde(rename = "s")]
    Signature,
    /// The hub asked the vendor itself.
    #[serde(rename = "f")]
    Fetched,
    /// Not at all; the connection allows it.
    #[serde(rename = "n")]
    None,
}

/// The stored form.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stored<'a> {
    /// Version of this form.
    pub v: u8,
    /// Type.
    #[serde(rename = "t", borrow)]
    pub event_type: Cow<'a, str>,
    /// Source.
    #[serde(rename = "s")]
    pub source: Source,
    /// Subject.
    #[serde(rename = "su", borrow)]
    pub subject: Cow<'a, str>,
    /// When it happened, Unix milliseconds.
    #[serde(rename = "at")]
    pub time_ms: i64,
    /// Connection.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none", borrow)]
    pub connection: Option<Cow<'a, str>>,
    /// Entity.
    #[serde(rename = "en", default, skip_serializing_if = "Option::is_none", borrow)]
    pub entity: Option<Cow<'a, str>>,
    /// Correlation.
    #[serde(rename = "co", default, skip_serializing_if = "Option::is_none", borrow)]
    pub correlation: Option<Cow<'a, str>>,
    /// Sequence of the event that caused it.
    #[serde(rename = "ca", default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<u64>,
    /// Actor.
    #[serde(rename = "ac", default, skip_serializing_if = "Option::is_none", borrow)]
    pub actor: Option<Cow<'a, str>>,
    /// The vendor's event id.
    #[serde(rename = "ve", default, skip_serializing_if = "Option::is_none", borrow)]
    pub vendor_event: Option<Cow<'a, str>>,
    /// How it was verified.
    #[serde(rename = "vf", default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// W3C trace context.
    #[serde(rename = "tp", default, skip_serializing_if = "Option::is_none", borrow)]
    pub traceparent: Option<Cow<'a, str>>,
    /// Data, personal fields sealed.
    #[serde(rename = "d", borrow)]
    pub data: &'a RawValue,
}

/// A record that is not a stored event.
#[derive(Debug, thiserror::Error)]
#[error(
    "event {sequence} in the log is not in a form that this version reads: {why}; \
     `hub events verify` says whether it was changed"
)]
pub struct DecodeError {
    /// Which.
    pub sequence: u64,
    /// Why.
    pub why: String,
}

impl<'a> Stored<'a> {
    /// Reads a record's body.
    pub fn decode(sequence: u64, body: &'a [u8]) -> Result<Self, DecodeError> {
        let stored: Self = serde_json::from_slice(body)
            .map_err(|e| DecodeError { sequence, why: e.to_string() })?;
        if stored.v != STORED_VERSION {
            let why = format!("it has form {}, known is {STORED_VERSION}", stored.v);
            return Err(DecodeError { sequence, why });
        }
        Ok(stored)
    }
}

/// An event's id from its place in the log.
pub fn event_id(sequence: u64) -> String {
    format!("evt_{sequence}")
}

/// The place in the log from an event's id; the bare number is taken too.
pub fn parse_event_id(id: &str) -> Option<u64> {
    id.strip_prefix("evt_").unwrap_or(id).parse().ok().filter(|n| *n > 0)
}

/// A delivery's id from its place among the raw deliveries.
pub fn delivery_id(blob: u64) -> String {
    format!("dlv_{blob}")
}

/// The place among the raw deliveries from a delivery's id.
pub fn parse_delivery_id(id: &str) -> Option<u64> {
    id.strip_prefix("dlv_").unwrap_or(id).parse().ok()
}

/// Unix milliseconds as RFC 3339 in UTC.
pub fn rfc3339_ms(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("@{ms}ms"), |t| format!("{t:.3}"))
}

/// The event as readers see it.
pub fn cloud_event(record: &Record) -> Result<CloudEvent, DecodeError> {
    let stored = Stored::decode(record.sequence, &record.body)?;
    let owned = |text: &Option<Cow<'_, str>>| text.as_ref().map(|t| t.clone().into_owned());
    let source = match (stored.source, &stored.connection) {
        (Source::Connection, Some(connection)) => format!("/connections/{connection}"),
        (Source::Connection, None) => "/connections".to_owned(),
        (Source::Engine, _) => "/hub/engine".to_owned(),
        (Source::Dispatch, _) => "/hub/dispatch".to_owned(),
        (Source::Ingest, _) => "/hub/ingest".to_owned(),
        (Source::Timer, _) => "/hub/timer".to_owned(),
        (Source::Api, _) => "/api".to_owned(),
    };
    let data = serde_json::from_str(stored.data.get())
        .map_err(|e| DecodeError { sequence: record.sequence, why: e.to_string() })?;
    Ok(CloudEvent {
        specversion: SPEC_VERSION.to_owned(),
        id: event_id(record.sequence),
        source,
        dataschema: generate::dataschema(&stored.event_type),
        event_type: stored.event_type.clone().into_owned(),
        subject: stored.subject.clone().into_owned(),
        time: rfc3339_ms(stored.time_ms),
        datacontenttype: "application/json".to_owned(),
        recordedtime: jiff::Timestamp::from_microsecond(record.recorded_us)
            .map_or_else(|_| String::new(), |t| format!("{t:.6}")),
        sequence: record.sequence,
        entity: owned(&stored.entity),
        connection: owned(&stored.connection),
        deliveryid: record.blob.map(delivery_id),
        correlationid: owned(&stored.correlation),
        causationid: stored.cause.map(event_id),
        traceparent: owned(&stored.traceparent),
        actor: owned(&stored.actor),
        vendorevent: owned(&stored.vendor_event),
        verified: stored.verified.map(|v| {
            match v {
                Verified::Signature => "signature",
                Verified::Fetched => "fetched",
                Verified::None => "none",
            }
            .to_owned()
        }),
        recordhash: hex::encode(record.hash),
        data,
    })
}
