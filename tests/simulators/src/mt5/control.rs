//! `POST /_sim/market`, `/_sim/positions/open`, `/_sim/positions/close`: the market and the client, from another
//! process.
//!
//! `{"login": 500001, "market": {"equity": "9450.00"}}`; a [`Trade`] gives `{"position": 7}`;
//! `{"login": 500001, "position": 7}` gives the closing [`Deal`](super::Deal).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Market, MarketError, Shared, Trade};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    login: u64,
    market: Market,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    login: u64,
    position: u64,
}

pub(super) fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/_sim/market", post(set_market))
        .route("/_sim/positions/open", post(open))
        .route("/_sim/positions/close", post(close))
        .with_state(shared)
}

async fn set_market(State(shared): State<Shared>, Json(to): Json<Move>) -> Response {
    answer(shared.set_market(to.login, to.market).map(|()| json!({})))
}

async fn open(State(shared): State<Shared>, Json(trade): Json<Trade>) -> Response {
    answer(shared.open(&trade).map(|position| json!({ "position": position })))
}

async fn close(State(shared): State<Shared>, Json(which): Json<Close>) -> Response {
    answer(shared.close(which.login, which.position))
}

fn answer(done: Result<impl Serialize, MarketError>) -> Response {
    match done {
        Ok(done) => Json(done).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}
