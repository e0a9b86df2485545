//! One attempt at an action: look up if need be, send, tell the log.
use super::circuit::Change;
use super::outcome::{Failed, failed, unfit};
use super::{Job, Shared, append_stubbornly};
use crate::call::{self, CallFailure};
use crate::clock;
use crate::connections::Connection;
use crate::egress::CallState;
use crate::journal::{Draft, JournalError};
use crate::stored::{Source, Verified};
use crate::vault::key_file::day_owner;
use backon::BackoffBuilder as _;
use hub_sandbox::types::Failure;
use hub_sandbox::{Entry, Input};
use hub_schemas::Payload;
use hub_schemas::events::action::{
    ActionCompleted, ActionError, ActionFailed, ActionKind, ActionRetrying, ActionStarted,
    ErrorClass,
};
use hub_schemas::events::ops::{CircuitClosed, CircuitOpened};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What follows.
pub enum Next {
    /// Nothing: the action has ended.
    Ended,
    /// Another attempt, after this long.
    Again(Duration),
}

/// After the log itself refused: the process is on its way down, or its disk is.
const LOG_STOPPED_WAIT: Duration = Duration::from_secs(5);

/// Makes the next attempt at a job.
pub async fn run(shared: &Shared, job: &mut Job) -> Next {
    match attempt(shared, job).await {
        Ok(next) => next,
        Err(error) => {
            tracing::error!(action = %job.action, %error, "an action's outcome could not be recorded");
            Next::Again(LOG_STOPPED_WAIT)
        }
    }
}

async fn attempt(shared: &Shared, job: &mut Job) -> Result<Next, JournalError> {
    let Some(connection) = shared.connections.get(job.connection.as_str()).cloned() else {
        let why = format!("connection {} is not configured", job.connection);
        return end_failed(shared, job, unsupported(&why)).await;
    };
    job.attempts += 1;
    let started = ActionStarted { action: job.action.clone(), attempt: job.attempts };
    append_stubbornly(&shared.journal, &[draft(job, started)]).await?;
    if job.unsure {
        match look_up(shared, &connection, job).await {
            Ok(None) => job.unsure = false,
            Ok(Some(result)) => {
                return end_completed(shared, job, &connection, result, true, vec![]).await;
            }
            Err(failed) => return after_failure(shared, job, still_unknown(failed)).await,
        }
    }
    let mut moved = false;
    match act(shared, &connection, job, &mut moved).await {
        Ok((result, events)) => {
            note(shared, job, false, "").await?;
            end_completed(shared, job, &connection, result, false, events).await
        }
        Err(failed) => {
            job.unsure = failed.error.class == ErrorClass::UnknownOutcome;
            after_failure(shared, job, failed).await
        }
    }
}

/// Whatever a look-up failed with, it says nothing of the payment or account that it was for.
fn still_unknown(mut failed: Failed) -> Failed {
    failed.error.class = ErrorClass::UnknownOutcome;
    failed.retry = true;
    failed
}

type Acted = (Value, Vec<hub_sandbox::types::Event>);

async fn act(
    shared: &Shared,
    connection: &Arc<Connection>,
    job: &Job,
    moved: &mut bool,
) -> Result<Acted, Failed> {
    let request = opened(shared, &job.request).await?;
    let mut state = CallState::default();
    if job.kind == ActionKind::PlatformCreateAccount {
        let text = |name: &str| job.request.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, client) = (text("provisioning"), text("client"));
        let passwords = shared
            .credentials
            .for_provisioning(id, client)
            .await
            .map_err(|error| unfit(&error.to_string(), false))?;
        state = CallState::with_secrets(passwords.secrets());
    }
    let name = job.kind.name();
    let entry = Entry::action(name)
        .ok_or_else(|| unsupported(&format!("the contract has no action {name}")))?;
    let input = Input::Request(request.to_string());
    let now_ms = clock::now_ms();
    let ended = call::run_watched(connection, entry, input, &mut state, now_ms, moved).await;
    let outcome = ended.map_err(|failure| failed(failure, *moved))?;
    let result = shared.results.take(name, outcome.output).map_err(|why| unfit(&why, *moved))?;
    Ok((result, outcome.events))
}

/// Did an earlier attempt reach the vendor? Nothing also where nobody can say: the vendor then
/// honours the idempotency key, or the connector itself searches before it acts.
async fn look_up(
    shared: &Shared,
    connection: &Arc<Connection>,
    job: &Job,
) -> Result<Option<Value>, Failed> {
    let (name, request) = match job.kind {
        ActionKind::PspCreatePayment => {
            ("psp.find-payment", json!({ "request": job.request, "sent_ms": job.requested_ms }))
        }
        ActionKind::PlatformCreateAccount => {
            ("platform.find-account", json!({ "request": job.request }))
        }
        _ => return Ok(None),
    };
    let Some(entry) = Entry::action(name).filter(|e| connection.connector.has(*e)) else {
        return Ok(None);
    };
    let request = opened(shared, &request).await?;
    let input = Input::Request(request.to_string());
    let called = call::run(connection, entry, input, CallState::default(), clock::now_ms()).await;
    let outcome = match called {
        Ok(outcome) => outcome,
        Err(CallFailure::Failed(Failure::Unsupported(_))) => return Ok(None),
        Err(failure) => return Err(failed(failure, true)),
    };
    let result = shared.results.take(name, outcome.output).map_err(|why| unfit(&why, true))?;
    Ok(result.get("found").filter(|found| !found.is_null()).cloned())
}

async fn opened(shared: &Shared, request: &Value) -> Result<Value, Failed> {
    let mut request = request.clone();
    shared
        .journal
        .sealer()
        .open_all(&mut request)
        .await
        .map_err(|error| unfit(&error.to_string(), false))?;
    Ok(request)
}

async fn after_failure(shared: &Shared, job: &Job, failed: Failed) -> Result<Next, JournalError> {
    let vendors = matches!(
        failed.error.class,
        ErrorClass::Transient | ErrorClass::UnknownOutcome | ErrorClass::Unauthorised
    );
    // A vendor that says no is in order.
    // Everybody reads why a circuit opened: a vendor's words may name a client.
    note(shared, job, vendors, &in_short(&failed.error)).await?;
    if !failed.retry || job.attempts >= shared.config.attempts_max {
        return end_failed(shared, job, failed).await;
    }
    let wait = backoff(shared, job.attempts)
        .max(Duration::from_millis(failed.after_ms.unwrap_or(0)))
        .min(Duration::from_millis(shared.config.backoff_max_ms));
    let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    tracing::info!(action = %job.action, kind = job.kind.name(), connection = %job.connection,
        attempt = job.attempts, error = %in_short(&failed.error), wait_ms, "action will be retried");
    let retrying = ActionRetrying {
        action: job.action.clone(),
        attempt: job.attempts,
        error: failed.error,
        retry_at_ms: clock::now_ms().saturating_add(wait_ms),
    };
    append_stubbornly(&shared.journal, &[draft(job, retrying)]).await?;
    Ok(Next::Again(wait))
}

/// Doubles with every attempt, with jitter.
fn backoff(shared: &Shared, attempt: u32) -> Duration {
    let max = Duration::from_millis(shared.config.backoff_max_ms);
    backon::ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(Duration::from_millis(shared.config.backoff_min_ms))
        .with_max_delay(max)
        .without_max_times()
        .build()
        .nth(attempt.saturating_sub(1) as usize)
        .unwrap_or(max)
        .min(max)
}

async fn end_failed(shared: &Shared, job: &Job, failed: Failed) -> Result<Next, JournalError> {
    tracing::warn!(action = %job.action, kind = job.kind.name(), connection = %job.connection,
        attempts = job.attempts, error = %in_short(&failed.error), "action failed");
    let ended = ActionFailed {
        action: job.action.clone(),
        kind: job.kind,
        connection: job.connection.clone(),
        attempts: job.attempts,
        error: failed.error,
    };
    append_stubbornly(&shared.journal, &[draft(job, ended)]).await?;
    Ok(Next::Ended)
}

async fn end_completed(
    shared: &Shared,
    job: &Job,
    connection: &Connection,
    mut result: Value,
    found: bool,
    events: Vec<hub_sandbox::types::Event>,
) -> Result<Next, JournalError> {
    let personal = shared.results.personal(job.kind.name());
    let owner = job.client.as_ref().map(ToString::to_string);
    let owner = owner.unwrap_or_else(|| day_owner(clock::now_ms()));
    shared.journal.sealer().seal(&owner, &mut result, personal).await?;
    let ended = ActionCompleted {
        action: job.action.clone(),
        kind: job.kind,
        connection: job.connection.clone(),
        attempts: job.attempts,
        result,
        found,
    };
    let mut drafts = vec![draft(job, ended)];
    for event in events {
        // What an action tells beside its result is welcome, and never worth losing the result.
        if !connection.manifest.event_types.contains(&event.type_) {
            tracing::warn!(connection = %connection.id, event_type = event.type_,
                "an action's event is not declared by the manifest: dropped");
            continue;
        }
        match Payload::parse_str(&event.type_, &event.data) {
            Ok(payload) => {
                let time_ms = event.time_ms.unwrap_or_else(clock::now_ms);
                let mut told =
                    Draft::new(Source::Connection, time_ms, payload).over(&connection.id);
                told.verified = Some(Verified::Fetched);
                told.vendor_event = event.id;
                told.client.clone_from(&job.client);
                told.cause = job.cause;
                told.correlation = job.correlation.clone();
                drafts.push(told);
            }
            Err(error) => tracing::warn!(connection = %connection.id, %error,
                "an action's event does not fit its schema: dropped"),
        }
    }
    append_stubbornly(&shared.journal, &drafts).await?;
    Ok(Next::Ended)
}

async fn note(shared: &Shared, job: &Job, bad: bool, why: &str) -> Result<(), JournalError> {
    let now_ms = clock::now_ms();
    let told: Payload = match shared.circuits.note(&job.connection, bad) {
        Change::None => return Ok(()),
        Change::Opened(failures) => {
            CircuitOpened { connection: job.connection.clone(), failures, reason: why.to_owned() }
                .into()
        }
        Change::Closed => CircuitClosed { connection: job.connection.clone() }.into(),
    };
    let draft = Draft::new(Source::Dispatch, now_ms, told).over(&job.connection);
    append_stubbornly(&shared.journal, &[draft]).await
}

fn in_short(error: &ActionError) -> String {
    match &error.vendor_code {
        Some(code) => format!("{} ({code})", error.class.word()),
        None => error.class.word().to_owned(),
    }
}

fn draft(job: &Job, payload: impl Into<Payload>) -> Draft {
    let mut draft = Draft::new(Source::Dispatch, clock::now_ms(), payload).over(&job.connection);
    draft.cause = job.cause;
    draft.client.clone_from(&job.client);
    draft.correlation = job.correlation.clone();
    draft
}

fn unsupported(why: &str) -> Failed {
    let mut failed = unfit(why, false);
    failed.error.class = ErrorClass::Unsupported;
    failed.retry = false;
    failed
}
