//! Deposits.
use super::Problem;
use super::facts::parse;
use super::guard::Actor;
use super::idempotency::{Key, made};
use crate::app::Hub;
use crate::clock;
use crate::journal::Draft;
use crate::query::{self, Filter, Order};
use crate::stored::Source;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use hub_domain::deposit::DepositStatus;
use hub_schemas::events::payment::DepositRequested;
use hub_schemas::{ClientId, ConnectionId, Country, Money, PaymentId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a call waits for the first PSPs' answers; then it says how far it has come.
const WAIT_MAX: Duration = Duration::from_secs(8);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    client: ClientId,
    amount: Money,
    method: String,
    #[serde(default)]
    method_tokens: BTreeMap<ConnectionId, String>,
    country: Option<Country>,
    return_url: Option<String>,
}

/// `POST /v1/deposits`
pub async fn create(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let key = Key::take(&headers, &actor, "deposits", &body)?;
    let asked: Create = parse(&body)?;
    if asked.amount.amount <= rust_decimal::Decimal::ZERO {
        return Err(Problem::invalid("amount: must be more than zero"));
    }
    asked.amount.to_minor().map_err(|e| Problem::invalid(format!("amount: {e}")))?;
    if !hub.engine.read(|state| state.client(&asked.client).is_some()) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown-client",
            format!("client {} is not registered; POST /v1/clients first", asked.client),
        ));
    }
    super::erased::refuse(&hub, &asked.client)?;
    let payment = PaymentId::new(key.id("pay")).map_err(|e| Problem::internal(&e))?;
    let requested = DepositRequested {
        payment: payment.clone(),
        client: asked.client,
        amount: asked.amount,
        method: asked.method,
        method_tokens: asked.method_tokens,
        country: asked.country,
        return_url: asked.return_url,
    };
    let mut draft = Draft::new(Source::Api, clock::now_ms(), requested);
    draft.correlation = Some(payment.to_string());
    draft.actor = Some(actor.0);
    let committed = hub.journal.append(&draft, Some(key.dedup())).await?;
    hub.engine.reached(made(&committed)?).await;
    let settled = settled(&hub, &payment).await;
    let status = if settled { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok((status, Json(with_routes(&hub, &payment).await?)))
}

/// Waits until no PSP's answer is awaited any more; false if that takes too long.
async fn settled(hub: &Hub, payment: &PaymentId) -> bool {
    let mut changes = hub.engine.changes();
    let wait = async {
        loop {
            let done = hub.engine.read(|state| {
                state.payment(payment).is_none_or(|d| d.status != DepositStatus::Processing)
            });
            if done || changes.changed().await.is_err() {
                return done;
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, wait).await.unwrap_or(false)
}

fn find(hub: &Hub, id: &PaymentId) -> Result<Value, Problem> {
    hub.engine
        .read(|state| {
            let view = state.payment(id)?;
            let redirect = view.deposit.attempts.last().and_then(|a| a.redirect_url.clone());
            let mut value = serde_json::to_value(view).unwrap_or_default();
            value["redirect_url"] = json!(redirect);
            Some(value)
        })
        .ok_or_else(|| Problem::not_found("deposit", id.as_str()))
}

/// `GET /v1/deposits/{id}`
pub async fn one(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = PaymentId::new(text.as_str()).map_err(|_| Problem::not_found("deposit", &text))?;
    Ok(Json(with_routes(&hub, &id).await?))
}

/// The deposit, and every routing decision with its candidates.
async fn with_routes(hub: &Hub, id: &PaymentId) -> Result<Value, Problem> {
    let mut value = find(hub, id)?;
    hub.journal.sealer().open_all(&mut value).await.map_err(|e| Problem::internal(&e))?;
    let filter = Filter {
        subject: Some(format!("payment/{id}")),
        event_type: Some("payment.routed".to_owned()),
        order: Some(Order::Asc),
        ..Filter::default()
    };
    let page = query::list(&hub.log, &hub.index, filter).await?;
    value["routes"] = page.events.into_iter().map(|e| e.data).collect();
    Ok(value)
}
