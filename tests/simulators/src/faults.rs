//! Faults: what goes wrong, when, and how it looks on the wire.
//!
//! A rule names an operation (or `*`), says when it applies, and what it does. Rules may be added and removed at
//! any moment; the oldest rule that applies wins.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::{Connection, Ids};

/// What goes wrong with one API call. In JSON: `{"timeout_after_acting": 500}` (milliseconds), `"garbage_body"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The vendor refuses for business reasons, with its own code; what codes exist is the vendor's matter.
    Decline {
        /// The vendor's code, such as `insufficient_funds` (Stripe), `2` (Adyen) or `3006` (MT5).
        code: String,
    },
    /// Nothing is done; the connection hangs for so long and is then reset.
    TimeoutBeforeActing(#[serde(with = "millis")] Duration),
    /// All is done; then the connection hangs for so long and is reset, so the caller cannot know.
    TimeoutAfterActing(#[serde(with = "millis")] Duration),
    /// Nothing is done; the vendor's error body with this status.
    Status {
        /// 429, 500, 503 …
        status: u16,
        /// The `Retry-After` header, in seconds.
        retry_after_s: Option<u32>,
    },
    /// All is done, yet the answer is the vendor's error body with this status.
    StatusAfterActing {
        /// 500, 502 …
        status: u16,
    },
    /// Nothing is done; the connection is reset at once.
    ResetConnection,
    /// All is done; the connection is reset with no answer.
    ResetAfterActing,
    /// All is done; the answer is status 200 and a page that is not the vendor's format.
    GarbageBody,
    /// All is done; half of the answer's body arrives, and the connection closes.
    TruncatedBody,
    /// All is done; the answer's body trickles in over this time.
    SlowBody(#[serde(with = "millis")] Duration),
}

/// What goes wrong with one webhook. In JSON: `{"duplicate": {"times": 2}}`, `{"delay": 500}` (milliseconds).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// Sent this many times more, each until acknowledged.
    Duplicate {
        /// Copies beyond the first.
        times: u32,
    },
    /// Held until the next one has been acknowledged, or the sender's `reorder_hold` has passed.
    Reorder,
    /// Sent so much later.
    Delay(#[serde(with = "millis")] Duration),
    /// The first attempt carries a signature made with another key; later ones are right.
    WrongSignature,
    /// The first attempt carries half of the body (signed whole); later ones are right.
    TruncatedBody,
    /// The first attempt is signed with a time this many seconds in the past; later ones are right.
    /// Means nothing where the vendor signs no time.
    StaleTimestamp(u32),
    /// Never sent.
    Drop,
}

/// When a rule applies, counted over the calls that match it since it was added.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Each time.
    Always,
    /// The next so many times.
    Next(u32),
    /// Only the n-th time, counting from 1.
    Nth(u32),
    /// With this probability (0 to 1), drawn from the simulator's seed.
    Probability(f64),
}

/// A rule. In JSON: `{"operation": "create-payment", "when": {"next": 2}, "fault": "reset_connection"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule<F> {
    /// The operation's name (for a webhook: the event's type), or `*`.
    pub operation: String,
    /// Only where the request (its path and query, and its body) holds this text; for a webhook, its body.
    #[serde(default)]
    pub containing: Option<String>,
    /// When it applies.
    pub when: When,
    /// What it does.
    pub fault: F,
}

impl<F> Rule<F> {
    /// A rule for each call of `operation`.
    pub fn always(operation: &str, fault: F) -> Self {
        Self { operation: operation.into(), containing: None, when: When::Always, fault }
    }

    /// A rule for the next `times` calls of `operation`.
    pub fn next(operation: &str, times: u32, fault: F) -> Self {
        Self { when: When::Next(times), ..Self::always(operation, fault) }
    }

    /// A rule for the `n`-th call of `operation`, counting from 1.
    pub fn nth(operation: &str, n: u32, fault: F) -> Self {
        Self { when: When::Nth(n), ..Self::always(operation, fault) }
    }

    /// A rule for a share of the calls of `operation`.
    pub fn probability(operation: &str, share: f64, fault: F) -> Self {
        Self { when: When::Probability(share), ..Self::always(operation, fault) }
    }

    /// The same rule, only where the request holds `text`.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing = Some(text.into());
        self
    }
}

/// A rule with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleState<F> {
    /// What [`Faults::add`] gave.
    pub id: u64,
    /// The rule.
    pub rule: Rule<F>,
    /// Calls that matched.
    pub seen: u32,
    /// Calls that it made fail.
    pub applied: u32,
}

/// The handle on a simulator's faults; clones share the same rules.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Mutex<Rules>>);

#[derive(Debug)]
struct Rules {
    next_id: u64,
    dice: Ids,
    calls: Vec<RuleState<Fault>>,
    webhooks: Vec<RuleState<WebhookFault>>,
}

impl Faults {
    /// No rules; chance is drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Another stream than the simulator's identifiers, so that a rule does not change those.
        let dice = Ids::new(seed ^ 0xfa17);
        Self(Arc::new(Mutex::new(Rules { next_id: 1, dice, calls: vec![], webhooks: vec![] })))
    }

    fn rules<R>(&self, f: impl FnOnce(&mut Rules) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a rule for API calls; gives its id.
    pub fn add(&self, rule: Rule<Fault>) -> u64 {
        self.rules(|r| push(&mut r.next_id, &mut r.calls, rule))
    }

    /// Adds a rule for webhooks; gives its id.
    pub fn add_webhook(&self, rule: Rule<WebhookFault>) -> u64 {
        self.rules(|r| push(&mut r.next_id, &mut r.webhooks, rule))
    }

    /// Removes one rule; false when there is none with that id.
    pub fn remove(&self, id: u64) -> bool {
        self.rules(|r| {
            let before = r.calls.len() + r.webhooks.len();
            r.calls.retain(|rule| rule.id != id);
            r.webhooks.retain(|rule| rule.id != id);
            before != r.calls.len() + r.webhooks.len()
        })
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.rules(|r| {
            r.calls.clear();
            r.webhooks.clear();
        });
    }

    /// The rules for API calls and how often each has applied.
    #[must_use]
    pub fn call_rules(&self) -> Vec<RuleState<Fault>> {
        self.rules(|r| r.calls.clone())
    }

    /// The rules for webhooks and how often each has applied.
    #[must_use]
    pub fn webhook_rules(&self) -> Vec<RuleState<WebhookFault>> {
        self.rules(|r| r.webhooks.clone())
    }

    /// What is to go wrong with this call, if anything. Counts the call.
    #[must_use]
    pub fn pick(&self, operation: &str, request: &str) -> Option<Fault> {
        self.rules(|r| pick(&mut r.dice, &mut r.calls, operation, request))
    }

    /// What is to go wrong with this webhook, if anything. Counts it.
    #[must_use]
    pub fn pick_webhook(&self, kind: &str, body: &str) -> Option<WebhookFault> {
        self.rules(|r| pick(&mut r.dice, &mut r.webhooks, kind, body))
    }

    /// Runs one API call with whatever fault applies to it.
    ///
    /// `request` is what [`Rule::containing`] looks into. `error` gives the vendor's own error answer for a status.
    /// `act` does the call's work and must do all of it before it returns; its argument is the code of a decline.
    pub async fn around(
        &self,
        operation: &str,
        request: &str,
        connection: &Connection,
        error: impl FnOnce(u16) -> Response + Send,
        act: impl FnOnce(Option<String>) -> Response + Send,
    ) -> Response {
        match self.pick(operation, request) {
            None => act(None),
            Some(Fault::Decline { code }) => act(Some(code)),
            Some(Fault::ResetConnection) => connection.abort_and_never_return().await,
            Some(Fault::TimeoutBeforeActing(time)) => hang(connection, time).await,
            Some(Fault::Status { status, retry_after_s }) => {
                let mut response = with_status(error(status), status);
                if let Some(seconds) = retry_after_s {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            Some(Fault::StatusAfterActing { status }) => {
                drop(act(None));
                with_status(error(status), status)
            }
            Some(Fault::ResetAfterActing) => {
                drop(act(None));
                connection.abort_and_never_return().await
            }
            Some(Fault::TimeoutAfterActing(time)) => {
                drop(act(None));
                hang(connection, time).await
            }
            Some(Fault::GarbageBody) => {
                drop(act(None));
                garbage()
            }
            Some(Fault::TruncatedBody) => truncated(act(None)).await,
            Some(Fault::SlowBody(time)) => slow(act(None), time).await,
        }
    }
}

fn push<F>(next_id: &mut u64, rules: &mut Vec<RuleState<F>>, rule: Rule<F>) -> u64 {
    let id = *next_id;
    *next_id += 1;
    rules.push(RuleState { id, rule, seen: 0, applied: 0 });
    id
}

fn pick<F: Clone>(
    dice: &mut Ids,
    rules: &mut [RuleState<F>],
    operation: &str,
    text: &str,
) -> Option<F> {
    for state in rules {
        let rule = &state.rule;
        let named = rule.operation == "*" || rule.operation == operation;
        if !named || rule.containing.as_deref().is_some_and(|part| !text.contains(part)) {
            continue;
        }
        state.seen += 1;
        let applies = match rule.when {
            When::Always => true,
            When::Next(times) => state.seen <= times,
            When::Nth(n) => state.seen == n,
            When::Probability(share) => dice.unit() < share,
        };
        if applies {
            state.applied += 1;
            return Some(rule.fault.clone());
        }
    }
    None
}

async fn hang(connection: &Connection, time: Duration) -> Response {
    tokio::time::sleep(time).await;
    connection.abort_and_never_return().await
}

fn with_status(mut response: Response, status: u16) -> Response {
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn garbage() -> Response {
    let mut response =
        Response::new(Body::from("<html><body>Please wait\u{2026} \u{0} {\"id\": </body>"));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// The body in memory. It is one that a simulator built, so it is small and cannot fail.
async fn whole(body: Body) -> Bytes {
    axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default()
}

async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = whole(body).await;
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let stream = futures_util::stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(half), Some(Bytes::new()))),
            _ => {
                // A pause, or the half still in the buffer would be thrown away with the connection.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(std::io::Error::other("fault: the body ends here")), None))
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

async fn slow(response: Response, time: Duration) -> Response {
    const PIECES: usize = 8;
    let (parts, body) = response.into_parts();
    let body = whole(body).await;
    let piece_bytes = body.len().div_ceil(PIECES).max(1);
    let stream = futures_util::stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(time / PIECES as u32).await;
        let piece = rest.split_to(piece_bytes.min(rest.len()));
        Some((Ok::<_, std::io::Error>(piece), rest))
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

/// Durations as whole milliseconds in JSON.
pub mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// Writes the duration as milliseconds.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads milliseconds.
    ///
    /// # Errors
    /// When there is no whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
