//! Webhooks out: signed at each attempt, retried until acknowledged.
//!
//! Invariants: a message is pending from [`WebhookSender::send`] until it is acknowledged, dropped by a rule, or
//! older than `age_max`; a receiver that is down delays messages and loses none. Order is not promised, as it is
//! not by the vendors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Clock, Faults, SimError, WebhookFault};

/// One webhook to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The vendor's identifier of the event, for people to read.
    pub id: String,
    /// The vendor's type of the event: what webhook rules name.
    pub kind: String,
    /// The JSON text before signing.
    pub body: String,
}

/// What a signer gets, at each attempt.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The JSON text before signing.
    pub body: &'a str,
    /// The time to sign, in seconds since the Unix epoch (a rule may have set it back).
    pub unix_s: i64,
    /// Sign with another key than the right one.
    pub wrong_signature: bool,
}

/// What goes over the wire.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Headers beside `content-type: application/json`.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
}

/// Signs a message as the vendor does.
pub type Sign = dyn Fn(Attempt<'_>) -> Signed + Send + Sync;

/// Whether an answer (status and body) acknowledges a webhook. See [`any_2xx`].
pub type Acknowledges = fn(u16, &[u8]) -> bool;

/// Any 2xx acknowledges: true of most vendors.
#[must_use]
pub fn any_2xx(status: u16, _body: &[u8]) -> bool {
    (200..300).contains(&status)
}

/// Limits and times of a sender. The defaults are at the scale of a demo; vendors take hours.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Where to send; none holds all messages until [`WebhookSender::set_url`].
    pub url: Option<String>,
    /// The pause after the first failed attempt; it doubles with each.
    pub backoff_min: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// A message older than this is given up (vendors: 1 to 3 days).
    pub age_max: Duration,
    /// How long one attempt may take (vendors: 5 to 30 s).
    pub attempt_timeout: Duration,
    /// How long a reordered message waits for one to overtake it.
    pub reorder_hold: Duration,
    /// Attempts under way at once.
    pub concurrency_max: usize,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self {
            url: None,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
            age_max: Duration::from_secs(3 * 24 * 3600),
            attempt_timeout: Duration::from_secs(5),
            reorder_hold: Duration::from_secs(1),
            concurrency_max: 8,
        }
    }
}

/// What became of the webhooks so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// Messages handed over, the duplicates of a rule included.
    pub queued: u64,
    /// Attempts made.
    pub sent: u64,
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Messages neither acknowledged nor given up.
    pub pending: u64,
    /// Messages that grew too old, or were left at [`WebhookSender::stop`].
    pub given_up: u64,
    /// Messages that a rule dropped.
    pub dropped: u64,
    /// Attempts that a rule damaged (signature, body, time).
    pub damaged_sent: u64,
    /// Damaged attempts that the receiver acknowledged all the same: should stay 0.
    pub damaged_acknowledged: u64,
    /// Attempts that got no answer.
    pub unanswered: u64,
    /// Attempts by the status that answered them.
    pub by_status: BTreeMap<u16, u64>,
}

/// Webhooks were still pending when the time was up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{pending} webhooks still pending after {waited:?}; is the receiver up, and does it answer 2xx? {deliveries:?}"
)]
pub struct NotQuiet {
    /// How many.
    pub pending: u64,
    /// How long it waited.
    pub waited: Duration,
    /// All counters.
    pub deliveries: Box<Deliveries>,
}

/// Sends one vendor's webhooks; clones share the queue and the counters.
#[derive(Clone)]
pub struct WebhookSender(Arc<Shared>);

struct Shared {
    config: SenderConfig,
    url: watch::Sender<Option<String>>,
    counters: watch::Sender<Deliveries>,
    client: reqwest::Client,
    sign: Box<Sign>,
    acknowledges: Acknowledges,
    faults: Faults,
    clock: Clock,
    permits: Semaphore,
    stop: CancellationToken,
    tasks: TaskTracker,
    runtime: tokio::runtime::Handle,
    /// Set by `stop`, held while a message is queued, so that none slips in behind it.
    closed: Mutex<bool>,
}

impl std::fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSender")
            .field("deliveries", &self.deliveries())
            .finish_non_exhaustive()
    }
}

impl WebhookSender {
    /// A sender on the current tokio runtime.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        config: SenderConfig,
        faults: Faults,
        clock: Clock,
        sign: impl Fn(Attempt<'_>) -> Signed + Send + Sync + 'static,
        acknowledges: Acknowledges,
    ) -> Result<Self, SimError> {
        Ok(Self(Arc::new(Shared {
            client: crate::http_client(config.attempt_timeout)?,
            url: watch::Sender::new(config.url.clone()),
            counters: watch::Sender::new(Deliveries::default()),
            sign: Box::new(sign),
            acknowledges,
            faults,
            clock,
            permits: Semaphore::new(config.concurrency_max.max(1)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
            closed: Mutex::new(false),
            config,
        })))
    }

    /// Where webhooks go from now on, those waiting included; none holds them.
    pub fn set_url(&self, url: Option<String>) {
        self.0.url.send_replace(url);
    }

    /// Takes a message over; never blocks. Any webhook rule that applies is drawn now.
    pub fn send(&self, message: Message) {
        let fault = self.0.faults.pick_webhook(&message.kind, &message.body);
        let copies = match &fault {
            Some(WebhookFault::Duplicate { times }) => 1 + u64::from(*times),
            _ => 1,
        };
        self.0.counters.send_modify(|c| c.queued += copies);
        let closed = self.0.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if fault == Some(WebhookFault::Drop) || *closed {
            self.0.counters.send_modify(|c| {
                c.dropped += u64::from(!*closed);
                c.given_up += u64::from(*closed);
            });
            return;
        }
        self.0.counters.send_modify(|c| c.pending += copies);
        for _ in 0..copies {
            let (shared, message, fault) = (self.0.clone(), message.clone(), fault.clone());
            self.0.tasks.spawn_on(deliver(shared, message, fault), &self.0.runtime);
        }
    }

    /// The counters now.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.0.counters.borrow().clone()
    }

    /// Waits until no webhook is pending.
    ///
    /// # Errors
    /// When some still are after `timeout`.
    pub async fn quiesce(&self, timeout: Duration) -> Result<(), NotQuiet> {
        let mut counters = self.0.counters.subscribe();
        let quiet = counters.wait_for(|c| c.pending == 0);
        if tokio::time::timeout(timeout, quiet).await.is_ok() {
            return Ok(());
        }
        let deliveries = Box::new(self.deliveries());
        Err(NotQuiet { pending: deliveries.pending, waited: timeout, deliveries })
    }

    /// Gives up what is pending, takes no more, and does not wait.
    pub fn cancel(&self) {
        *self.0.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.stop.cancel();
    }

    /// Stops at once; what is pending is given up. Use [`WebhookSender::quiesce`] first to wait for it.
    pub async fn stop(&self) {
        self.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

async fn deliver(shared: Arc<Shared>, message: Message, fault: Option<WebhookFault>) {
    let acknowledged = tokio::select! {
        () = shared.stop.cancelled() => false,
        acknowledged = attempts(&shared, &message, fault) => acknowledged,
    };
    if !acknowledged {
        tracing::warn!(webhook = message.id, kind = message.kind, "webhook given up");
    }
    shared.counters.send_modify(|c| {
        c.pending -= 1;
        c.acknowledged += u64::from(acknowledged);
        c.given_up += u64::from(!acknowledged);
    });
}

/// Tries until acknowledged (true) or too old (false).
async fn attempts(shared: &Shared, message: &Message, mut fault: Option<WebhookFault>) -> bool {
    let born = Instant::now();
    match fault {
        Some(WebhookFault::Delay(time)) => tokio::time::sleep(time).await,
        Some(WebhookFault::Reorder) => {
            let mut counters = shared.counters.subscribe();
            let before = counters.borrow().acknowledged;
            let overtaken = counters.wait_for(|c| c.acknowledged > before);
            let _ = tokio::time::timeout(shared.config.reorder_hold, overtaken).await;
        }
        _ => {}
    }
    let mut pause = shared.config.backoff_min;
    let mut url = shared.url.subscribe();
    while born.elapsed() < shared.config.age_max {
        let Ok(to) = url.wait_for(Option::is_some).await.map(|to| to.clone().unwrap_or_default())
        else {
            return false;
        };
        // The first attempt takes the damage with it.
        if attempt(shared, message, &to, fault.take()).await {
            return true;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(shared.config.backoff_max);
    }
    false
}

async fn attempt(
    shared: &Shared,
    message: &Message,
    url: &str,
    fault: Option<WebhookFault>,
) -> bool {
    let Ok(_permit) = shared.permits.acquire().await else { return false };
    let wrong_signature = fault == Some(WebhookFault::WrongSignature);
    let mut unix_s = shared.clock.unix_s();
    if let Some(WebhookFault::StaleTimestamp(seconds)) = fault {
        unix_s -= i64::from(seconds);
    }
    let signed = (shared.sign)(Attempt { body: &message.body, unix_s, wrong_signature });
    let mut body = signed.body;
    if fault == Some(WebhookFault::TruncatedBody) {
        body.truncate(body.len() / 2);
    }
    let damaged = matches!(
        fault,
        Some(
            WebhookFault::WrongSignature
                | WebhookFault::TruncatedBody
                | WebhookFault::StaleTimestamp(_)
        )
    );
    let mut request = shared.client.post(url).header("content-type", "application/json");
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let answer = match request.body(body).send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            response.bytes().await.ok().map(|body| (status, body))
        }
        Err(_) => None,
    };
    let acknowledged =
        answer.as_ref().is_some_and(|(status, body)| (shared.acknowledges)(*status, body));
    shared.counters.send_modify(|c| {
        c.sent += 1;
        c.damaged_sent += u64::from(damaged);
        c.damaged_acknowledged += u64::from(damaged && acknowledged);
        match answer {
            Some((status, _)) => *c.by_status.entry(status).or_default() += 1,
            None => c.unanswered += 1,
        }
    });
    acknowledged
}
