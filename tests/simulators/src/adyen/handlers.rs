//! The HTTP face: authentication, idempotency, faults, and the routes.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;

use super::books::Modification;
use super::errors::{ApiError, answer};
use super::state::State;
use super::{Adyen, actions};
use crate::Connection;
use crate::idempotency::Kept;

/// The longest `Idempotency-Key` (docs.adyen.com/development-resources/api-idempotency).
const KEY_CHARS_MAX: usize = 64;

type Id = Path<String>;

/// One request, and what runs it.
struct Call {
    sim: Adyen,
    connection: Connection,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Call
where
    Adyen: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let connection = parts.extensions.get::<Connection>().cloned();
        let connection =
            connection.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let too_large = |_| StatusCode::PAYLOAD_TOO_LARGE.into_response();
        let body = axum::body::to_bytes(body, super::BODY_BYTES_MAX).await.map_err(too_large)?;
        let sim = <Adyen as FromRef<S>>::from_ref(state);
        Ok(Self { sim, connection, uri: parts.uri, headers: parts.headers, body })
    }
}

/// All routes: as under `checkout-test.adyen.com` and under a live prefix, and payouts as under `pal-test.adyen.com`.
pub fn routes(sim: Adyen) -> Router {
    let checkout = Router::new()
        .route("/payments", post(create_payment))
        .route("/payments/details", post(payment_details))
        .route("/payments/{psp}/refunds", post(create_refund))
        .route("/payments/{psp}/captures", post(create_capture))
        .route("/payments/{psp}/cancels", post(create_cancel));
    let payout = Router::new()
        .route("/payout", post(create_payout))
        .route("/submitThirdParty", post(submit_payout))
        .route("/storeDetailAndSubmitThirdParty", post(submit_payout))
        .route("/confirmThirdParty", post(confirm_payout))
        .route("/declineThirdParty", post(decline_payout));
    Router::new()
        .nest("/v71", checkout.clone())
        .nest("/checkout/v71", checkout)
        .nest("/pal/servlet/Payout/v68", payout)
        .route("/_sim/redirect/{psp}", get(redirect))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(sim)
}

async fn create_payment(call: Call) -> Response {
    call.run("create-payment", 200, actions::pay).await
}

async fn payment_details(call: Call) -> Response {
    call.run("payment-details", 200, |c, _| actions::details(c)).await
}

async fn create_refund(Path(psp): Id, call: Call) -> Response {
    call.run("create-refund", 201, |c, d| actions::modify(c, &psp, Modification::Refund, d)).await
}

async fn create_capture(Path(psp): Id, call: Call) -> Response {
    call.run("create-capture", 201, |c, d| actions::modify(c, &psp, Modification::Capture, d)).await
}

async fn create_cancel(Path(psp): Id, call: Call) -> Response {
    call.run("create-cancel", 201, |c, d| actions::modify(c, &psp, Modification::Cancel, d)).await
}

async fn create_payout(call: Call) -> Response {
    call.run("create-payout", 200, |c, d| actions::payout(c, true, d)).await
}

async fn submit_payout(call: Call) -> Response {
    call.run("create-payout", 200, |c, d| actions::payout(c, false, d)).await
}

async fn confirm_payout(call: Call) -> Response {
    call.run("confirm-payout", 200, |c, _| actions::review(c, true)).await
}

async fn decline_payout(call: Call) -> Response {
    call.run("decline-payout", 200, |c, _| actions::review(c, false)).await
}

#[derive(Deserialize)]
struct Redirect {
    outcome: Option<String>,
}

/// The page that a shopper is sent to: `?outcome=` takes what a fault's decline takes, and `Authorised` by default;
/// then back to the shop with a `redirectResult`, to be handed to `/payments/details`.
async fn redirect(
    Shared(sim): Shared<Adyen>,
    Path(psp): Id,
    Query(query): Query<Redirect>,
) -> Response {
    let outcome = query.outcome.as_deref().unwrap_or("Authorised");
    let return_url = match sim.complete(&psp, outcome) {
        Ok(return_url) => return_url,
        Err(error) => return (StatusCode::CONFLICT, error.to_string()).into_response(),
    };
    let joint = if return_url.contains('?') { '&' } else { '?' };
    let to = format!("{return_url}{joint}redirectResult={}", actions::redirect_result(&psp));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// What an action works with.
pub struct Context<'a> {
    pub state: &'a mut State,
    pub body: &'a [u8],
    pub merchant_account: &'a str,
    pub payouts_need_review: bool,
    pub idempotency_key: Option<String>,
}

impl Call {
    /// Authenticates, applies faults and the idempotency key, and runs `act` under the lock.
    async fn run(
        self,
        operation: &'static str,
        status: u16,
        act: impl FnOnce(&mut Context<'_>, Option<String>) -> Result<Value, ApiError> + Send,
    ) -> Response {
        let reference = self.sim.lock(State::psp_reference);
        let given = self.headers.get("x-api-key").and_then(|key| key.to_str().ok());
        if given != Some(self.sim.0.api_key.as_str()) {
            return ApiError::unauthorized().response(&reference);
        }
        self.sim.lock(|state| *state.books.calls.entry(operation.to_owned()).or_default() += 1);
        let (sim, connection) = (self.sim.clone(), self.connection.clone());
        let request = format!("{} {}", self.uri, String::from_utf8_lossy(&self.body));
        let failed = |status| ApiError::of_status(status).response(&reference);
        let work = |decline| self.perform(status, &reference, decline, act);
        sim.0.faults.around(operation, &request, &connection, failed, work).await
    }

    fn perform(
        &self,
        status: u16,
        reference: &str,
        decline: Option<String>,
        act: impl FnOnce(&mut Context<'_>, Option<String>) -> Result<Value, ApiError>,
    ) -> Response {
        let kind = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if !kind.starts_with("application/json") {
            return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
        }
        let key = match self.headers.get("idempotency-key").map(|key| key.to_str()) {
            None => None,
            Some(Ok(key)) if (1..=KEY_CHARS_MAX).contains(&key.len()) => Some(key.to_owned()),
            Some(_) => return ApiError::unreadable("Invalid Idempotency-Key").response(reference),
        };
        let inner = &self.sim.0;
        let mut response = self.sim.act(|state| {
            let kept = key.as_ref().and_then(|key| state.keys.get(key, state.clock.now())).cloned();
            if let Some(kept) = kept {
                // The documentation gives the first answer back and does not say that it compares the request;
                // a key used for another endpoint is the caller's mistake, and is refused.
                if kept.endpoint != self.uri.path() {
                    return ApiError::of_status(422).response(reference);
                }
                state.books.replays += 1;
                return answer(kept.status, kept.body);
            }
            let mut context = Context {
                state,
                body: &self.body,
                merchant_account: &inner.merchant_account,
                payouts_need_review: inner.payouts_need_review,
                idempotency_key: key.clone(),
            };
            let body = match act(&mut context, decline) {
                Ok(value) => value.to_string(),
                Err(error) => return error.response(reference),
            };
            if let Some(key) = &key {
                let now = state.clock.now();
                let kept = Kept {
                    endpoint: self.uri.path().to_owned(),
                    parameters: String::new(),
                    status,
                    body: body.clone(),
                    request_id: reference.to_owned(),
                };
                state.keys.keep(key, now, kept);
            }
            answer(status, body)
        });
        if let Some(echo) = key.and_then(|key| HeaderValue::from_str(&key).ok()) {
            response.headers_mut().insert("idempotency-key", echo);
        }
        response
    }
}
