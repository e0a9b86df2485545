//! `POST /hooks/{connection}`: from HTTP to [`crate::ingest`], and back.
use super::Problem;
use crate::app::Hub;
use crate::clock;
use crate::ingest::{HookAnswer, HookRequest};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hub_sandbox::types::{Delivery, Header};
use std::sync::Arc;
use std::time::Duration;

/// How long a webhook waits for its turn before it is told to come again.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// A webhook at `/hooks/{connection}`.
pub async fn receive(
    State(hub): State<Arc<Hub>>,
    Path(connection): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(&hub, &connection, &method, &uri, &headers, body).await
}

/// A webhook at a path below.
pub async fn receive_below(
    State(hub): State<Arc<Hub>>,
    Path((connection, _)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(&hub, &connection, &method, &uri, &headers, body).await
}

async fn take(
    hub: &Hub,
    id: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(connection) = hub.connections.get(id).filter(|c| c.connector.receives_webhooks())
    else {
        hub.metrics.hook("unknown-connection");
        return Problem::not_found("connection that takes webhooks named", id).into_response();
    };
    if method != Method::POST {
        let detail = "webhooks are POSTed";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail).into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            hub.metrics.hook("too-large");
            let detail = format!(
                "the body is larger than {} bytes; [server] body_bytes_max sets the limit",
                hub.config.server.body_bytes_max
            );
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
                .into_response();
        }
        Err(_) => return Problem::invalid("the body did not arrive whole").into_response(),
    };
    let paused = hub.engine.read(|state| state.connection(&connection.id).paused);
    if paused.is_some() {
        return Problem::later("this connection is paused", 60).into_response();
    }
    let turn = tokio::time::timeout(TURN_WAIT, hub.hook_turns.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        hub.metrics.hook("no-turn");
        return Problem::later("too many webhooks at once", 1).into_response();
    };
    let path = uri.path().strip_prefix("/hooks/").and_then(|p| p.strip_prefix(id)).unwrap_or("");
    let delivery = Delivery {
        method: method.as_str().to_owned(),
        path: match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        },
        headers: headers
            .iter()
            .map(|(name, value)| Header {
                name: name.as_str().to_owned(),
                value: value.as_bytes().to_vec(),
            })
            .collect(),
        body: body.to_vec(),
    };
    let hook = HookRequest { delivery, received_ms: clock::now_ms() };
    let started = std::time::Instant::now();
    let answer = hub.ingest.receive(connection, hook).await;
    hub.metrics.hook(answer.fate);
    hub.metrics.hook_time(started.elapsed());
    response(answer)
}

fn response(answer: HookAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.status == 401 {
        // What exactly is wrong is told to the log, not to whoever tries.
        return Problem::new(status, "not-authentic", "the signature does not hold")
            .into_response();
    }
    let mut response = (status, answer.body).into_response();
    response.headers_mut().remove(axum::http::header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (
            axum::http::HeaderName::from_bytes(name.as_bytes()),
            axum::http::HeaderValue::from_bytes(&value),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
