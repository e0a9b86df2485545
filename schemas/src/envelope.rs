//! The envelope of every event: CloudEvents 1.0 in its JSON format, with the hub's extensions.
//!
//! Source: CloudEvents specification 1.0.2, `cloudevents/spec.md` and `formats/json-format.md`.
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only version of CloudEvents that is written and read.
pub const SPEC_VERSION: &str = "1.0";

/// An event as the API, the exports and the console show it. Extension names are lower case
/// without separators, as CloudEvents wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CloudEvent {
    /// `1.0`.
    pub specversion: String,
    /// `evt_{sequence}`: unique in this hub, and the place where it stands in the log.
    pub id: String,
    /// Who says it: `/connections/{id}`, `/hub/engine`, `/hub/dispatch` or `/api`.
    pub source: String,
    /// A type of the catalogue, or `x.{vendor}.…`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it is about: `client/…`, `payment/…`, `account/…`.
    pub subject: String,
    /// When it happened, RFC 3339 in UTC.
    pub time: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The schema of `data`: `urn:hub:event:{type}:{version}`.
    pub dataschema: String,
    /// When the hub made it durable, RFC 3339 in UTC.
    pub recordedtime: String,
    /// Its place in the log, from 1.
    pub sequence: u64,
    /// The entity it belongs to, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The connection it came over, or goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The raw delivery that it was read from: `dlv_{n}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveryid: Option<String>,
    /// Keyed BLAKE3 of that delivery's raw body, in hexadecimal: `hub events digest FILE` says
    /// whether a copy is the one. It stays when the delivery is trimmed, and nobody without the
    /// master key can guess at the body with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveryhash: Option<String>,
    /// The flow it belongs to: a client, a payment, a provisioning, an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The event that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// W3C trace context, where the caller sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The person or token that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The vendor's own id of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendorevent: Option<String>,
    /// `signature` (a check passed), `fetched` (the hub asked the vendor itself), or `none` (the
    /// connection allows unsigned deliveries).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    /// Hash of the record, BLAKE3 in hex: covers this event and the one before it.
    pub recordhash: String,
    /// The data; see `schemas/events/{type}.json`.
    pub data: Value,
}
