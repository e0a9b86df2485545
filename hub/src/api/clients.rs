//! Clients: register, find, one, its card.
use super::Problem;
use super::accounts::Paging;
use super::erased;
use super::facts::parse;
use super::guard::Actor;
use super::idempotency::{Key, made};
use crate::app::Hub;
use crate::clock;
use crate::journal::Draft;
use crate::query::{self, Filter, Page};
use crate::stored::{Source, event_id};
use crate::vault::{Contact, SealingError};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use hub_domain::client::Client;
use hub_log::{Appended, Dedup};
use hub_schemas::events::client::{Attribution, ClientRegistered, Stage};
use hub_schemas::events::kyc::KycRequested;
use hub_schemas::{ClientId, ConnectionId, Country, EntityId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    /// The broker's own id; the hub gives one if it is absent.
    client: Option<ClientId>,
    entity: EntityId,
    country: Country,
    email: Option<String>,
    phone: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    source: Option<Attribution>,
}

/// `POST /v1/clients`
pub async fn register(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let key = Key::take(&headers, &actor, "clients", &body)?;
    let asked: Register = parse(&body)?;
    let named = asked.client.is_some();
    let client = match asked.client {
        Some(client) => client,
        None => ClientId::new(key.id("cl")).map_err(|e| Problem::internal(&e))?,
    };
    erased::refuse(&hub, &client)?;
    let registered = ClientRegistered {
        client: client.clone(),
        entity: asked.entity.clone(),
        country: asked.country,
        email: asked.email,
        phone: asked.phone,
        first_name: asked.first_name,
        last_name: asked.last_name,
        source: asked.source,
    };
    let mut draft = Draft::new(Source::Api, clock::now_ms(), registered);
    draft.entity = Some(asked.entity);
    draft.correlation = Some(client.to_string());
    draft.actor = Some(actor.0);
    // A client is registered once, whatever keys are used: the id itself is the key.
    let once = Dedup {
        scope: "client".to_owned(),
        key: client.as_str().as_bytes().to_vec(),
        body_hash: *blake3::hash(&body).as_bytes(),
    };
    // The log forgets keys after `dedup_days`; who is a client is known for ever.
    let known = hub.engine.read(|state| state.client(&client).is_some());
    let committed = hub.journal.append(&draft, Some(once)).await?;
    let sequence = match committed.records.first() {
        // An id that came from the key is there already: the key was used with another body.
        Some(Appended::Duplicate { sequence, same_body: false }) if named => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "client-exists",
                format!("client {client} is registered already ({})", event_id(*sequence)),
            ));
        }
        // The deciders ignore a second registration.
        Some(Appended::New(_)) if known => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "client-exists",
                format!("client {client} is registered already"),
            ));
        }
        _ => made(&committed)?,
    };
    hub.engine.reached(sequence).await;
    Ok((StatusCode::CREATED, Json(shown(&hub, &client).await?)))
}

/// A client in a list.
#[derive(Serialize)]
struct Listed<'a> {
    client: &'a ClientId,
    entity: &'a EntityId,
    country: Country,
    stage: Stage,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

fn listed<'a>(state: &hub_domain::State, client: &'a ClientId, known: &'a Client) -> Listed<'a> {
    Listed {
        client,
        entity: &known.registered.entity,
        country: known.registered.country,
        stage: known.stage,
        erased: state.erased(client).is_some(),
    }
}

/// Which clients.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    after: Option<String>,
    limit: Option<usize>,
    email: Option<String>,
    phone: Option<String>,
}

/// `GET /v1/clients`, by id; with `email` or `phone`, those who registered with it. The query is
/// personal data then: nothing of it is logged.
pub async fn list(
    State(hub): State<Arc<Hub>>,
    query: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Which { after, limit, email, phone }) =
        query.map_err(|_| Problem::invalid("these are known: after, limit, email, phone"))?;
    let contact = match (&email, &phone) {
        (Some(email), None) => Contact::Email(email),
        (None, Some(phone)) => Contact::Phone(phone),
        (Some(_), Some(_)) => return Err(Problem::invalid("either email or phone, not both")),
        (None, None) => {
            let paging = Paging { after, limit };
            let (clients, next) = hub.engine.read(|state| {
                let all = state.clients().map(|(client, known)| listed(state, client, known));
                paging.page(all, |listed| listed.client.as_str())
            });
            return Ok(Json(json!({ "clients": clients, "next": next })));
        }
    };
    let sealer = hub.journal.sealer();
    let mut candidates = sealer.keys().find(contact);
    candidates.sort();
    let clients = hub.engine.read(|state| {
        let mut found = Vec::new();
        for client in candidates.iter().filter_map(|id| ClientId::new(id.as_str()).ok()) {
            let Some(known) = state.client(&client) else { continue };
            let text = match contact {
                Contact::Email(_) => &known.registered.email,
                Contact::Phone(_) => &known.registered.phone,
            };
            if sealer.is(text.as_deref(), contact)? {
                found.push(json!(listed(state, &client, known)));
            }
        }
        Ok::<_, SealingError>(found)
    });
    let clients = clients.map_err(|e| Problem::internal(&e))?;
    Ok(Json(json!({ "clients": clients, "next": null })))
}

pub(super) async fn shown(hub: &Hub, id: &ClientId) -> Result<Value, Problem> {
    let (found, erased) = hub.engine.read(|state| {
        (state.client(id).map(serde_json::to_value), state.erased(id).map(erased::shown))
    });
    let mut value = found
        .ok_or_else(|| Problem::not_found("client", id.as_str()))?
        .map_err(|e| Problem::internal(&e))?;
    if let Some(erased) = erased {
        value["erased"] = erased;
    }
    hub.journal.sealer().open_all(&mut value).await.map_err(|e| Problem::internal(&e))?;
    value["client"] = json!(id);
    Ok(value)
}

pub(super) fn id(text: &str) -> Result<ClientId, Problem> {
    ClientId::new(text).map_err(|_| Problem::not_found("client", text))
}

/// `GET /v1/clients/{id}`
pub async fn one(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(shown(&hub, &id(&text)?).await?))
}

/// `GET /v1/clients/{id}/card`: the client with its deposits, accounts and wallet.
pub async fn card(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = id(&text)?;
    let mut card = hub
        .engine
        .read(|state| state.client_card(&id).map(|c| serde_json::to_value(c).unwrap_or_default()))
        .ok_or_else(|| Problem::not_found("client", &text))?;
    hub.journal.sealer().open_all(&mut card).await.map_err(|e| Problem::internal(&e))?;
    Ok(Json(card))
}

/// `GET /v1/clients/{id}/events`
pub async fn events(
    State(hub): State<Arc<Hub>>,
    Path(text): Path<String>,
    Query(mut filter): Query<Filter>,
) -> Result<Json<Page>, Problem> {
    filter.client = Some(id(&text)?.to_string());
    Ok(Json(query::list(&hub.log, &hub.index, filter).await?))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct StartKyc {
    connection: Option<ConnectionId>,
    level: Option<String>,
}

/// `POST /v1/clients/{id}/kyc`
pub async fn kyc(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = id(&text)?;
    let key = Key::take(&headers, &actor, &format!("clients/{id}/kyc"), &body)?;
    let asked: StartKyc = if body.is_empty() { StartKyc::default() } else { parse(&body)? };
    if !hub.engine.read(|state| state.client(&id).is_some()) {
        return Err(Problem::not_found("client", &text));
    }
    erased::refuse(&hub, &id)?;
    let requested = KycRequested {
        client: id.clone(),
        connection: asked.connection,
        level: asked.level,
        rule: None,
    };
    let mut draft = Draft::new(Source::Api, clock::now_ms(), requested);
    draft.correlation = Some(id.to_string());
    draft.actor = Some(actor.0);
    let committed = hub.journal.append(&draft, Some(key.dedup())).await?;
    hub.engine.reached(made(&committed)?).await;
    Ok((StatusCode::ACCEPTED, Json(shown(&hub, &id).await?)))
}
