//! `POST /v1/facts`: facts from the broker's own systems, as canonical events.
use super::Problem;
use super::guard::Actor;
use super::idempotency::{Key, made};
use crate::app::Hub;
use crate::clock;
use crate::journal::Draft;
use crate::stored::{Source, event_id};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use hub_schemas::Payload;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Types that the broker's own systems may tell. Vendors' facts come from vendors, decisions from
/// the deciders.
const TYPES: &[&str] = &["client.registered", "challenge.purchased"];

/// A fact.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    #[serde(rename = "type")]
    event_type: String,
    /// RFC 3339; now, if absent.
    time: Option<String>,
    data: Value,
}

/// Appends a fact, once durable.
pub async fn append(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let key = Key::take(&headers, &actor, "facts", &body)?;
    let fact: Fact = parse(&body)?;
    if !TYPES.contains(&fact.event_type.as_str()) {
        return Err(Problem::invalid(format!(
            "{:?} is not a fact that may be told here; these are: {}",
            fact.event_type,
            TYPES.join(", ")
        )));
    }
    let payload = Payload::parse(&fact.event_type, fact.data).map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "schema", error.to_string())
    })?;
    let time_ms = match &fact.time {
        None => clock::now_ms(),
        Some(text) => text
            .parse::<jiff::Timestamp>()
            .map_err(|e| Problem::invalid(format!("time {text:?} is not RFC 3339: {e}")))?
            .as_millisecond(),
    };
    let mut draft = Draft::new(Source::Api, time_ms, payload);
    draft.correlation = draft.payload.subject().split_once('/').map(|(_, id)| id.to_owned());
    draft.actor = Some(actor.0);
    let committed = hub.journal.append(&draft, Some(key.dedup())).await?;
    let sequence = made(&committed)?;
    Ok((StatusCode::CREATED, Json(json!({ "event": event_id(sequence), "sequence": sequence }))))
}

/// A body as JSON of its form, or the caller's mistake in words.
pub fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|e| Problem::invalid(format!("the body: {e}")))
}
