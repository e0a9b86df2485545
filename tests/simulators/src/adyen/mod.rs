//! Adyen: Checkout v71 payments and modifications, Payout v68, signed notifications.
//!
//! Operations for fault rules: `create-payment`, `payment-details`, `create-refund`, `create-capture`,
//! `create-cancel`, `create-payout`, `confirm-payout`, `decline-payout`. A `Decline` code on `create-payment` is a
//! `refusalReasonCode` (`2`, `12`, `20` …), or `Pending`, `Received`, `Error`; on the others it is the reason that the
//! webhook gives with `success` `"false"`. Webhook rules name the `eventCode` (of a batch: of its first item).
//!
//! There is no look-up of a payment: an unknown outcome is settled by the same `Idempotency-Key` or by the webhook.
//! Beside the API: `GET /_sim/redirect/{psp}?outcome=Authorised|2|Pending…` is where a redirect leads.

mod actions;
mod books;
pub mod currencies;
mod errors;
mod handlers;
mod requests;
mod results;
mod signature;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use self::results::Outcome;
use self::state::{Afterwards, State};
use crate::later::Later;
use crate::webhooks::{Attempt, Signed, any_2xx};
use crate::{
    Clock, Deliveries, Faults, Message, NotQuiet, SenderConfig, Server, SimError, Simulator,
    WebhookSender,
};

pub use self::books::{AdyenBooks, Modification, ModificationBook, PaymentBook, PayoutBook};

/// The largest request body.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How an Adyen account is set up.
#[derive(Debug, Clone)]
pub struct AdyenConfig {
    /// What `X-API-Key` must hold.
    pub api_key: String,
    /// The only merchant account.
    pub merchant_account: String,
    /// The webhook's HMAC key, in hex, as the Customer Area shows it.
    pub hmac_key_hex: String,
    /// User and password of the webhook's basic authentication, if it is set up.
    pub webhook_basic_auth: Option<(String, String)>,
    /// Where and how webhooks go.
    pub webhooks: SenderConfig,
    /// Any 2xx acknowledges, as newer accounts have it; otherwise the body must be `[accepted]` too.
    pub any_2xx_acknowledges: bool,
    /// The most items in one notification; 1 sends each at once, more gathers them for `batch_window`.
    pub batch_items_max: usize,
    /// How long items are gathered.
    pub batch_window: Duration,
    /// Whether a payout waits for `/confirmThirdParty`.
    pub payouts_need_review: bool,
    /// How long pending payments, modifications and payouts take (Adyen: minutes to days).
    pub settle_after: Duration,
    /// Of identifiers and chance.
    pub seed: u64,
    /// The account's time.
    pub clock: Clock,
    /// Where to listen; port 0 takes any.
    pub bind: SocketAddr,
}

impl Default for AdyenConfig {
    fn default() -> Self {
        Self {
            api_key: "AQE_simulated".into(),
            merchant_account: "SimulatedECOM".into(),
            hmac_key_hex: "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056".into(),
            webhook_basic_auth: None,
            webhooks: SenderConfig::default(),
            any_2xx_acknowledges: false,
            batch_items_max: 1,
            batch_window: Duration::from_millis(20),
            payouts_need_review: false,
            settle_after: Duration::from_millis(50),
            seed: 1,
            clock: Clock::system(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

/// A running Adyen. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct AdyenSim {
    adyen: Adyen,
    server: Server,
}

/// The account, as the handlers share it.
#[derive(Debug, Clone)]
struct Adyen(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api_key: String,
    merchant_account: String,
    payouts_need_review: bool,
    batch_items_max: usize,
    batch_window: Duration,
    settle_after: Duration,
    state: Mutex<State>,
    /// Items waiting for company.
    batch: Mutex<Vec<Value>>,
    faults: Faults,
    sender: WebhookSender,
    later: Later,
}

impl AdyenSim {
    /// Starts the server.
    ///
    /// # Errors
    /// When the HMAC key is not hex, or the address cannot be bound.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(config: AdyenConfig) -> Result<Self, SimError> {
        let key = hex::decode(&config.hmac_key_hex).map_err(|error| {
            SimError::Config(format!("hmac_key_hex: {error}; give the key's hex digits"))
        })?;
        let faults = Faults::new(config.seed);
        let basic = config.webhook_basic_auth.map(|(user, password)| {
            format!(
                "Basic {}",
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
            )
        });
        let sign = move |attempt: Attempt<'_>| signed(&key, basic.as_deref(), attempt);
        let acknowledges = if config.any_2xx_acknowledges { any_2xx } else { accepted };
        let sender = WebhookSender::start(
            config.webhooks,
            faults.clone(),
            config.clock.clone(),
            sign,
            acknowledges,
        )?;
        let adyen = Adyen(Arc::new(Inner {
            api_key: config.api_key,
            payouts_need_review: config.payouts_need_review,
            batch_items_max: config.batch_items_max.max(1),
            batch_window: config.batch_window,
            settle_after: config.settle_after,
            state: Mutex::new(State::new(
                config.seed,
                config.clock,
                config.merchant_account.clone(),
            )),
            merchant_account: config.merchant_account,
            batch: Mutex::default(),
            faults,
            sender,
            later: Later::new(),
        }));
        let router = handlers::routes(adyen.clone()).merge(crate::control::routes(adyen.clone()));
        let server = Server::start(config.bind, router).await?;
        adyen.lock(|state| state.base_url = server.base_url());
        Ok(Self { adyen, server })
    }

    /// `http://127.0.0.1:<port>`. Checkout is under `/v71` (and `/checkout/v71`), payouts under
    /// `/pal/servlet/Payout/v68`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The handle on what goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.adyen.0.faults
    }

    /// Everything the account holds.
    #[must_use]
    pub fn books(&self) -> AdyenBooks {
        Simulator::books(&self.adyen)
    }

    /// Counters of webhooks (notifications, not items).
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.adyen.0.sender.deliveries()
    }

    /// Sends webhooks here from now on; none holds them.
    pub fn set_webhook_url(&self, url: Option<String>) {
        self.adyen.0.sender.set_url(url);
    }

    /// Waits until nothing is left to settle and no webhook is pending.
    ///
    /// # Errors
    /// When something still is after `timeout`.
    pub async fn quiesce(&self, timeout: Duration) -> Result<(), NotQuiet> {
        self.adyen.0.later.quiesce(&self.adyen.0.sender, timeout).await
    }

    /// A payment that was redirected, or is `Received` or `Pending`, ends now; `outcome` as in `/_sim/redirect`.
    /// Gives the return URL.
    ///
    /// # Errors
    /// When there is no such payment, or it has ended.
    pub fn complete(&self, psp: &str, outcome: &str) -> Result<String, SimError> {
        self.adyen.complete(psp, outcome)
    }

    /// The shopper's bank takes a captured payment back; gives the chargeback's reference.
    ///
    /// # Errors
    /// When there is no such payment, or nothing to take back.
    pub fn chargeback(&self, psp: &str, reason_code: &str) -> Result<String, SimError> {
        self.adyen.act(|state| state.chargeback(psp, reason_code))
    }

    /// Stops: the port is free afterwards, and what was pending is given up.
    pub async fn stop(self) {
        self.adyen.0.later.stop();
        self.server.stop().await;
        self.adyen.0.sender.stop().await;
    }
}

impl Drop for AdyenSim {
    fn drop(&mut self) {
        self.adyen.0.later.stop();
        self.adyen.0.sender.cancel();
    }
}

impl Adyen {
    fn lock<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and hands over what the change caused.
    fn act<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        self.lock(|state| {
            let result = f(state);
            for item in state.outbox.drain(..) {
                self.notify(item);
            }
            for what in state.afterwards.drain(..) {
                self.put_off(what);
            }
            result
        })
    }

    fn put_off(&self, what: Afterwards) {
        let adyen = self.clone();
        self.0.later.run(self.0.settle_after, move || adyen.act(|state| state.afterwards(what)));
    }

    /// Sends an item: at once, or with those that come within the window.
    fn notify(&self, item: Value) {
        let mut batch = self.0.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.push(item);
        if batch.len() >= self.0.batch_items_max {
            self.send(std::mem::take(&mut batch));
        } else if batch.len() == 1 {
            let adyen = self.clone();
            self.0.later.run(self.0.batch_window, move || {
                let mut batch = adyen.0.batch.lock().unwrap_or_else(PoisonError::into_inner);
                adyen.send(std::mem::take(&mut batch));
            });
        }
    }

    fn send(&self, items: Vec<Value>) {
        let Some(first) = items.first().map(|item| &item["NotificationRequestItem"]) else {
            return;
        };
        let text = |field: &str| first[field].as_str().unwrap_or_default().to_owned();
        let (id, kind) = (text("pspReference"), text("eventCode"));
        let body = json!({ "live": "false", "notificationItems": items }).to_string();
        self.0.sender.send(Message { id, kind, body });
    }

    fn complete(&self, psp: &str, outcome: &str) -> Result<String, SimError> {
        self.act(|state| {
            let at = state
                .payment(psp)
                .ok_or_else(|| SimError::Unknown { what: "payment", id: psp.to_owned() })?;
            if !matches!(
                state.books.payments[at].result_code.as_str(),
                "RedirectShopper" | "Received" | "Pending"
            ) {
                return Err(SimError::Refused(format!("{psp} has ended already")));
            }
            state.settle_payment(at, Outcome::of_code(outcome));
            Ok(state.books.payments[at].return_url.clone())
        })
    }
}

impl Simulator for Adyen {
    type Books = AdyenBooks;

    fn books(&self) -> AdyenBooks {
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

/// 2xx and the body `[accepted]`.
fn accepted(status: u16, body: &[u8]) -> bool {
    any_2xx(status, body) && body.trim_ascii() == b"[accepted]"
}

fn signed(key: &[u8], basic: Option<&str>, attempt: Attempt<'_>) -> Signed {
    let notification =
        serde_json::from_str(attempt.body).expect("the sender keeps what was serialised");
    let key = if attempt.wrong_signature { b"the key of someone else".as_slice() } else { key };
    let headers =
        basic.map(|basic| ("authorization".to_owned(), basic.to_owned())).into_iter().collect();
    Signed { headers, body: signature::sign_all(key, notification).to_string().into() }
}
