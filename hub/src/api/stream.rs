//! `GET /v1/events/stream`: the live log as server-sent events (WHATWG HTML, section 9.2).
use super::Problem;
use crate::app::Hub;
use crate::query::{Checked, Filter, among};
use crate::stored::{cloud_event, parse_event_id};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use hub_index::IndexError;
use hub_log::{ReadError, Record};
use hub_schemas::CloudEvent;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Records taken at once by a follower.
const BATCH_RECORDS: usize = 256;
/// Between two looks at an index that is being built.
const INDEX_WAIT: Duration = Duration::from_millis(500);

/// Those of the records that the filter takes; nothing when that cannot be told any more. While
/// the index is being built again the stream waits for it: nothing is left out.
async fn matching(
    hub: &Arc<Hub>,
    checked: &Arc<Checked>,
    records: Vec<Record>,
) -> Option<Vec<CloudEvent>> {
    let bounds = (records.first()?.sequence, records.last()?.sequence);
    let wanted = loop {
        let (index, checked) = (hub.index.clone(), checked.clone());
        match tokio::task::spawn_blocking(move || among(&index, &checked, bounds)).await {
            Ok(Ok(wanted)) => break wanted,
            Ok(Err(IndexError::Behind { .. })) => {
                tokio::select! {
                    () = hub.stop.cancelled() => return None,
                    () = tokio::time::sleep(INDEX_WAIT) => {}
                }
            }
            failed => {
                // The reader comes again with the last id it has seen.
                tracing::error!(?failed, "a stream ends: its filter could not be asked");
                return None;
            }
        }
    };
    let taken = records.iter().filter(|record| wanted.binary_search(&record.sequence).is_ok());
    let mut events = Vec::new();
    for record in taken {
        match cloud_event(record) {
            Ok(event) if checked.has_text(&event) => events.push(event),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "a stream ends: an event cannot be shown");
                return None;
            }
        }
    }
    Some(events)
}

/// Streams what is appended after `Last-Event-ID`, else after `after`, else from now on.
pub async fn stream(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(filter) = filter.map_err(|e| Problem::invalid(e.body_text()))?;
    let checked = Arc::new(filter.check()?);
    let resumed = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| parse_event_id(v).or(v.parse().ok()));
    let after = resumed.or(checked.after()).unwrap_or_else(|| hub.log.last());
    let last = hub.log.last();
    if after > last {
        // A log that was restored from a backup gives these numbers anew.
        return Err(Problem::invalid(format!(
            "event {after} is not in the log, whose last is {last}; was it restored? Leave out \
             Last-Event-ID and after, or name an event that is there"
        )));
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(BATCH_RECORDS);
    let stop = hub.stop.clone();
    tokio::spawn(async move {
        let mut follower = hub.log.follow(after);
        // Where the reader is, told with nothing else: one that saw no match yet comes back here.
        let place = |sequence: u64| Event::default().id(sequence.to_string());
        if sender.send(place(after)).await.is_err() {
            return;
        }
        loop {
            let records = tokio::select! {
                () = stop.cancelled() => return,
                () = sender.closed() => return,
                records = follower.next_batch(BATCH_RECORDS) => match records {
                    Ok(records) => records,
                    Err(ReadError::Closed) => return,
                    Err(error) => {
                        tracing::error!(%error, "a stream ends: the log could not be read");
                        return;
                    }
                },
            };
            let end = follower.position();
            let mut told_to = 0;
            let Some(events) = matching(&hub, &checked, records).await else { return };
            for event in events {
                let data = serde_json::to_string(&event).unwrap_or_default();
                let told =
                    Event::default().id(event.sequence.to_string()).event("event").data(data);
                told_to = event.sequence;
                if sender.send(told).await.is_err() {
                    return;
                }
            }
            if told_to < end && sender.send(place(end)).await.is_err() {
                return;
            }
        }
    });
    let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (Ok(event), receiver))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().text("keep-alive")))
}
