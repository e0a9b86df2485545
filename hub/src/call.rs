//! Drives one call of a connector: step, request, step, until it is done.
use crate::connections::Connection;
use crate::egress::{CallState, Exchange};
use hub_sandbox::types::{Failure, Outcome, Reply, Step};
use hub_sandbox::{CallError, Entry, Input};
use std::sync::Arc;

/// How a call ended without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The sandbox stopped it.
    #[error("connector {connector}: {source}")]
    Sandbox {
        /// Name and version.
        connector: String,
        /// What happened.
        source: CallError,
    },
    /// It asked for more requests than one call may.
    #[error("connector {connector} asked for more than {steps_max} requests in one call")]
    Steps {
        /// Name and version.
        connector: String,
        /// The limit.
        steps_max: usize,
    },
    /// It asked for something that is not allowed, or the vendor did not prove itself.
    #[error("{message}")]
    Refused {
        /// Why; shows no secret.
        message: String,
        /// It is about credentials.
        unauthorised: bool,
    },
    /// It said so itself.
    #[error("{}", describe(.0))]
    Failed(Failure),
    /// The hub is shutting down.
    #[error("the hub is shutting down")]
    Cancelled,
}

impl CallFailure {
    /// A stable word for quarantine and metrics.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Sandbox { source, .. } => source.class(),
            Self::Steps { .. } => "steps",
            Self::Refused { .. } => "refused",
            Self::Failed(Failure::NotUnderstood(_)) => "not-understood",
            Self::Failed(_) => "vendor",
            Self::Cancelled => "cancelled",
        }
    }

    /// The connector is to blame, not the vendor.
    pub fn is_connectors_fault(&self) -> bool {
        matches!(self, Self::Sandbox { .. } | Self::Steps { .. })
            || matches!(self, Self::Refused { unauthorised: false, .. })
    }
}

fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Transient((why, _))
        | Failure::InvalidRequest(why)
        | Failure::Unauthorised(why)
        | Failure::Unsupported(why)
        | Failure::UnknownOutcome(why)
        | Failure::NotUnderstood(why) => why.clone(),
        Failure::Declined(decline) => format!("declined: {} {}", decline.code, decline.message),
    }
}

/// A connector's name and version, for messages.
pub fn connector_name(connection: &Connection) -> String {
    format!("{} {}", connection.manifest.name, connection.manifest.version)
}

/// Runs a call to its end.
pub async fn run(
    connection: &Arc<Connection>,
    entry: Entry,
    input: Input,
    mut state: CallState,
    now_ms: i64,
) -> Result<Outcome, CallFailure> {
    run_watched(connection, entry, input, &mut state, now_ms, &mut false).await
}

/// As [`run`]; `moved` becomes true once a request that is unsafe to repeat may have left.
pub async fn run_watched(
    connection: &Arc<Connection>,
    entry: Entry,
    input: Input,
    state: &mut CallState,
    now_ms: i64,
    moved: &mut bool,
) -> Result<Outcome, CallFailure> {
    let context = Arc::new(connection.context(now_ms));
    let input = Arc::new(input);
    let mut history: Arc<Vec<Reply>> = Arc::new(Vec::new());
    let steps_max = connection.connector.limits().steps_max;
    loop {
        let step = {
            let (connector, context) = (connection.connector.clone(), context.clone());
            let (input, history) = (input.clone(), history.clone());
            // A guest may use its whole time slice: it must not hold up the async threads.
            tokio::task::spawn_blocking(move || connector.call(entry, &context, &input, &history))
                .await
                .map_err(|_| CallFailure::Cancelled)?
        };
        let step = step.map_err(|source| CallFailure::Sandbox {
            connector: connector_name(connection),
            source,
        })?;
        let request = match step {
            Step::Done(outcome) => return Ok(outcome),
            Step::Fail(failure) => return Err(CallFailure::Failed(failure)),
            Step::Send(request) => request,
        };
        if history.len() >= steps_max {
            return Err(CallFailure::Steps { connector: connector_name(connection), steps_max });
        }
        match connection.egress.perform(&request, state, now_ms).await {
            Exchange::Reply(reply) => {
                *moved |= request.unsafe_to_repeat && !matches!(reply, Reply::NotSent(_));
                Arc::make_mut(&mut history).push(reply);
            }
            Exchange::Refused { message, unauthorised } => {
                return Err(CallFailure::Refused { message, unauthorised });
            }
        }
    }
}
