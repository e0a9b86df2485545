//! The same path with the connector's code native and a plain file: what the sandbox and the log
//! (its chain, dedup and index) add to it.
use super::deliveries::{CONNECTION, SECRET};
use super::plain::PlainFile;
use super::servers::{Server, runtime};
use super::{BenchError, native};
use crate::clock;
use crate::ingest::DeliveryStore;
use crate::journal::{Draft, Journal};
use crate::recipe::{Secrets, evaluate_check};
use crate::stored::{Source, Verified};
use crate::vault::{KeyFile, MasterKey, Sealer, Secret, key_file_path};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use hub_log::{EventLog, LogOptions, SledLog};
use hub_sandbox::types::{Context, Delivery, Header};
use hub_schemas::{ConnectionId, Payload};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

struct Parts {
    connection: ConnectionId,
    journal: Journal,
    deliveries: DeliveryStore,
    file: PlainFile,
}

struct OneSecret;

impl Secrets for OneSecret {
    fn secret(&self, _: &str) -> Option<Secret> {
        Some(Secret::new(SECRET))
    }
}

/// A server of that path; its files go here.
pub(super) fn start(dir: &Path) -> Result<Server, BenchError> {
    std::fs::create_dir_all(dir).map_err(BenchError::io("create its directory"))?;
    // Journal and deliveries want a log for their keys; nothing is appended to it.
    let log: Arc<dyn EventLog> = Arc::new(SledLog::open(LogOptions::new(dir.join("log")))?);
    let master = MasterKey::random();
    let keys = KeyFile::create(&key_file_path(dir), &master).map_err(|e| wrong(e.to_string()))?;
    let sealer = Arc::new(Sealer::new(Arc::new(keys)));
    let parts = Parts {
        connection: ConnectionId::new(CONNECTION).map_err(|e| wrong(e.to_string()))?,
        journal: Journal::new(log.clone(), sealer.clone()),
        deliveries: DeliveryStore::new(log, sealer, &master),
        file: PlainFile::create(&dir.join("plain"))?,
    };
    let router = Router::new()
        .route("/hooks/{connection}", axum::routing::post(receive))
        .with_state(Arc::new(parts));
    Server::start(runtime("bench-native")?, router)
}

fn wrong(detail: String) -> BenchError {
    BenchError::Wrong { what: "the path without sandbox", detail }
}

async fn receive(
    State(parts): State<Arc<Parts>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    match take(&parts, &method, &headers, &body).await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn take(
    parts: &Parts,
    method: &Method,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(), BenchError> {
    let now_ms = clock::now_ms();
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_vec(),
    };
    let delivery = Delivery {
        method: method.as_str().to_owned(),
        path: String::new(),
        headers: headers.iter().map(header).collect(),
        body: body.to_vec(),
    };
    let context = Context {
        connection: CONNECTION.to_owned(),
        settings: "{}".to_owned(),
        now_ms,
        nonce: rand::random::<[u8; 16]>().to_vec(),
        live: false,
    };
    for check in native::authenticate(&context, &delivery)? {
        let made = evaluate_check(&check.recipe, &delivery.body, &OneSecret)
            .map_err(|e| wrong(e.to_string()))?;
        if !bool::from(made.ct_eq(&check.expect)) {
            return Err(wrong("it finds the signature wrong".to_owned()));
        }
    }
    let mut bytes = Vec::new();
    for event in native::receive(&context, &delivery)? {
        let payload =
            Payload::parse_str(&event.type_, &event.data).map_err(|e| wrong(e.to_string()))?;
        let mut draft = Draft::new(Source::Connection, event.time_ms.unwrap_or(now_ms), payload)
            .over(&parts.connection);
        draft.verified = Some(Verified::Signature);
        draft.vendor_event = event.id;
        let event = parts.journal.encode(&draft).await.map_err(|e| wrong(e.to_string()))?;
        bytes.extend_from_slice(&event);
    }
    let blob = parts.deliveries.seal(CONNECTION, &delivery, now_ms, &BTreeSet::new()).await;
    bytes.extend_from_slice(&blob.map_err(|e| wrong(e.to_string()))?);
    parts.file.append(bytes).await.map_err(wrong)
}
