//! Sumsub's calls. Each is let in by its signature first, then routed by its path.
//!
//! | call | operation | documented at `docs.sumsub.com/reference/` |
//! |---|---|---|
//! | `POST /resources/applicants?levelName=` | `create-applicant` | `create-applicant` |
//! | `GET /resources/applicants/{id}/one` | `get-applicant` | `get-applicant-data` |
//! | `GET /resources/applicants/-;externalUserId={id}/one` | `get-applicant` | `get-applicant-data-via-externaluserid` |
//! | `GET /resources/applicants/{id}/status` | `get-applicant-status` | `get-applicant-review-status` |
//! | `POST /resources/applicants/{id}/status/pending` | `request-check` | `request-applicant-check` |
//! | `POST /resources/applicants/{id}/status/testCompleted` | `test-completed` | `set-review-for-applicant-on-sandbox` |
//! | `POST /resources/sdkIntegrations/levels/-/websdkLink` | `websdk-link` | `generate-websdk-external-link` |
//! | `POST /resources/accessTokens/sdk`, `…/accessTokens?userId=` | `access-token` | `generate-access-token` |
//! | `GET /websdk/p/{token}` (no signature) | | the page behind a link: here it hands in all documents at once |

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, State as AxumState};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use serde_json::{Value, json};

use super::auth::{self, Refused};
use super::requests::{self, Bad};
use super::state::NoSuchChange;
use super::{Shared, wire};
use crate::Connection;

pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/resources/{*path}", any(call))
        .route("/websdk/p/{token}", get(sdk_page))
        .with_state(shared)
}

/// One authenticated request.
struct Call<'a> {
    query: HashMap<String, String>,
    body: &'a [u8],
    is_json: bool,
    host: &'a str,
}

/// What a path names.
enum Target {
    Create,
    Get(Who),
    Status(Who),
    RequestCheck(String),
    TestCompleted(String),
    WebSdkLink { level_in_path: Option<String> },
    AccessToken { in_body: bool },
}

enum Who {
    Id(String),
    External(String),
}

impl Target {
    fn of(method: &Method, path: &str) -> Option<(Self, &'static str)> {
        let segments: Vec<String> =
            path.trim_start_matches('/').split('/').map(requests::percent_decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let who = |segment: &str| match segment.strip_prefix("-;externalUserId=") {
            Some(external) => Who::External(external.into()),
            None => Who::Id(segment.into()),
        };
        Some(match (method.as_str(), segments.as_slice()) {
            ("POST", ["resources", "applicants"]) => (Self::Create, "create-applicant"),
            ("GET", ["resources", "applicants", id, "one"]) => {
                (Self::Get(who(id)), "get-applicant")
            }
            ("GET", ["resources", "applicants", id, "status"]) => {
                (Self::Status(who(id)), "get-applicant-status")
            }
            ("POST", ["resources", "applicants", id, "status", "pending"]) => {
                (Self::RequestCheck((*id).into()), "request-check")
            }
            ("POST", ["resources", "applicants", id, "status", "testCompleted"]) => {
                (Self::TestCompleted((*id).into()), "test-completed")
            }
            ("POST", ["resources", "sdkIntegrations", "levels", level, "websdkLink"]) => {
                let level_in_path = (*level != "-").then(|| (*level).into());
                (Self::WebSdkLink { level_in_path }, "websdk-link")
            }
            ("POST", ["resources", "accessTokens"]) => {
                (Self::AccessToken { in_body: false }, "access-token")
            }
            ("POST", ["resources", "accessTokens", "sdk"]) => {
                (Self::AccessToken { in_body: true }, "access-token")
            }
            _ => return None,
        })
    }
}

async fn call(
    AxumState(shared): AxumState<Shared>,
    Extension(connection): Extension<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path_and_query = uri.path_and_query().map_or(uri.path(), |p| p.as_str());
    let target = Target::of(&method, uri.path());
    let operation = target.as_ref().map_or("unknown", |(_, name)| name);
    let searched = format!("{method} {path_and_query} {}", String::from_utf8_lossy(&body));
    let correlation_id = shared.with_state(|state| state.correlation_id());
    let fault_body = |status: u16| {
        let bad = Bad { status, code: None, description: "The service could not answer".into() };
        error(bad, &correlation_id)
    };
    let act = |decline: Option<String>| {
        let request = auth::Request { method: method.as_str(), path_and_query, body: &body };
        let config = &shared.0.config;
        let now = config.clock.unix_s();
        if let Err(refused) =
            auth::check(&config.app_token, &config.secret_key, now, &headers, request)
        {
            return error(unauthorized(refused), &correlation_id);
        }
        if let Some(code) = decline {
            return error(Bad::declined(code), &correlation_id);
        }
        let Some((target, _)) = target else {
            return error(
                Bad::new(404, format!("No such resource: {method} {}", uri.path())),
                &correlation_id,
            );
        };
        let call = Call {
            query: serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default(),
            body: &body,
            is_json: headers
                .get(header::CONTENT_TYPE)
                .and_then(|v| v.to_str().ok())
                .is_some_and(|v| v.starts_with("application/json")),
            host: headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("127.0.0.1"),
        };
        match run(&shared, &target, &call) {
            Ok(answer) => Json(answer).into_response(),
            Err(bad) => error(bad, &correlation_id),
        }
    };
    shared.0.faults.around(operation, &searched, &connection, fault_body, act).await
}

fn run(shared: &Shared, target: &Target, call: &Call<'_>) -> Result<Value, Bad> {
    let config = &shared.0.config;
    match target {
        Target::Create => {
            let new = requests::new_applicant(config, &call.query, json_body(call)?)?;
            let external_id = new.external_user_id.clone();
            shared.with_state(|state| state.create(new)).map(|a| wire::applicant(config, &a)).map_err(|existing| {
                Bad::new(409, format!("Applicant with external user id '{external_id}' already exists: {existing}"))
            })
        }
        Target::Get(who) => found(shared, who, |applicant| wire::applicant(config, applicant)),
        Target::Status(who) => found(shared, who, wire::status),
        Target::RequestCheck(id) => {
            shared.with_state(|state| state.submit(id)).map_err(no_such_change)?;
            Ok(json!({ "ok": 1 }))
        }
        Target::TestCompleted(id) => {
            if !config.sandbox_mode {
                return Err(Bad::new(403, "Only available in Sandbox mode".into()));
            }
            let review = requests::test_review(&json_body(call)?)?;
            shared.with_state(|state| state.review(id, review)).map_err(no_such_change)?;
            Ok(json!({ "ok": 1 }))
        }
        Target::WebSdkLink { level_in_path } => {
            let session = match level_in_path {
                Some(level) => requests::legacy_link(config, level, &call.query)?,
                None => requests::sdk_session(config, &json_body(call)?)?,
            };
            let token =
                shared.with_state(|state| state.open_session(&session.0, &session.1, session.2));
            Ok(json!({ "url": format!("http://{}/websdk/p/{token}", call.host) }))
        }
        Target::AccessToken { in_body } => {
            let session = if *in_body {
                requests::sdk_session(config, &json_body(call)?)?
            } else {
                requests::token_session(config, &call.query)?
            };
            let token =
                shared.with_state(|state| state.open_session(&session.0, &session.1, session.2));
            Ok(json!({ "token": token, "userId": session.0 }))
        }
    }
}

fn found(
    shared: &Shared,
    who: &Who,
    show: impl FnOnce(&super::ApplicantBook) -> Value,
) -> Result<Value, Bad> {
    shared.with_state(|state| {
        let applicant = match who {
            Who::Id(id) => state.find_by_id(id),
            Who::External(external_id) => state.find_by_external_id(external_id),
        };
        applicant.map(show).ok_or_else(|| Bad::new(404, "Applicant not found".into()))
    })
}

/// The page an applicant opens. It hands in all documents, creating the applicant if the link came first.
async fn sdk_page(AxumState(shared): AxumState<Shared>, Path(token): Path<String>) -> Response {
    let handed_in = shared.with_state(|state| {
        let session = state.session(&token)?;
        if state.find(&session.user_id).is_none() {
            let new = super::state::NewApplicant {
                external_user_id: session.user_id.clone(),
                level_name: session.level_name,
                ..Default::default()
            };
            // It was looked for just now, under the same lock.
            let _ = state.create(new);
        }
        Some(state.submit(&session.user_id))
    });
    match handed_in {
        Some(Ok(())) => "Your documents are being checked.".into_response(),
        Some(Err(refused)) => (StatusCode::CONFLICT, refused.to_string()).into_response(),
        None => (StatusCode::NOT_FOUND, "This link has expired.").into_response(),
    }
}

fn json_body(call: &Call<'_>) -> Result<Value, Bad> {
    if !call.is_json {
        return Err(Bad::new(
            415,
            "HTTP 415 Unsupported Media Type: send Content-Type application/json".into(),
        ));
    }
    match serde_json::from_slice(call.body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => Err(Bad::new(400, "The request body must be a JSON object".into())),
        Err(e) => Err(Bad::new(400, format!("Unable to parse the request body as JSON: {e}"))),
    }
}

fn no_such_change(error: NoSuchChange) -> Bad {
    match error {
        NoSuchChange::Unknown(_) => Bad::new(404, "Applicant not found".into()),
        NoSuchChange::RejectedForGood(_) => Bad {
            status: 409,
            code: Some((1009, "applicant-with-final-reject".into())),
            description: "Applicant has received a FINAL rejection".into(),
        },
    }
}

fn unauthorized(refused: Refused) -> Bad {
    let (code, name) = refused.code();
    Bad { status: 401, code: Some((code, name.into())), description: refused.to_string() }
}

/// The body documented at `reference/review-api-health`, "Errors".
fn error(bad: Bad, correlation_id: &str) -> Response {
    let mut body = json!({
        "description": bad.description, "code": bad.status, "correlationId": correlation_id,
    });
    if let Some((code, name)) = bad.code {
        body["errorCode"] = json!(code);
        body["errorName"] = json!(name);
    }
    let status = StatusCode::from_u16(bad.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}
