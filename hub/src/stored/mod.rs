//! An event as it stands in the log, and as readers see it.
//!
//! The stored form is compact JSON with one- and two-letter names; sequence, record time, hash and
//! the raw delivery are the log's own, so they are not in it. Stored events are never rewritten:
//! `v` is the form's version and `dv` that of the data's type; older ones are brought up on read
//! ([`Stored::decode`], [`hub_schemas::evolution`]), and `fixtures/stored/` keeps samples of every
//! version ever written.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hub_log::Record;
use hub_schemas::envelope::SPEC_VERSION;
use hub_schemas::{CloudEvent, evolution, generate};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

mod data;
#[cfg(test)]
mod tests;

pub use data::Data;

/// The form that is written.
///
/// | version | what it added |
/// |---|---|
/// | 1 | |
/// | 2 | `dh`, the hash of the raw delivery; `dv`, the version of the data |
pub const STORED_VERSION: u8 = 2;

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
    /// Keyed BLAKE3 of the raw body of the delivery that it came in, base64url. It stays when the
    /// delivery itself is trimmed: whoever kept a copy can have the hub say that it is the one.
    #[serde(rename = "dh", default, skip_serializing_if = "Option::is_none", borrow)]
    pub delivery_hash: Option<Cow<'a, str>>,
    /// Version of the data, by its type; absent is 1.
    #[serde(rename = "dv", default = "one", skip_serializing_if = "is_one")]
    pub data_version: u32,
    /// Data, personal fields sealed.
    #[serde(rename = "d", borrow)]
    pub data: Data<'a>,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_one(version: &u32) -> bool {
    *version == 1
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
    /// Reads a record's body, whatever version of the hub wrote it: what is given is always the
    /// current form, with the current version of the data.
    pub fn decode(sequence: u64, body: &'a [u8]) -> Result<Self, DecodeError> {
        let failed = |why: String| DecodeError { sequence, why };
        let stored: Self = serde_json::from_slice(body).map_err(|e| failed(e.to_string()))?;
        let mut stored = match stored.v {
            STORED_VERSION => stored,
            1 => from_form_1(stored),
            other => {
                return Err(failed(format!(
                    "it has form {other}, and this version knows forms 1 to {STORED_VERSION}"
                )));
            }
        };
        let current = evolution::data_version(&stored.event_type);
        if stored.data_version != current {
            let data = evolution::upcast(
                &stored.event_type,
                stored.data_version,
                stored.data.parse().map_err(|e| failed(e.to_string()))?,
            );
            stored.data = Data::from_value(&data.map_err(|e| failed(e.to_string()))?);
            stored.data_version = current;
        }
        Ok(stored)
    }
}

impl Stored<'_> {
    /// Was this written in form 1?
    pub fn is_form_1(body: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Form {
            v: u8,
        }
        serde_json::from_slice::<Form>(body).is_ok_and(|form| form.v == 1)
    }
}

/// Form 1 knew no delivery hash and no version of the data; both have a meaning when absent.
fn from_form_1(stored: Stored<'_>) -> Stored<'_> {
    Stored { v: STORED_VERSION, ..stored }
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

/// Base64url of a hash as the hexadecimal digits that tools print.
fn hex_of(base64url: &str) -> Option<String> {
    BASE64.decode(base64url).ok().map(hex::encode)
}

/// A hash as the stored form keeps it.
pub fn stored_hash(hash: &[u8; 32]) -> String {
    BASE64.encode(hash)
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
    let data = stored
        .data
        .parse()
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
        deliveryhash: stored.delivery_hash.as_deref().and_then(hex_of),
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
