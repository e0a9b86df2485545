//! Drives one call of a connector: step, request, step, until it is done.
use crate::connections::Connection;
use crate::egress::{CallState, Exchange};
use hub_sandbox::types::{Failure, Outcome, Reply, Step};
use hub_sandbox::{CallError, Connector, Entry, Input};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

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

/// How long the calls of a connector have lately taken, in microseconds: it decides where the next
/// one runs.
///
/// A call of microseconds runs on the async thread: to hand it to another thread and back costs
/// more than the call. But a guest may use its whole time slice, which would hold up everything
/// else that the thread does, so a connector has this trust only while its calls are quick.
#[derive(Debug)]
pub struct Pace(AtomicU32);

/// Up to here calls count as quick: a hundred times what a usual one takes is rare, and an async
/// thread that is busy for so long is not missed.
const QUICK_US_MAX: u32 = 500;
/// A slow call counts so much (one in so many): one that used up its time takes the trust at once.
const SLOWER_SHARE: i64 = 8;
/// A quick one so little: after such a call it takes hundreds of quick ones to get it back.
const QUICKER_SHARE: i64 = 64;

impl Default for Pace {
    /// A connector is not trusted before its first calls.
    fn default() -> Self {
        Self(AtomicU32::new(2 * QUICK_US_MAX))
    }
}

impl Pace {
    fn is_quick(&self) -> bool {
        self.0.load(Relaxed) < QUICK_US_MAX
    }

    /// Two at once may overwrite each other: it is an estimate.
    fn note(&self, took: Duration) {
        let so_far = self.0.load(Relaxed);
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let change = took - i64::from(so_far);
        let change = change / if change > 0 { SLOWER_SHARE } else { QUICKER_SHARE };
        // Division rounds towards zero: without the last step it would stop above what calls take.
        let next = i64::from(so_far) + if change == 0 { -1 } else { change };
        self.0.store(u32::try_from(next.max(0)).unwrap_or(u32::MAX), Relaxed);
    }
}

/// Calls at work in this process, whose one sandbox has so many instances and no more.
static AT_WORK: AtomicU32 = AtomicU32::new(0);

struct AtWork;

impl AtWork {
    fn begin() -> Self {
        AT_WORK.fetch_add(1, Relaxed);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Relaxed);
    }
}

/// Calls the connector about a delivery, on this thread if it is quick, else on one that may be
/// held up.
pub async fn about_delivery<T: Send + 'static>(
    connection: &Arc<Connection>,
    call: impl FnOnce(&Connector) -> Result<T, CallError> + Send + 'static,
) -> Result<T, CallFailure> {
    // Without a free instance a call waits for its turn, which an async thread must not.
    let free = AT_WORK.load(Relaxed) < connection.connector.limits().instances_max / 2;
    let timed = move |connection: &Connection| {
        let _at_work = AtWork::begin();
        let started = Instant::now();
        let result = call(&connection.connector);
        connection.pace.note(started.elapsed());
        result
    };
    let result = if free && connection.pace.is_quick() {
        timed(connection)
    } else {
        let connection = connection.clone();
        tokio::task::spawn_blocking(move || timed(&connection))
            .await
            .map_err(|_| CallFailure::Cancelled)?
    };
    result.map_err(|source| sandbox_failure(connection, source))
}

fn sandbox_failure(connection: &Connection, source: CallError) -> CallFailure {
    CallFailure::Sandbox { connector: connector_name(connection), source }
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
        let (context, input) = (context.clone(), input.clone());
        let asked = history.clone();
        let step = if matches!(*input, Input::Delivery(_)) {
            let call = move |c: &Connector| c.call(entry, &context, &input, &asked);
            about_delivery(connection, call).await?
        } else {
            // A guest may use its whole time slice: it must not hold up the async threads.
            let connector = connection.connector.clone();
            tokio::task::spawn_blocking(move || connector.call(entry, &context, &input, &asked))
                .await
                .map_err(|_| CallFailure::Cancelled)?
                .map_err(|source| sandbox_failure(connection, source))?
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_comes_slowly_and_goes_at_once() {
        let pace = Pace::default();
        assert!(!pace.is_quick(), "a connector that nobody has seen is not trusted");
        let quick = || pace.note(Duration::from_micros(20));
        let calls = (1..=1_000)
            .take_while(|_| {
                quick();
                !pace.is_quick()
            })
            .count();
        assert!((10..200).contains(&calls), "{calls} quick calls until it is trusted");
        (0..1_000).for_each(|_| quick());
        pace.note(Duration::from_millis(250));
        assert!(!pace.is_quick(), "a call that used up its time takes the trust");
        (0..200).for_each(|_| quick());
        assert!(!pace.is_quick(), "and some quick ones do not give it back");
        (0..1_000).for_each(|_| quick());
        assert!(pace.is_quick(), "many do");
    }
}
