//! The log, its events, and the raw deliveries they came from.
use super::Problem;
use crate::app::Hub;
use crate::ingest::DeliveryError;
use crate::query::{self, Filter, Page, Trace};
use crate::stored::{delivery_id, event_id, parse_delivery_id, parse_event_id, rfc3339_ms};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hub_schemas::{ClientId, CloudEvent};
use serde::Serialize;
use std::sync::Arc;

/// Events after a delivery's arrival that are searched for what it gave.
const SEARCHED_MAX: usize = 20_000;

/// `GET /v1/events`
pub async fn list(
    State(hub): State<Arc<Hub>>,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(filter) = filter.map_err(|e| Problem::invalid(e.body_text()))?;
    Ok(Json(query::list(&hub.log, &hub.index, filter).await?))
}

fn place(id: &str) -> Result<u64, Problem> {
    parse_event_id(id).ok_or_else(|| Problem::not_found("event", id))
}

/// `GET /v1/events/{id}`
pub async fn one(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<CloudEvent>, Problem> {
    let event = query::get(&*hub.log, place(&id)?)?;
    let mut event = event.ok_or_else(|| Problem::not_found("event", &id))?;
    // One event opens, as the delivery that it came from does; lists, streams and exports stay
    // sealed, since they outlive an erasure in other people's files.
    hub.journal.sealer().open_all(&mut event.data).await.map_err(|e| Problem::internal(&e))?;
    Ok(Json(event))
}

/// `GET /v1/events/{id}/trace`
pub async fn trace(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Trace>, Problem> {
    let trace = query::trace(&hub.log, &hub.index, place(&id)?).await?;
    trace.map(Json).ok_or_else(|| Problem::not_found("event", &id))
}

/// A raw delivery and its fate.
#[derive(Serialize)]
pub struct Shown {
    id: String,
    connection: String,
    received: String,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    events: Vec<String>,
    fate: &'static str,
}

/// What is gone for good is told so, with what took it.
fn gone(hub: &Hub, error: &DeliveryError) -> Problem {
    let by = match error {
        DeliveryError::Erased { client, .. } => {
            let erased = ClientId::new(client.as_str()).ok();
            let erased = erased.and_then(|id| {
                hub.engine.read(|state| state.erased(&id).map(|e| (e.event.clone(), e.time_ms)))
            });
            erased.map_or(String::new(), |(event, ms)| format!(" ({event}, {})", rfc3339_ms(ms)))
        }
        DeliveryError::Expired { .. } => String::new(),
        _ => return Problem::internal(error),
    };
    let code = if by.is_empty() { "expired" } else { "erased" };
    Problem::new(StatusCode::GONE, code, format!("{error}{by}"))
}

/// `GET /v1/deliveries/{id}`
pub async fn delivery(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let missing = || Problem::not_found("delivery", &id);
    let blob = parse_delivery_id(&id).ok_or_else(missing)?;
    let raw = hub.deliveries.get(blob).map_err(|e| gone(&hub, &e))?.ok_or_else(missing)?;
    let mut events = Vec::new();
    let mut fate = "ignored";
    let mut at = raw.after + 1;
    let mut searched = 0;
    'search: while searched < SEARCHED_MAX {
        let records = hub.log.read(at, 512)?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            searched += 1;
            at = record.sequence + 1;
            match record.blob {
                Some(found) if found == blob => {
                    let event =
                        crate::stored::cloud_event(record).map_err(|e| Problem::internal(&e))?;
                    fate = match event.event_type.as_str() {
                        "delivery.quarantined" => "quarantined",
                        _ => "events",
                    };
                    events.push(event_id(record.sequence));
                }
                Some(later) if later > blob => break 'search,
                _ => {}
            }
        }
    }
    let (body, body_base64) = match String::from_utf8(raw.delivery.body) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(BASE64.encode(error.into_bytes()))),
    };
    Ok(Json(Shown {
        id: delivery_id(blob),
        connection: raw.connection,
        received: rfc3339_ms(raw.received_ms),
        method: raw.delivery.method,
        path: raw.delivery.path,
        headers: raw
            .delivery
            .headers
            .into_iter()
            .map(|h| (h.name, String::from_utf8_lossy(&h.value).into_owned()))
            .collect(),
        body,
        body_base64,
        events,
        fate,
    }))
}
