//! Polls: the hub asks from time to time; cursor and events become durable together.
use super::webhook::Ingest;
use crate::call::{self, CallFailure};
use crate::clock;
use crate::connections::Connection;
use crate::egress::CallState;
use crate::journal::{Draft, JournalError};
use crate::stored::{Source, Verified};
use backon::BackoffBuilder as _;
use hub_log::{Appended, Batch, Put, PutValue, ReadError, Table};
use hub_sandbox::types::Failure;
use hub_sandbox::{Entry, Input};
use hub_schemas::events::ops::DeliveryQuarantined;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const CURSORS: Table = Table::new("cursors");
/// The longest wait after failures in a row.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Calls in a row that say `more`, before others get their turn.
const MORE_MAX: usize = 100;

/// Why a poll gave nothing.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error(transparent)]
    Call(#[from] CallFailure),
    #[error("it gave no cursor")]
    NoCursor,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Polls one connection until told to stop.
pub async fn run(
    ingest: Arc<Ingest>,
    connection: Arc<Connection>,
    paused: impl Fn() -> bool,
    stop: CancellationToken,
) {
    let every = Duration::from_millis(connection.poll_every_ms);
    let backoff = || {
        backon::ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(every.max(Duration::from_millis(100)))
            .with_max_delay(BACKOFF_MAX)
            .without_max_times()
            .build()
    };
    let mut delays = backoff();
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        if paused() {
            wait = every;
            continue;
        }
        match drain(&ingest, &connection).await {
            Ok(()) => {
                connection.health.last_poll_ms.store(clock::now_ms(), Relaxed);
                connection.note(false);
                delays = backoff();
                wait = every;
            }
            Err(error) => {
                wait = delays.next().unwrap_or(BACKOFF_MAX);
                if let PollError::Call(CallFailure::Failed(Failure::Transient((_, Some(ms))))) =
                    &error
                {
                    wait = wait.max(Duration::from_millis(*ms)).min(BACKOFF_MAX);
                }
                let failures = connection.note(true);
                tracing::warn!(connection = %connection.id, failures, %error,
                    next_ms = wait.as_millis() as u64, "poll failed");
            }
        }
    }
}

async fn drain(ingest: &Ingest, connection: &Arc<Connection>) -> Result<(), PollError> {
    for _ in 0..MORE_MAX {
        if !once(ingest, connection).await? {
            break;
        }
    }
    Ok(())
}

/// One poll; says whether there is more.
async fn once(ingest: &Ingest, connection: &Arc<Connection>) -> Result<bool, PollError> {
    let now_ms = clock::now_ms();
    let key = connection.id.as_str().as_bytes();
    let cursor = ingest
        .journal
        .log()
        .table_get(CURSORS, key)?
        .map(|c| String::from_utf8_lossy(&c).into_owned());
    let outcome = call::run(
        connection,
        Entry::POLL_NEXT,
        Input::Cursor(cursor.clone()),
        CallState::default(),
        now_ms,
    )
    .await?;
    let next = outcome.cursor.ok_or(PollError::NoCursor)?;
    let mut drafts = Vec::new();
    let mut refused = Vec::new();
    for event in outcome.events {
        // One event that does not fit must not hold up those behind it.
        let shown = event.clone();
        match ingest.drafts(connection, vec![event], now_ms, Verified::Fetched) {
            Ok(mut one) => drafts.append(&mut one),
            Err(why) => refused.push((shown, why)),
        }
    }
    let content = ingest.journal.digest(next.as_bytes());
    let mut records = ingest.records(connection, &drafts, &content).await?;
    for (event, why) in refused {
        let hash = hex::encode(ingest.journal.digest(event.data.as_bytes()));
        let told = DeliveryQuarantined {
            quarantine: format!("q_{}", &hash[..20]),
            connection: connection.id.clone(),
            class: why.class().to_owned(),
            reason: format!("{why} (from a poll: the vendor still has it)"),
            connector: call::connector_name(connection),
        };
        tracing::warn!(connection = %connection.id, class = %told.class, "polled event refused");
        let draft = Draft::new(Source::Ingest, now_ms, told).over(&connection.id);
        records.push(hub_log::NewRecord::new(ingest.journal.encode(&draft).await?));
    }
    if records.is_empty() && cursor.as_deref() == Some(next.as_str()) {
        return Ok(outcome.more);
    }
    let put = Put { table: CURSORS, key: key.to_vec(), value: PutValue::Bytes(next.into_bytes()) };
    let batch = Batch { records, puts: vec![put], keep_if_duplicate: true, ..Batch::default() };
    let committed = ingest.journal.log().append(batch).await.map_err(JournalError::from)?;
    ingest.note_conflicts(connection, &drafts, &committed.records, now_ms).await;
    let new = committed.records.iter().filter(|r| matches!(r, Appended::New(_))).count();
    if new > 0 {
        connection.health.events.fetch_add(new as u64, Relaxed);
        connection.health.last_event_ms.store(now_ms, Relaxed);
    }
    Ok(outcome.more)
}
