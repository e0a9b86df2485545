//! Steering a simulator from another process: `/_sim/*`.
//!
//! | call | does |
//! |---|---|
//! | `GET /_sim/books` | what the vendor was made to do |
//! | `GET /_sim/deliveries` | counters of webhooks out |
//! | `GET /_sim/faults` | the rules, and how often each applied |
//! | `POST /_sim/faults` | `{"call": Rule}` or `{"webhook": Rule}`: adds one, gives `{"id": n}` |
//! | `DELETE /_sim/faults` | removes all rules; with `?id=n` one |
//! | `POST /_sim/webhook-url` | `{"url": "http://…"}`, or `{"url": null}` to hold webhooks |

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::faults::RuleState;
use crate::{Deliveries, Fault, Faults, Rule, WebhookFault};

/// What all simulators have in common. Implement it on the cheaply cloned state that the handlers share.
pub trait Simulator: Clone + Send + Sync + 'static {
    /// A snapshot of everything the vendor holds.
    type Books: Serialize;

    /// The snapshot now.
    fn books(&self) -> Self::Books;

    /// The handle on the faults.
    fn faults(&self) -> &Faults;

    /// Counters of webhooks out; all zero where the vendor sends none.
    fn deliveries(&self) -> Deliveries {
        Deliveries::default()
    }

    /// Sends webhooks here from now on. Nothing happens where the vendor sends none.
    fn set_webhook_url(&self, _url: Option<String>) {}
}

/// A rule to add.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddRule {
    /// For API calls.
    Call(Rule<Fault>),
    /// For webhooks out.
    Webhook(Rule<WebhookFault>),
}

/// The rules in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleList {
    /// For API calls.
    pub calls: Vec<RuleState<Fault>>,
    /// For webhooks out.
    pub webhooks: Vec<RuleState<WebhookFault>>,
}

/// Where webhooks go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookUrl {
    /// None holds them.
    pub url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WhichRule {
    id: Option<u64>,
}

/// The `/_sim/*` routes of `simulator`, to be merged into its router.
pub fn routes<S: Simulator>(simulator: S) -> Router {
    Router::new()
        .route("/_sim/books", get(|State(sim): State<S>| async move { Json(json!(sim.books())) }))
        .route(
            "/_sim/deliveries",
            get(|State(sim): State<S>| async move { Json(sim.deliveries()) }),
        )
        .route("/_sim/faults", get(list::<S>).post(add::<S>).delete(remove::<S>))
        .route("/_sim/webhook-url", post(set_url::<S>))
        .with_state(simulator)
}

async fn list<S: Simulator>(State(sim): State<S>) -> Json<RuleList> {
    Json(RuleList { calls: sim.faults().call_rules(), webhooks: sim.faults().webhook_rules() })
}

async fn add<S: Simulator>(State(sim): State<S>, Json(rule): Json<AddRule>) -> Response {
    let id = match rule {
        AddRule::Call(rule) => sim.faults().add(rule),
        AddRule::Webhook(rule) => sim.faults().add_webhook(rule),
    };
    Json(json!({ "id": id })).into_response()
}

async fn remove<S: Simulator>(State(sim): State<S>, Query(which): Query<WhichRule>) -> StatusCode {
    match which.id {
        Some(id) if !sim.faults().remove(id) => return StatusCode::NOT_FOUND,
        Some(_) => {}
        None => sim.faults().clear(),
    }
    StatusCode::NO_CONTENT
}

async fn set_url<S: Simulator>(State(sim): State<S>, Json(to): Json<WebhookUrl>) -> StatusCode {
    sim.set_webhook_url(to.url);
    StatusCode::NO_CONTENT
}
