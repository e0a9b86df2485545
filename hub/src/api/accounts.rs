//! Trading accounts and breaches.
use super::Problem;
use super::guard::Actor;
use super::idempotency::Key;
use crate::app::Hub;
use crate::query::{self, Filter, Page};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use hub_schemas::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Things in one answer.
const LIMIT_MAX: usize = 500;

/// Paging by id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Past this id.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Paging {
    /// A page of what comes in order of its id, and where to go on.
    pub fn page<T: Serialize>(
        &self,
        all: impl Iterator<Item = T>,
        id: impl Fn(&T) -> &str,
    ) -> (Vec<Value>, Option<String>) {
        let limit = self.limit.unwrap_or(50).clamp(1, LIMIT_MAX);
        let mut page = Vec::new();
        let mut last = None;
        for item in all.filter(|item| self.after.as_deref().is_none_or(|after| id(item) > after)) {
            if page.len() == limit {
                return (page, last);
            }
            last = Some(id(&item).to_owned());
            page.push(serde_json::to_value(item).unwrap_or_default());
        }
        (page, None)
    }
}

fn id(text: &str) -> Result<AccountId, Problem> {
    AccountId::new(text).map_err(|_| Problem::not_found("account", text))
}

/// `GET /v1/accounts`, by id.
pub async fn list(State(hub): State<Arc<Hub>>, Query(paging): Query<Paging>) -> Json<Value> {
    let (accounts, next) =
        hub.engine.read(|state| paging.page(state.accounts(), |view| view.account.as_str()));
    Json(json!({ "accounts": accounts, "next": next }))
}

/// `GET /v1/accounts/{id}`
pub async fn one(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = id(&text)?;
    hub.engine
        .read(|state| state.account(&id).map(|view| serde_json::to_value(view).unwrap_or_default()))
        .map(Json)
        .ok_or_else(|| Problem::not_found("account", &text))
}

/// `GET /v1/accounts/{id}/rules`: each rule's floor, and what is left above it.
pub async fn rules(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = id(&text)?;
    hub.engine
        .read(|state| state.account(&id).map(|view| json!({ "account": id, "rules": view.rules })))
        .map(Json)
        .ok_or_else(|| Problem::not_found("account", &text))
}

/// `GET /v1/accounts/{id}/equity`: the account's `account.equity` events.
pub async fn equity(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
    Query(mut filter): Query<Filter>,
) -> Result<Json<Page>, Problem> {
    filter.subject = Some(format!("account/{}", id(&text)?));
    filter.event_type = Some("account.equity".to_owned());
    Ok(Json(query::list(&hub.log, &hub.index, filter).await?))
}

/// `POST /v1/accounts/{id}/credentials`: the account's passwords, for the one time that they are
/// shown (A6). A second call finds none.
pub async fn credentials(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let id = id(&text)?;
    Key::take(&headers, &actor, "credentials", &body)?;
    let provisioning = hub
        .engine
        .read(|state| state.account(&id).map(|view| view.known.provisioning.clone()))
        .ok_or_else(|| Problem::not_found("account", &text))?;
    let taken = hub
        .credentials
        .take(provisioning.as_str())
        .await
        .map_err(|e| Problem::internal(&e))?
        .ok_or_else(|| Problem::not_found("password that was not shown yet for account", &text))?;
    tracing::info!(account = %id, actor = actor.0, "passwords shown");
    Ok(Json(json!({ "login": id.login(), "main": taken.main, "investor": taken.investor })))
}

/// `GET /v1/breaches`, by id.
pub async fn breaches(State(hub): State<Arc<Hub>>, Query(paging): Query<Paging>) -> Json<Value> {
    let (breaches, next) = hub
        .engine
        .read(|state| paging.page(state.breaches(), |breach| breach.detected.breach.as_str()));
    Json(json!({ "breaches": breaches, "next": next }))
}

/// `GET /v1/breaches/{id}`
pub async fn breach(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    hub.engine
        .read(|state| state.breach(&text).map(|b| serde_json::to_value(b).unwrap_or_default()))
        .map(Json)
        .ok_or_else(|| Problem::not_found("breach", &text))
}
