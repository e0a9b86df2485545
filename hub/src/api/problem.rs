//! Errors as RFC 9457 problem details.
//!
//! What the caller can do something about is told in full; what is the hub's own trouble is told
//! in a sentence, and logged in full.
use crate::journal::JournalError;
use crate::query::QueryError;
use crate::vault::{KeyFileError, SealingError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hub_index::IndexError;
use hub_log::{AppendError, ReadError};
use serde_json::json;

/// A problem, as the caller reads it.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub detail: String,
    /// Try again after so many seconds.
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_s: None }
    }
    /// The request is not of its form.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
    }
    /// There is no such thing.
    pub fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(140).collect();
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {what} {shown:?}"))
    }
    /// Later.
    pub fn later(detail: impl Into<String>, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds.max(1)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "try-later", detail)
        }
    }
    /// The hub's own trouble.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a call failed in the hub itself");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the hub could not do this; its log says why",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("urn:hub:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Schema { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "schema", error.to_string())
            }
            JournalError::Append(AppendError::Busy { retry_after_ms }) => {
                Self::later(error.to_string(), retry_after_ms.div_ceil(1000))
            }
            JournalError::Append(AppendError::TooLarge { .. }) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", error.to_string())
            }
            JournalError::Append(_) => Self::later(error.to_string(), 30),
            JournalError::Sealing(SealingError::KeyFile(KeyFileError::Io { .. })) => {
                Self::later(error.to_string(), 30)
            }
            JournalError::Sealing(_) | JournalError::Read(_) => Self::internal(&error),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::internal(&error)
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Filter { .. } => Self::invalid(error.to_string()),
            QueryError::Index(IndexError::Behind { .. }) => Self::later(error.to_string(), 5),
            _ => Self::internal(&error),
        }
    }
}

/// A path that the hub does not have.
pub async fn no_such_call(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-call",
        format!(
            "the hub has no {path}; the calls are under /v1, webhooks under /hooks/{{connection}}"
        ),
    )
}
