//! Operations: health, connections, quarantine, connectors, the ledger.
use super::Problem;
use super::facts::parse;
use super::guard::Actor;
use super::idempotency::Key;
use super::pieces::written;
use crate::app::Hub;
use crate::backup;
use crate::call;
use crate::clock;
use crate::connections::Connection;
use crate::egress::CallState;
use crate::index::tag;
use crate::ingest::{DeliveryError, QuarantineError};
use crate::journal::Draft;
use crate::query::QueryError;
use crate::stored::Source;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use hub_index::IndexError;
use hub_log::Health;
use hub_sandbox::{Entry, Input};
use hub_schemas::Payload;
use hub_schemas::events::ops::{ConnectionPaused, ConnectionResumed};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// `GET /healthz`: the process is there.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: it takes deliveries, and its views are current.
pub async fn readyz(State(hub): State<Arc<Hub>>) -> Response {
    let health = hub.log.health();
    let log = match &health {
        Health::Ready => "ready".to_owned(),
        Health::Full { free_bytes, reserve_bytes } => format!(
            "disk full: {free_bytes} bytes free, {reserve_bytes} must stay free; free some space"
        ),
        Health::ReadOnly => "the file system is read-only".to_owned(),
        Health::Failed { reason } => format!("stopped: {reason}; check the disk, then restart"),
        Health::Closed => "closed".to_owned(),
    };
    let engine = hub.engine_failure();
    let ready = health == Health::Ready && engine.is_none() && !hub.stop.is_cancelled();
    let open_actions = hub.engine.read(|state| state.open_actions().count());
    let quarantine = hub.quarantine.list(None, 1_000).map_or(0, |entries| entries.len());
    let body = json!({
        "ready": ready,
        "log": log,
        "engine": engine.unwrap_or_else(|| "running".to_owned()),
        "last": hub.log.last(),
        "engine_position": hub.engine.position(),
        "index_position": hub.index.position(),
        "open_actions": open_actions,
        "quarantine": quarantine,
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

/// `GET /metrics`, in the OpenMetrics text format.
pub async fn metrics(State(hub): State<Arc<Hub>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], hub.metrics_text()).into_response()
}

fn connection_shown(hub: &Hub, connection: &Connection) -> Value {
    let status = hub.engine.read(|state| state.connection(&connection.id));
    let state = match (&status.paused, &status.circuit_open) {
        (Some(_), _) => "paused",
        (None, Some(_)) => "circuit-open",
        (None, None) => "ok",
    };
    let h = &connection.health;
    json!({
        "id": connection.id, "plugin": connection.manifest.name,
        "version": connection.manifest.version, "kind": connection.manifest.kind,
        "vendor": connection.manifest.vendor, "entity": connection.entity,
        "live": connection.live, "state": state,
        "reason": status.paused.or(status.circuit_open),
        "capabilities": connection.connector.capability_names(),
        "digest": connection.connector.digest(),
        "accepted": h.accepted.load(Relaxed), "duplicates": h.duplicates.load(Relaxed),
        "refused": h.refused.load(Relaxed), "quarantined": h.quarantined.load(Relaxed),
        "ignored": h.ignored.load(Relaxed), "events": h.events.load(Relaxed),
        "failures_in_a_row": h.failures_in_a_row.load(Relaxed),
        "last_event_ms": h.last_event_ms.load(Relaxed),
        "last_poll_ms": h.last_poll_ms.load(Relaxed),
    })
}

/// `GET /v1/connections`
pub async fn connections(State(hub): State<Arc<Hub>>) -> Json<Value> {
    let all: Vec<Value> = hub.connections.iter().map(|c| connection_shown(&hub, c)).collect();
    Json(json!({ "connections": all }))
}

fn find<'a>(hub: &'a Hub, id: &str) -> Result<&'a Arc<Connection>, Problem> {
    hub.connections.get(id).ok_or_else(|| Problem::not_found("connection", id))
}

/// `GET /v1/connections/{id}`
pub async fn connection(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(connection_shown(&hub, find(&hub, &id)?)))
}

/// `POST /v1/connections/{id}/test`: a harmless authenticated call.
pub async fn connection_test(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let connection = find(&hub, &id)?;
    if !connection.connector.has(Entry::PROBE) {
        let detail = format!("connector {} has no test call", connection.manifest.name);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unsupported", detail));
    }
    let now_ms = clock::now_ms();
    let started = std::time::Instant::now();
    let called =
        call::run(connection, Entry::PROBE, Input::None, CallState::default(), now_ms).await;
    let elapsed_ms = started.elapsed().as_millis() as u64;
    Ok(Json(match called {
        Ok(_) => json!({ "ok": true, "elapsed_ms": elapsed_ms }),
        Err(failure) => json!({
            "ok": false, "elapsed_ms": elapsed_ms,
            "class": failure.class(), "error": failure.to_string(),
        }),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

/// `POST /v1/connections/{id}/pause`
pub async fn connection_pause(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let key = Key::take(&headers, &actor, &format!("connections/{id}/pause"), &body)?;
    let connection = find(&hub, &id)?.clone();
    let Reason { reason } = parse(&body)?;
    let paused = ConnectionPaused { connection: connection.id.clone(), reason };
    switch(&hub, &connection, paused.into(), actor, key).await
}

/// `POST /v1/connections/{id}/resume`
pub async fn connection_resume(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let key = Key::take(&headers, &actor, &format!("connections/{id}/resume"), &body)?;
    let connection = find(&hub, &id)?.clone();
    let resumed = ConnectionResumed { connection: connection.id.clone() };
    switch(&hub, &connection, resumed.into(), actor, key).await
}

async fn switch(
    hub: &Hub,
    connection: &Connection,
    payload: Payload,
    actor: Actor,
    key: Key,
) -> Result<Json<Value>, Problem> {
    let mut draft = Draft::new(Source::Api, clock::now_ms(), payload).over(&connection.id);
    draft.actor = Some(actor.0);
    let committed = hub.journal.append(&draft, Some(key.dedup())).await?;
    hub.engine.reached(super::idempotency::made(&committed)?).await;
    Ok(Json(connection_shown(hub, connection)))
}

/// Paging by id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    after: Option<String>,
    limit: Option<usize>,
}

impl From<QuarantineError> for Problem {
    fn from(error: QuarantineError) -> Self {
        match error {
            QuarantineError::NotFound(_) | QuarantineError::Gone(_) => {
                Self::new(StatusCode::NOT_FOUND, "not-found", error.to_string())
            }
            QuarantineError::Still { .. } | QuarantineError::NoConnection(_) => {
                Self::new(StatusCode::CONFLICT, "still-quarantined", error.to_string())
            }
            QuarantineError::Journal(error) => error.into(),
            QuarantineError::Delivery(
                error @ (DeliveryError::Expired { .. } | DeliveryError::Erased { .. }),
            ) => Self::new(StatusCode::GONE, "gone", error.to_string()),
            QuarantineError::Delivery(_)
            | QuarantineError::Read(_)
            | QuarantineError::Sealing(_) => Self::internal(&error),
        }
    }
}

/// `GET /v1/quarantine`
pub async fn quarantine_list(
    State(hub): State<Arc<Hub>>,
    Query(paging): Query<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit.unwrap_or(100).clamp(1, 500);
    let entries = hub.quarantine.list(paging.after.as_deref(), limit)?;
    let next = (entries.len() == limit).then(|| entries.last().map(|e| e.id.clone())).flatten();
    Ok(Json(json!({ "entries": entries, "next": next })))
}

/// `GET /v1/quarantine/{id}`
pub async fn quarantine_one(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(hub.quarantine.get(&id)?)))
}

/// `POST /v1/quarantine/{id}/replay`
pub async fn quarantine_replay(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    Key::take(&headers, &actor, "quarantine/replay", &body)?;
    let entry = hub.quarantine.get(&id)?;
    let connection = hub.connections.get(&entry.connection);
    let now_ms = clock::now_ms();
    let events = hub.quarantine.replay(&hub.ingest, connection, &id, &actor.0, now_ms).await?;
    Ok(Json(json!({ "events": events })))
}

/// `POST /v1/quarantine/{id}/discard`
pub async fn quarantine_discard(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    Key::take(&headers, &actor, "quarantine/discard", &body)?;
    let Reason { reason } = parse(&body)?;
    hub.quarantine.discard(&id, &reason, &actor.0, clock::now_ms()).await?;
    Ok(Json(json!({ "discarded": id })))
}

/// `GET /v1/plugins`
pub async fn plugins(State(hub): State<Arc<Hub>>) -> Json<Value> {
    let mut used: Vec<Value> = Vec::new();
    for connection in hub.connections.iter() {
        used.push(json!({
            "connection": connection.id, "plugin": connection.manifest.name,
            "version": connection.manifest.version, "digest": connection.connector.digest(),
            "capabilities": connection.connector.capability_names(),
        }));
    }
    let bundled: Vec<&str> = crate::plugins::BUNDLED.iter().map(|(name, _)| *name).collect();
    Json(json!({ "bundled": bundled, "in_use": used }))
}

/// `GET /v1/ledger`: every ledger account's balances, and their total, which is zero.
pub async fn ledger(State(hub): State<Arc<Hub>>) -> Json<Value> {
    Json(
        hub.engine
            .read(|state| json!({ "balances": state.ledger(), "total": state.ledger_total() })),
    )
}

/// `GET /v1/stats`: how many events of each type there are.
pub async fn stats(State(hub): State<Arc<Hub>>) -> Result<Json<Value>, Problem> {
    let index = hub.index.clone();
    let counted = tokio::task::spawn_blocking(move || {
        let view = index.view()?;
        Ok::<_, IndexError>((view.counts(tag::TYPE)?, view.last()))
    });
    let counted = counted.await.map_err(QueryError::from)?;
    let (types, last) = counted.map_err(QueryError::Index)?;
    Ok(Json(json!({ "types": types, "last": last })))
}

/// `GET /v1/backup`: everything that the hub cannot derive, as of now (`crate::backup`).
pub async fn backup(State(hub): State<Arc<Hub>>) -> Response {
    let body = written("a backup", move |out| {
        let keys = hub.journal.sealer().keys();
        let made = backup::write(&*hub.log, keys, &hub.checkpoints, out)?;
        tracing::info!(last = made.last, deliveries = made.deliveries, "a backup was made");
        Ok::<_, backup::BackupFailure>(())
    });
    ([(header::CONTENT_TYPE, "application/zstd")], body).into_response()
}
