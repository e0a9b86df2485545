//! `GET /v1/events/stream`: the live log as server-sent events (WHATWG HTML, section 9.2).
use super::Problem;
use crate::app::Hub;
use crate::query::Filter;
use crate::stored::{cloud_event, parse_event_id};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use std::convert::Infallible;
use std::sync::Arc;

/// Records taken at once by a follower.
const BATCH_RECORDS: usize = 256;

/// Streams what is appended after `Last-Event-ID`, else after `after`, else from now on.
pub async fn stream(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(filter) = filter.map_err(|e| Problem::invalid(e.body_text()))?;
    let checked = filter.check()?;
    let resumed = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| parse_event_id(v).or(v.parse().ok()));
    let after = resumed.or(checked.after()).unwrap_or_else(|| hub.log.last());
    let (sender, receiver) = tokio::sync::mpsc::channel(BATCH_RECORDS);
    let stop = hub.stop.clone();
    tokio::spawn(async move {
        let mut follower = hub.log.follow(after);
        loop {
            let records = tokio::select! {
                () = stop.cancelled() => return,
                () = sender.closed() => return,
                records = follower.next_batch(BATCH_RECORDS) => match records {
                    Ok(records) => records,
                    Err(_) => return,
                },
            };
            if let Some(last) = records.last() {
                hub.index.reached(last.sequence).await;
            }
            for record in &records {
                let Ok(event) = cloud_event(record) else { continue };
                if !hub.index.read(|maps| checked.passes(&event, maps)) {
                    continue;
                }
                let data = serde_json::to_string(&event).unwrap_or_default();
                let told =
                    Event::default().id(event.sequence.to_string()).event("event").data(data);
                if sender.send(told).await.is_err() {
                    return;
                }
            }
        }
    });
    let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (Ok(event), receiver))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().text("keep-alive")))
}
