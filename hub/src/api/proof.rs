//! Proof: the walk over the chain, checkpoints, and exports that can be verified elsewhere.
use super::Problem;
use super::facts::parse;
use super::pieces::written;
use crate::app::Hub;
use crate::proof::{self, Audit, Kept, Range, WriteError};
use crate::query::{Checked, Filter, QueryError, among};
use crate::stored::{cloud_event, parse_event_id};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub_log::Record;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// What an audit goes by.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct AuditBy {
    /// The public key that must have signed.
    key: Option<String>,
    /// A checkpoint that was kept elsewhere.
    checkpoint: Option<String>,
}

/// `GET /v1/verify`: walks the hash chain and its checkpoints. Takes as long as reading the log.
pub async fn verify(State(hub): State<Arc<Hub>>) -> Result<Json<Audit>, Problem> {
    audited(&hub, AuditBy::default()).await
}

/// `POST /v1/verify`: the same, against a key and a checkpoint that were kept elsewhere.
pub async fn verify_by(State(hub): State<Arc<Hub>>, body: Bytes) -> Result<Json<Audit>, Problem> {
    audited(&hub, parse(&body)?).await
}

async fn audited(hub: &Hub, by: AuditBy) -> Result<Json<Audit>, Problem> {
    let log = hub.log.clone();
    let walk =
        move || proof::audit(&*log, by.key.as_deref(), by.checkpoint.as_deref(), &mut |_| {});
    let audit = tokio::task::spawn_blocking(walk).await.map_err(|e| Problem::internal(&e))?;
    Ok(Json(audit?))
}

/// `GET /v1/checkpoint`: the end of the log, signed now.
pub async fn checkpoint(State(hub): State<Arc<Hub>>) -> Result<Json<Value>, Problem> {
    let signed = hub.checkpoints.sign(None).map_err(|e| Problem::internal(&e))?;
    let (checkpoint, note) =
        signed.ok_or_else(|| Problem::internal(&"the log's last record is not there"))?;
    Ok(Json(json!({
        "sequence": checkpoint.sequence, "hash": hex::encode(checkpoint.hash),
        "time": checkpoint.time.to_string(), "key": hub.checkpoints.key().public(),
        "checkpoint": note,
    })))
}

/// `GET /v1/checkpoints`: those that are kept, one an hour and the newest.
pub async fn checkpoints(State(hub): State<Arc<Hub>>) -> Result<Json<Value>, Problem> {
    let notes = Kept::notes(&*hub.log)?;
    let shown: Vec<Value> = notes
        .iter()
        .map(|(sequence, note)| json!({ "sequence": sequence, "checkpoint": note }))
        .collect();
    Ok(Json(json!({ "key": hub.checkpoints.key().public(), "checkpoints": shown })))
}

/// Which range, and what of it is shown in full. (Not `Filter` flattened: that takes numbers and
/// unknown names wrongly.)
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct ProofQuery {
    from: Option<String>,
    to: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    subject: Option<String>,
    client: Option<String>,
    account: Option<String>,
    connection: Option<String>,
    entity: Option<String>,
    correlation: Option<String>,
    since: Option<String>,
    until: Option<String>,
    text: Option<String>,
}

impl ProofQuery {
    fn filter(self) -> Filter {
        Filter {
            event_type: self.event_type,
            subject: self.subject,
            client: self.client,
            account: self.account,
            connection: self.connection,
            entity: self.entity,
            correlation: self.correlation,
            since: self.since,
            until: self.until,
            text: self.text,
            ..Filter::default()
        }
    }
}

/// `GET /v1/events/proof`: a range as JSON lines that anybody can verify (`proof::bundle`).
pub async fn export(
    State(hub): State<Arc<Hub>>,
    query: Result<Query<ProofQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|e| Problem::invalid(e.body_text()))?;
    let last = hub.log.last();
    let place = |name: &str, given: &Option<String>, default: u64| match given {
        None => Ok(default),
        Some(text) => parse_event_id(text).ok_or_else(|| {
            Problem::invalid(format!("{name}={text:?} is not an event's id or sequence"))
        }),
    };
    let range = Range { from: place("from", &query.from, 1)?, to: place("to", &query.to, last)? };
    if range.from > range.to || range.to > last {
        let detail = format!(
            "events {} to {} are not all in the log, whose last is {last}",
            range.from, range.to
        );
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-range", detail));
    }
    let checked = query.filter().check()?;
    if !checked.is_open() {
        let index = hub.index.clone();
        let current = tokio::task::spawn_blocking(move || index.view().map(drop)).await;
        current.map_err(QueryError::from)?.map_err(QueryError::Index)?;
    }
    let body = written("an export", move |out| write(&hub, range, &checked, out));
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], body).into_response())
}

fn write(
    hub: &Hub,
    range: Range,
    checked: &Checked,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut shown = |page: &[Record]| {
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(Vec::new()) };
        let mut taken = among(&hub.index, checked, (first.sequence, last.sequence))?;
        taken.retain(|sequence| {
            let record = page.get(usize::try_from(sequence - first.sequence).unwrap_or(usize::MAX));
            record.and_then(|r| cloud_event(r).ok()).is_some_and(|event| checked.has_text(&event))
        });
        Ok(taken)
    };
    proof::write_bundle(&*hub.log, &hub.checkpoints, range, &mut shown, out)
}

/// `POST /v1/deliveries/digest`: what events carry as `deliveryhash` if this is the raw body of the
/// delivery that they came in. The digest is keyed, so that nobody can guess at personal data with
/// it; whoever kept a copy of a delivery asks here whether it is the one.
pub async fn delivery_digest(State(hub): State<Arc<Hub>>, body: Bytes) -> Json<Value> {
    Json(json!({ "deliveryhash": hex::encode(hub.journal.digest(&body)) }))
}
