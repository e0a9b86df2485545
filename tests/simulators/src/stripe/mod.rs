//! Stripe: PaymentIntents, refunds, payouts, events, signed webhooks.
//!
//! Operations for fault rules: `create-payment`, `confirm-payment`, `cancel-payment`, `get-payment`,
//! `list-payments`, `search-payments`, `create-refund`, `get-refund`, `list-refunds`, `create-payout`,
//! `get-payout`, `list-payouts`, `list-events`, `get-event`, `get-balance`. A `Decline` code on `create-payment` is a
//! `decline_code` (docs.stripe.com/declines/codes), on `create-refund` a `failure_reason`, on `create-payout` a
//! `failure_code`; elsewhere it has no effect.
//!
//! Beside the API: `GET /_sim/authenticate/{payment}?outcome=succeed|fail` is where a 3-D Secure redirect leads.

mod cards;
mod errors;
mod form;
mod handlers;
mod money;
mod objects;
mod payments;
mod search;
mod state;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use self::state::{Afterwards, State};
use crate::later::Later;
use crate::webhooks::{Attempt, Signed, any_2xx};
use crate::{
    Clock, Deliveries, Faults, Message, NotQuiet, SenderConfig, Server, SimError, Simulator,
    WebhookSender,
};

pub use self::objects::{
    API_VERSION, ChargeBook, DisputeBook, PaymentBook, PayoutBook, RefundBook,
};
pub use self::state::StripeBooks;

/// The largest request body.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How a Stripe account is set up.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// The secret key that requests must carry.
    pub api_key: String,
    /// The endpoint's signing secret, `whsec_…` (the whole text is the key).
    pub webhook_secret: String,
    /// Where and how webhooks go.
    pub webhooks: SenderConfig,
    /// The event types that the endpoint subscribed to; empty means all.
    pub enabled_events: Vec<String>,
    /// Money there at the start, by currency in lower case, in minor units.
    pub opening_balance: BTreeMap<String, i64>,
    /// How long bank debits, pending refunds, payouts and disputes take (Stripe: days).
    pub settle_after: Duration,
    /// How long a payment stays invisible to search (Stripe: up to a minute; whole seconds).
    pub search_lag: Duration,
    /// Of identifiers and chance.
    pub seed: u64,
    /// The account's time. It signs webhooks, so keep it near the receiver's.
    pub clock: Clock,
    /// Where to listen; port 0 takes any.
    pub bind: SocketAddr,
}

impl Default for StripeConfig {
    fn default() -> Self {
        Self {
            api_key: "sk_test_simulated".into(),
            webhook_secret: "whsec_simulated".into(),
            webhooks: SenderConfig::default(),
            enabled_events: vec![],
            opening_balance: ["eur", "gbp", "usd"]
                .map(|currency| (currency.to_owned(), 1_000_000_000))
                .into(),
            settle_after: Duration::from_millis(50),
            search_lag: Duration::ZERO,
            seed: 1,
            clock: Clock::system(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

/// A running Stripe. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct StripeSim {
    stripe: Stripe,
    server: Server,
}

/// The account, as the handlers share it.
#[derive(Debug, Clone)]
struct Stripe(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api_key: String,
    enabled_events: Vec<String>,
    settle_after: Duration,
    search_lag: Duration,
    state: Mutex<State>,
    faults: Faults,
    sender: WebhookSender,
    later: Later,
}

impl StripeSim {
    /// Starts the server.
    ///
    /// # Errors
    /// When the address cannot be bound.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(config: StripeConfig) -> Result<Self, SimError> {
        let faults = Faults::new(config.seed);
        let secret = config.webhook_secret;
        let sign = move |attempt: Attempt<'_>| signed(&secret, attempt);
        let sender = WebhookSender::start(
            config.webhooks,
            faults.clone(),
            config.clock.clone(),
            sign,
            any_2xx,
        )?;
        let stripe = Stripe(Arc::new(Inner {
            api_key: config.api_key,
            enabled_events: config.enabled_events,
            settle_after: config.settle_after,
            search_lag: config.search_lag,
            state: Mutex::new(State::new(config.seed, config.clock, config.opening_balance)),
            faults,
            sender,
            later: Later::new(),
        }));
        let router = handlers::routes(stripe.clone()).merge(crate::control::routes(stripe.clone()));
        let server = Server::start(config.bind, router).await?;
        stripe.lock(|state| state.base_url = server.base_url());
        Ok(Self { stripe, server })
    }

    /// `http://127.0.0.1:<port>`: the API's base.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The handle on what goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.stripe.0.faults
    }

    /// Everything the account holds.
    #[must_use]
    pub fn books(&self) -> StripeBooks {
        Simulator::books(&self.stripe)
    }

    /// Counters of webhooks.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.stripe.0.sender.deliveries()
    }

    /// Sends webhooks here from now on; none holds them.
    pub fn set_webhook_url(&self, url: Option<String>) {
        self.stripe.0.sender.set_url(url);
    }

    /// Waits until nothing is left to settle and no webhook is pending.
    ///
    /// # Errors
    /// When something still is after `timeout`.
    pub async fn quiesce(&self, timeout: Duration) -> Result<(), NotQuiet> {
        self.stripe.0.later.quiesce(&self.stripe.0.sender, timeout).await
    }

    /// The cardholder of a payment that `requires_action` authenticates, or fails to.
    ///
    /// # Errors
    /// When there is no such payment, or it does not wait for that.
    pub fn authenticate(&self, payment: &str, succeeds: bool) -> Result<PaymentBook, SimError> {
        self.stripe.authenticate(payment, succeeds)
    }

    /// The cardholder disputes a payment; gives the dispute's id.
    ///
    /// # Errors
    /// When there is no such payment, or nothing to dispute.
    pub fn dispute(&self, payment: &str, reason: &str) -> Result<String, SimError> {
        self.stripe.act(|state| {
            state.request = None;
            state.dispute(payment, reason)
        })
    }

    /// A refund fails after all, with Stripe's `failure_reason`.
    pub fn fail_refund(&self, refund: &str, reason: &str) {
        self.stripe.act(|state| state.settle_refund(refund, Some(reason.to_owned())));
    }

    /// A payout is returned by the bank, with Stripe's `failure_code`.
    pub fn fail_payout(&self, payout: &str, code: &str) {
        self.stripe.act(|state| state.settle_payout(payout, Some(code.to_owned())));
    }

    /// Stops: the port is free afterwards, and what was pending is given up.
    pub async fn stop(self) {
        self.stripe.0.later.stop();
        self.server.stop().await;
        self.stripe.0.sender.stop().await;
    }
}

impl Drop for StripeSim {
    fn drop(&mut self) {
        self.stripe.0.later.stop();
        self.stripe.0.sender.cancel();
    }
}

impl Stripe {
    fn lock<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and hands over what the change caused.
    fn act<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        self.lock(|state| {
            let result = f(state);
            for event in state.outbox.drain(..) {
                let enabled = &self.0.enabled_events;
                if enabled.is_empty() || enabled.contains(&event.kind) {
                    let body = event.json.to_string();
                    self.0.sender.send(Message { id: event.id, kind: event.kind, body });
                }
            }
            for what in state.afterwards.drain(..) {
                self.put_off(what);
            }
            result
        })
    }

    fn put_off(&self, what: Afterwards) {
        let stripe = self.clone();
        self.0.later.run(self.0.settle_after, move || stripe.act(|state| state.afterwards(what)));
    }

    fn authenticate(&self, payment: &str, succeeds: bool) -> Result<PaymentBook, SimError> {
        self.act(|state| {
            state.request = None;
            let at = state.authenticate(payment, succeeds)?;
            Ok(state.books.payments[at].clone())
        })
    }
}

impl Simulator for Stripe {
    type Books = StripeBooks;

    fn books(&self) -> StripeBooks {
        self.lock(|state| state.books.clone())
    }

    fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn deliveries(&self) -> Deliveries {
        self.0.sender.deliveries()
    }

    fn set_webhook_url(&self, url: Option<String>) {
        self.0.sender.set_url(url);
    }
}

/// `Stripe-Signature: t=<s>,v1=<hex>`: HMAC-SHA256 with the secret over `<s>.<body>` (docs.stripe.com/webhooks).
fn signed(secret: &str, attempt: Attempt<'_>) -> Signed {
    let secret = if attempt.wrong_signature { "whsec_of_someone_else" } else { secret };
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(attempt.unix_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(attempt.body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Signed {
        headers: vec![
            ("stripe-signature".into(), format!("t={},v1={signature}", attempt.unix_s)),
            ("user-agent".into(), "Stripe/1.0 (+https://stripe.com/docs/webhooks)".into()),
        ],
        body: attempt.body.to_owned().into(),
    }
}
