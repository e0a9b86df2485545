//! Actions out: what the deciders ask for is done at the vendors, once.
//!
//! Invariants:
//! - `action.started` is durable before the first byte leaves. After a crash, an action that was
//!   started and has no outcome is one whose outcome is unknown.
//! - Where money may have moved or an account may have been opened, every attempt after the first
//!   is preceded by a look-up, if the connector has one; without one, the same idempotency key
//!   goes out again, and the vendor answers as it did the first time.
//! - Every attempt and its error is an event; retries survive a restart.
mod attempt;
mod circuit;
mod outcome;

pub use circuit::Circuits;

use crate::clock;
use crate::config::Dispatch;
use crate::connections::Connections;
use crate::engine::{EngineHandle, decode};
use crate::journal::{Draft, Journal, JournalError};
use crate::stored::Source;
use crate::vault::Credentials;
use attempt::Next;
use hub_domain::actions::ActionState;
use hub_log::{AppendError, ReadError};
use hub_schemas::events::action::ActionKind;
use hub_schemas::events::ops::CircuitClosed;
use hub_schemas::{ActionId, ClientId, ConnectionId, Payload};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;

/// Records read at once.
const PAGE_RECORDS: usize = 256;
/// How often open circuits are looked at.
const CIRCUITS_EVERY: Duration = Duration::from_millis(500);
/// How long a stop waits for attempts under way.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// An action on its way.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub action: ActionId,
    /// What is asked.
    pub kind: ActionKind,
    /// Of whom.
    pub connection: ConnectionId,
    /// The request, personal fields sealed.
    pub request: Value,
    /// When it was asked for, Unix milliseconds.
    pub requested_ms: i64,
    /// Attempts so far.
    pub attempts: u32,
    /// An attempt may have reached the vendor, and nobody knows what came of it.
    pub unsure: bool,
    /// The flow it belongs to.
    pub correlation: Option<String>,
    /// The event that asked for it, if known.
    pub cause: Option<u64>,
    /// Whom it is about: what vendors say of it is sealed for them.
    pub client: Option<ClientId>,
}

/// What attempts need.
pub struct Shared {
    /// Where outcomes go.
    pub journal: Arc<Journal>,
    /// Vendors.
    pub connections: Arc<Connections>,
    /// Passwords of accounts to be opened.
    pub credentials: Arc<Credentials>,
    /// How often, and how long between.
    pub config: Dispatch,
    /// Who is out of order.
    pub circuits: Circuits,
    /// Schemas of results.
    pub results: outcome::ResultSchemas,
}

/// The dispatcher.
pub struct Dispatcher {
    shared: Arc<Shared>,
    engine: EngineHandle,
    due: DelayQueue<Job>,
    known: HashSet<ActionId>,
}

impl Dispatcher {
    /// With nothing to do yet.
    pub fn new(shared: Arc<Shared>, engine: EngineHandle) -> Self {
        Self { shared, engine, due: DelayQueue::new(), known: HashSet::new() }
    }

    /// Takes up what was open when the hub stopped. `after` is the end of the log that the
    /// engine's state covers.
    pub fn resume(&mut self) {
        let now_ms = clock::now_ms();
        for connection in self.shared.connections.iter() {
            if self.engine.read(|s| s.connection(&connection.id).circuit_open.is_some()) {
                self.shared.circuits.take_up(&connection.id);
            }
        }
        let open: Vec<(Job, i64)> = self.engine.read(|state| {
            state
                .open_actions()
                .filter_map(|(id, action)| {
                    let at_ms = match action.state {
                        ActionState::Retrying { at_ms } => at_ms,
                        _ => now_ms,
                    };
                    let job = Job {
                        action: id.clone(),
                        kind: action.kind,
                        connection: action.connection.clone(),
                        request: action.request.clone()?,
                        requested_ms: action.requested_ms,
                        attempts: action.attempts,
                        unsure: action.attempts > 0,
                        correlation: None,
                        cause: None,
                        client: state.client_of_data(action.request.as_ref()?),
                    };
                    Some((job, at_ms))
                })
                .collect()
        });
        if !open.is_empty() {
            tracing::info!(actions = open.len(), "taking up open actions");
        }
        for (job, at_ms) in open {
            self.known.insert(job.action.clone());
            let wait = Duration::from_millis(u64::try_from(at_ms - now_ms).unwrap_or(0));
            self.due.insert(job, wait);
        }
    }

    /// Follows the log after `after` and works until told to stop; then waits for what is under
    /// way.
    pub async fn run(mut self, after: u64, stop: CancellationToken) -> Result<(), ReadError> {
        let mut follower = self.shared.journal.log().follow(after);
        let mut working: JoinSet<(Job, Next)> = JoinSet::new();
        let mut look = tokio::time::interval(CIRCUITS_EVERY);
        loop {
            let free = working.len() < self.shared.config.at_once_max;
            tokio::select! {
                () = stop.cancelled() => break,
                Some(finished) = working.join_next(), if !working.is_empty() => {
                    self.finished(finished);
                }
                Some(expired) = next_due(&mut self.due), if free => {
                    self.start(expired, &mut working);
                }
                _ = look.tick() => self.close_expired().await,
                records = follower.next_batch(PAGE_RECORDS) => self.take(&records?),
            }
        }
        let drain = async { while working.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_MAX, drain).await.is_err() {
            tracing::warn!("actions under way were left: they are looked up at the next start");
        }
        Ok(())
    }

    /// A circuit whose time is over is told closed, so that routing sends it traffic again.
    async fn close_expired(&self) {
        for connection in self.shared.circuits.expired() {
            let closed = CircuitClosed { connection: connection.clone() };
            let draft = Draft::new(Source::Dispatch, clock::now_ms(), closed).over(&connection);
            if let Err(error) = append_stubbornly(&self.shared.journal, &[draft]).await {
                tracing::error!(%connection, %error, "a closed circuit could not be recorded");
            }
        }
    }

    fn take(&mut self, records: &[hub_log::Record]) {
        for record in records {
            // The engine stops at a record that cannot be decoded, and says so.
            let Ok(decoded) = decode(record) else { continue };
            let Payload::ActionRequested(asked) = decoded.event.payload else { continue };
            if !self.known.insert(asked.action.clone()) {
                continue;
            }
            let client = self.engine.read(|state| state.client_of_data(&asked.request));
            let job = Job {
                client,
                action: asked.action,
                kind: asked.kind,
                connection: asked.connection,
                request: asked.request,
                requested_ms: decoded.event.recorded_ms,
                attempts: 0,
                unsure: false,
                correlation: decoded.correlation,
                cause: Some(record.sequence),
            };
            self.due.insert(job, Duration::ZERO);
        }
    }

    fn start(&mut self, job: Job, working: &mut JoinSet<(Job, Next)>) {
        let held = self.engine.read(|state| state.connection(&job.connection).paused);
        if held.is_some() {
            self.due.insert(job, Duration::from_secs(1));
            return;
        }
        if let Some(wait) = self.shared.circuits.wait(&job.connection) {
            self.due.insert(job, wait);
            return;
        }
        let shared = self.shared.clone();
        working.spawn(async move {
            let mut job = job;
            let next = attempt::run(&shared, &mut job).await;
            (job, next)
        });
    }

    fn finished(&mut self, finished: Result<(Job, Next), tokio::task::JoinError>) {
        match finished {
            Ok((job, Next::Ended)) => drop(self.known.remove(&job.action)),
            Ok((job, Next::Again(wait))) => drop(self.due.insert(job, wait)),
            // The job is lost to this process; it is open in the log, and the next start has it.
            Err(error) => tracing::error!(%error, "an action's attempt failed in the hub itself"),
        }
    }
}

async fn next_due(due: &mut DelayQueue<Job>) -> Option<Job> {
    if due.is_empty() {
        return std::future::pending().await;
    }
    std::future::poll_fn(|cx| due.poll_expired(cx))
        .await
        .map(tokio_util::time::delay_queue::Expired::into_inner)
}

/// Appends what must not be lost: waits while the log is busy or the disk is full. Fails only when
/// the log itself has stopped.
pub async fn append_stubbornly(journal: &Journal, drafts: &[Draft]) -> Result<(), JournalError> {
    let mut records = Vec::with_capacity(drafts.len());
    for draft in drafts {
        records.push(hub_log::NewRecord::new(journal.encode(draft).await?));
    }
    let batch = hub_log::Batch { records, ..hub_log::Batch::default() };
    loop {
        let wait_ms = match journal.log().append(batch.clone()).await {
            Ok(_) => return Ok(()),
            Err(AppendError::Busy { retry_after_ms }) => retry_after_ms,
            Err(AppendError::Full { .. } | AppendError::ReadOnly) => 1_000,
            Err(error) => return Err(error.into()),
        };
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}
