//! Erasing a client (O9), and what erased clients get.
use super::Problem;
use super::clients::{id, shown as client_shown};
use super::facts::parse;
use super::guard::Actor;
use super::idempotency::{Key, made};
use crate::app::Hub;
use crate::clock;
use crate::journal::Draft;
use crate::stored::{Source, rfc3339_ms};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use hub_domain::Erased;
use hub_schemas::ClientId;
use hub_schemas::events::client::ClientErased;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;
/// What stands in the way that is told in one answer.
const BLOCKERS_SHOWN_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erase {
    /// Stays for good: nothing personal belongs there.
    reason: String,
    /// What the wallet still shows was settled outside the hub.
    #[serde(default)]
    wallet_settled: bool,
}

/// `POST /v1/clients/{id}/erase`: checks, makes `client.erased` durable, destroys the keys, and
/// answers. If the hub goes down in between, its next start destroys them.
pub async fn erase(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let client = id(&text)?;
    Key::take(&headers, &actor, &format!("clients/{client}/erase"), &body)?;
    let Erase { reason, wallet_settled } = parse(&body)?;
    let reason = reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Problem::invalid(format!("reason: 1 to {REASON_CHARS_MAX} characters")));
    }
    let registered = hub.engine.read(|state| state.client(&client).is_some());
    if !registered && !hub.journal.sealer().keys().knows(client.as_str()) {
        return Err(Problem::not_found("client", &text));
    }
    if hub.engine.read(|state| state.erased(&client).is_none()) {
        unblocked(&hub, &client, wallet_settled)?;
        let erased = ClientErased { client: client.clone(), reason, wallet_settled };
        let mut draft = Draft::new(Source::Api, clock::now_ms(), erased);
        draft.correlation = Some(client.to_string());
        draft.actor = Some(actor.0);
        // Without the key: the state makes a repeat harmless, and a refusal must not stick to it.
        let committed = hub.journal.append(&draft, None).await?;
        hub.engine.reached(made(&committed)?).await;
        // A deposit that was asked for in between stands in the way after all.
        if hub.engine.read(|state| state.erased(&client).is_none()) {
            unblocked(&hub, &client, wallet_settled)?;
            let detail = "something of this client was under way a moment ago; try again";
            return Err(Problem::new(StatusCode::CONFLICT, "client-busy", detail));
        }
    }
    finish(&hub, &client).await?;
    match registered {
        true => Ok(Json(client_shown(&hub, &client).await?)),
        false => {
            let erased = hub.engine.read(|state| state.erased(&client).map(shown));
            Ok(Json(json!({ "client": client, "erased": erased })))
        }
    }
}

/// Goes on even if the caller hangs up.
async fn finish(hub: &Arc<Hub>, client: &ClientId) -> Result<(), Problem> {
    let (erasure, of) = (hub.erasure.clone(), client.clone());
    let finished = tokio::spawn(async move { erasure.finish(&of).await }).await;
    match finished {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%client, %error, "tried again in the background");
            Err(Problem::later(
                format!("{client} is recorded as erased, and the hub goes on trying: {error}"),
                30,
            ))
        }
        Err(error) => Err(Problem::internal(&error)),
    }
}

fn unblocked(hub: &Hub, client: &ClientId, wallet_settled: bool) -> Result<(), Problem> {
    let blockers = hub.engine.read(|state| state.erasure_blockers(client, wallet_settled));
    if blockers.is_empty() {
        return Ok(());
    }
    let more = blockers.len().saturating_sub(BLOCKERS_SHOWN_MAX);
    let mut detail = format!("{client} cannot be erased yet: ");
    detail += &blockers[..blockers.len() - more].join("; ");
    if more > 0 {
        detail += &format!("; and {more} more");
    }
    detail += ". Wait for it to end, or resolve it; money that was settled outside the hub is told \
               by wallet_settled";
    Err(Problem::new(StatusCode::CONFLICT, "client-busy", detail))
}

/// Of an erased client nothing new is begun.
pub fn refuse(hub: &Hub, client: &ClientId) -> Result<(), Problem> {
    match hub.engine.read(|state| state.erased(client).map(|erased| erased.event.clone())) {
        None => Ok(()),
        Some(event) => Err(Problem::new(
            StatusCode::CONFLICT,
            "client-erased",
            format!("client {client} was erased ({event}); its id is not used again"),
        )),
    }
}

/// That a client was erased, as readers see it.
pub fn shown(erased: &Erased) -> Value {
    json!({ "event": erased.event, "time": rfc3339_ms(erased.time_ms), "reason": erased.reason })
}
