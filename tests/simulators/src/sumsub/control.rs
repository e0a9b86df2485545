//! `POST /_sim/applicants`: moves an applicant on from another process, as a reviewer at Sumsub would.
//!
//! `{"who": "<id or external user id>", "change": "pending"}`, or `"change": {"review": "green"}`,
//! `{"review": {"red_retry": {"labels": ["DOCUMENT_PAGE_MISSING"]}}}`.

use axum::extract::State as AxumState;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::{Change, NoSuchChange, Shared};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeOf {
    who: String,
    change: Change,
}

pub(super) fn routes(shared: Shared) -> Router {
    Router::new().route("/_sim/applicants", post(change)).with_state(shared)
}

async fn change(AxumState(shared): AxumState<Shared>, Json(to): Json<ChangeOf>) -> Response {
    let done = shared.with_state(|state| match to.change {
        Change::Pending => state.submit(&to.who),
        Change::Review(review) => state.review(&to.who, review),
        Change::Hold => state.hold(&to.who),
        Change::Reset => state.reset(&to.who),
    });
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error @ NoSuchChange::Unknown(_)) => {
            (StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
        Err(error @ NoSuchChange::RejectedForGood(_)) => {
            (StatusCode::CONFLICT, error.to_string()).into_response()
        }
    }
}
