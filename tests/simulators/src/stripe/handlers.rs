//! The HTTP face: authentication, idempotency, faults, and the routes.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use serde::Deserialize;
use serde_json::Value;

use super::errors::{ApiError, answer};
use super::form::Params;
use super::state::State;
use super::{Stripe, money, payments};
use crate::Connection;
use crate::idempotency::Kept;

/// The longest `Idempotency-Key` (docs.stripe.com/api/idempotent_requests).
const KEY_CHARS_MAX: usize = 255;

type Id = Path<String>;

/// One request, and what runs it.
struct Call {
    sim: Stripe,
    connection: Connection,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Call
where
    Stripe: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let connection = parts.extensions.get::<Connection>().cloned();
        let connection =
            connection.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let too_large = |_| ApiError::new(413, "invalid_request_error", "Request too large.");
        let body = axum::body::to_bytes(body, super::BODY_BYTES_MAX).await.map_err(too_large);
        let body = body.map_err(|error| answer(error.status(), error.body(), "req_0"))?;
        let sim = <Stripe as FromRef<S>>::from_ref(state);
        Ok(Self {
            sim,
            connection,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }
}

/// All routes of the API.
pub fn routes(sim: Stripe) -> Router {
    Router::new()
        .route("/v1/payment_intents", post(create_payment).get(list_payments))
        .route("/v1/payment_intents/search", get(search_payments))
        .route("/v1/payment_intents/{id}", get(get_payment))
        .route("/v1/payment_intents/{id}/confirm", post(confirm_payment))
        .route("/v1/payment_intents/{id}/cancel", post(cancel_payment))
        .route("/v1/refunds", post(create_refund).get(list_refunds))
        .route("/v1/refunds/{id}", get(get_refund))
        .route("/v1/payouts", post(create_payout).get(list_payouts))
        .route("/v1/payouts/{id}", get(get_payout))
        .route("/v1/events", get(list_events))
        .route("/v1/events/{id}", get(get_event))
        .route("/v1/balance", get(get_balance))
        .route("/_sim/authenticate/{id}", get(authenticate))
        .fallback(unknown)
        .with_state(sim)
}

async fn create_payment(call: Call) -> Response {
    call.run("create-payment", payments::create).await
}

async fn confirm_payment(Path(id): Id, call: Call) -> Response {
    call.run("confirm-payment", |s, p, d| payments::confirm(s, &id, p, d)).await
}

async fn cancel_payment(Path(id): Id, call: Call) -> Response {
    call.run("cancel-payment", |s, p, _| payments::cancel(s, &id, p)).await
}

async fn get_payment(Path(id): Id, call: Call) -> Response {
    call.run("get-payment", |s, p, _| payments::get(s, &id, p)).await
}

async fn list_payments(call: Call) -> Response {
    call.run("list-payments", |s, p, _| payments::page(s, p)).await
}

async fn search_payments(call: Call) -> Response {
    let lag_s = i64::try_from(call.sim.0.search_lag.as_secs()).unwrap_or(i64::MAX);
    call.run("search-payments", |s, p, _| payments::search(s, p, lag_s)).await
}

async fn create_refund(call: Call) -> Response {
    call.run("create-refund", money::refund).await
}

async fn get_refund(Path(id): Id, call: Call) -> Response {
    call.run("get-refund", |s, _, _| money::get_refund(s, &id)).await
}

async fn list_refunds(call: Call) -> Response {
    call.run("list-refunds", |s, p, _| money::refunds(s, p)).await
}

async fn create_payout(call: Call) -> Response {
    call.run("create-payout", money::payout).await
}

async fn get_payout(Path(id): Id, call: Call) -> Response {
    call.run("get-payout", |s, _, _| money::get_payout(s, &id)).await
}

async fn list_payouts(call: Call) -> Response {
    call.run("list-payouts", |s, p, _| money::payouts(s, p)).await
}

async fn list_events(call: Call) -> Response {
    call.run("list-events", |s, p, _| money::events(s, p)).await
}

async fn get_event(Path(id): Id, call: Call) -> Response {
    call.run("get-event", |s, _, _| money::get_event(s, &id)).await
}

async fn get_balance(call: Call) -> Response {
    call.run("get-balance", |s, _, _| Ok(money::balance(s))).await
}

async fn unknown(method: Method, uri: Uri) -> Response {
    let message = format!(
        "Unrecognized request URL ({method}: {}). Please see https://stripe.com/docs or we can help at \
         https://support.stripe.com/.",
        uri.path()
    );
    answer(404, ApiError::new(404, "invalid_request_error", &message).body(), "req_0")
}

#[derive(Deserialize)]
struct Authenticate {
    outcome: Option<String>,
}

/// The page that a cardholder is sent to: `?outcome=fail` fails, anything else succeeds; then back to the shop.
async fn authenticate(
    Shared(sim): Shared<Stripe>,
    Path(id): Id,
    Query(query): Query<Authenticate>,
) -> Response {
    let succeeds = query.outcome.as_deref() != Some("fail");
    let (return_url, secret) = match sim.authenticate(&id, succeeds) {
        Ok(payment) => (payment.return_url.clone(), payment.client_secret()),
        Err(error) => return (StatusCode::CONFLICT, error.to_string()).into_response(),
    };
    let Some(return_url) = return_url else { return StatusCode::NO_CONTENT.into_response() };
    let joint = if return_url.contains('?') { '&' } else { '?' };
    let redirect_status = if succeeds { "succeeded" } else { "failed" };
    let to = format!(
        "{return_url}{joint}payment_intent={id}&payment_intent_client_secret={secret}&redirect_status={redirect_status}"
    );
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

impl Call {
    /// Authenticates, applies faults and the idempotency key, and runs `act` under the lock.
    async fn run(
        self,
        operation: &'static str,
        act: impl FnOnce(&mut State, &mut Params, Option<String>) -> Result<Value, ApiError> + Send,
    ) -> Response {
        let request_id = self.sim.lock(|state| state.ids.alphanumeric("req_", 14));
        if let Err(error) = self.authentic() {
            return answer(error.status(), error.body(), &request_id);
        }
        self.sim.lock(|state| *state.books.calls.entry(operation.to_owned()).or_default() += 1);
        let (sim, connection) = (self.sim.clone(), self.connection.clone());
        let request = format!("{} {}", self.uri, String::from_utf8_lossy(&self.body));
        let failed = |status| answer(status, ApiError::of_status(status).body(), &request_id);
        let work = |decline| match self.perform(&request_id, decline, act) {
            Ok(response) => response,
            Err(error) => answer(error.status(), error.body(), &request_id),
        };
        sim.0.faults.around(operation, &request, &connection, failed, work).await
    }

    /// `Bearer <key>`, or Basic with the key as the user's name and no password.
    fn authentic(&self) -> Result<(), ApiError> {
        let refused = |message: &str| ApiError::new(401, "invalid_request_error", message);
        let given = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = match given.and_then(|value| value.split_once(' ')) {
            Some(("Bearer", key)) => key.trim().to_owned(),
            Some(("Basic", encoded)) => {
                let decoded = base64::engine::general_purpose::STANDARD
                    .decode(encoded.trim())
                    .unwrap_or_default();
                String::from_utf8_lossy(&decoded).split(':').next().unwrap_or_default().to_owned()
            }
            _ => String::new(),
        };
        if key.is_empty() {
            return Err(refused(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                 Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            ));
        }
        if key != self.sim.0.api_key {
            let tail: String = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
            return Err(refused(&format!("Invalid API Key provided: ****{tail}")));
        }
        Ok(())
    }

    fn params(&self) -> Result<Params, ApiError> {
        if self.method == Method::GET {
            return Params::parse(self.uri.query().unwrap_or_default());
        }
        let kind = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !self.body.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(ApiError::invalid(
                "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you \
                 have any questions, we can help at https://support.stripe.com/.",
            ));
        }
        let text = std::str::from_utf8(&self.body)
            .map_err(|_| ApiError::invalid("Invalid UTF-8 in request body."))?;
        Params::parse(text)
    }

    fn perform(
        &self,
        request_id: &str,
        decline: Option<String>,
        act: impl FnOnce(&mut State, &mut Params, Option<String>) -> Result<Value, ApiError>,
    ) -> Result<Response, ApiError> {
        let mut params = self.params()?;
        let parameters = params.fingerprint();
        let endpoint = format!("{} {}", self.method, self.uri.path());
        let key = self.idempotency_key()?;
        self.sim.act(|state| {
            if let Some(kept) = key.as_ref().and_then(|key| state.keys.get(key, state.now())) {
                let response =
                    replay(kept, &endpoint, &parameters, key.as_deref().unwrap_or_default())?;
                state.books.replays += 1;
                return Ok(response);
            }
            state.request = Some((request_id.to_owned(), key.clone()));
            let (status, body, keep) = match act(state, &mut params, decline) {
                Ok(value) => (200, value.to_string(), true),
                Err(error) => (error.status(), error.body(), error.executed),
            };
            if let Some(key) = key.filter(|_| keep) {
                let (body, request_id) = (body.clone(), request_id.to_owned());
                let now = state.now();
                state.keys.keep(&key, now, Kept { endpoint, parameters, status, body, request_id });
            }
            Ok(answer(status, body, request_id))
        })
    }

    fn idempotency_key(&self) -> Result<Option<String>, ApiError> {
        let Some(value) =
            self.headers.get("idempotency-key").filter(|_| self.method == Method::POST)
        else {
            return Ok(None);
        };
        match value.to_str() {
            Ok(key) if (1..=KEY_CHARS_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
            _ => Err(ApiError::invalid(&format!(
                "Idempotency keys have 1 to {KEY_CHARS_MAX} characters."
            ))),
        }
    }
}

/// The kept answer, or 400 when the request is not the one the key was first used with.
fn replay(kept: &Kept, endpoint: &str, parameters: &str, key: &str) -> Result<Response, ApiError> {
    let other = if kept.endpoint != endpoint {
        format!(
            "for the same endpoint they were first used for ('{}' vs '{endpoint}')",
            kept.endpoint
        )
    } else if kept.parameters != parameters {
        "with the same parameters they were first used with".to_owned()
    } else {
        let mut response = answer(kept.status, kept.body.clone(), &kept.request_id);
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        return Ok(response);
    };
    let message = format!(
        "Keys for idempotent requests can only be used {other}. Try using a key other than '{key}' if you meant to \
         execute a different request."
    );
    Err(ApiError::new(400, "idempotency_error", &message))
}
