//! The HTTP face: JSON, RFC 9457 problem details, one small module a subject.
mod accounts;
mod clients;
mod deposits;
mod erased;
mod events;
mod facts;
mod guard;
mod hooks;
mod idempotency;
mod ops;
mod pieces;
mod problem;
mod proof;
mod stream;

pub use problem::Problem;

use crate::app::Hub;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

/// Everything that the hub serves.
pub fn router(hub: Arc<Hub>) -> Router {
    let v1 = Router::new()
        .route("/events", get(events::list))
        .route("/events/stream", get(stream::stream))
        .route("/events/proof", get(proof::export))
        .route("/events/{id}", get(events::one))
        .route("/events/{id}/trace", get(events::trace))
        .route("/deliveries/digest", post(proof::delivery_digest))
        .route("/deliveries/{id}", get(events::delivery))
        .route("/quarantine", get(ops::quarantine_list))
        .route("/quarantine/{id}", get(ops::quarantine_one))
        .route("/quarantine/{id}/replay", post(ops::quarantine_replay))
        .route("/quarantine/{id}/discard", post(ops::quarantine_discard))
        .route("/connections", get(ops::connections))
        .route("/connections/{id}", get(ops::connection))
        .route("/connections/{id}/test", post(ops::connection_test))
        .route("/connections/{id}/pause", post(ops::connection_pause))
        .route("/connections/{id}/resume", post(ops::connection_resume))
        .route("/plugins", get(ops::plugins))
        .route("/clients", get(clients::list).post(clients::register))
        .route("/clients/{id}", get(clients::one))
        .route("/clients/{id}/card", get(clients::card))
        .route("/clients/{id}/events", get(clients::events))
        .route("/clients/{id}/kyc", post(clients::kyc))
        .route("/clients/{id}/erase", post(erased::erase))
        .route("/deposits", post(deposits::create))
        .route("/deposits/{id}", get(deposits::one))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", get(accounts::one))
        .route("/accounts/{id}/rules", get(accounts::rules))
        .route("/accounts/{id}/equity", get(accounts::equity))
        .route("/accounts/{id}/credentials", post(accounts::credentials))
        .route("/breaches", get(accounts::breaches))
        .route("/breaches/{id}", get(accounts::breach))
        .route("/ledger", get(ops::ledger))
        .route("/verify", get(proof::verify).post(proof::verify_by))
        .route("/backup", get(ops::backup))
        .route("/checkpoint", get(proof::checkpoint))
        .route("/checkpoints", get(proof::checkpoints))
        .route("/stats", get(ops::stats))
        .route("/facts", post(facts::append))
        .fallback(problem::no_such_call)
        .layer(axum::middleware::from_fn_with_state(hub.clone(), guard::guard));
    Router::new()
        .route("/hooks/{connection}", axum::routing::any(hooks::receive))
        .route("/hooks/{connection}/{*rest}", axum::routing::any(hooks::receive_below))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .nest("/v1", v1)
        .merge(crate::console::router())
        .fallback(problem::no_such_call)
        .layer(DefaultBodyLimit::max(hub.config.server.body_bytes_max))
        .with_state(hub)
}
