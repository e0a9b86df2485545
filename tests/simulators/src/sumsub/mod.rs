//! The Sumsub simulator: applicants, SDK links and tokens, reviews, and the webhooks that tell of them.
//!
//! Facts are Sumsub's own documentation (`docs.sumsub.com/reference`): request signing in [`auth`], shapes and
//! dates in `wire.rs`, calls in `handlers.rs`. Error names and numbers of refused requests (4000 to 4006) are from
//! the "Error codes" page as remembered; a client should rely on the HTTP status.
//!
//! Operation names for [`Rule`](crate::Rule): `create-applicant`, `get-applicant`, `get-applicant-status`,
//! `request-check`, `test-completed`, `websdk-link`, `access-token`. Webhook rules name the webhook's type
//! (`applicantReviewed` …). A decline's code is Sumsub's `errorCode` (`1009`) or `errorName`, answered with 409.
//!
//! Left out: documents and their images, actions, workflows, companies, HTTPS.

pub mod auth;
mod control;
mod handlers;
mod requests;
mod state;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use auth::DigestAlg;
pub use state::{ApplicantBook, NoSuchChange, Review, ReviewStatus, SumsubBooks};

use crate::{
    Clock, Deliveries, Faults, Message, NotQuiet, SenderConfig, Server, SimError, Simulator,
    WebhookSender,
};
use state::{State, Told};

/// How the simulator is set up.
#[derive(Debug, Clone)]
pub struct SumsubConfig {
    /// `X-App-Token`; sandbox tokens begin with `sbx:`.
    pub app_token: String,
    /// Signs requests.
    pub secret_key: String,
    /// Signs webhooks: another secret than the one for requests, as at Sumsub.
    pub webhook_secret: String,
    /// The digest of webhooks; Sumsub's default is SHA-256.
    pub webhook_alg: DigestAlg,
    /// Webhook types to send; empty sends all.
    pub webhook_types: Vec<String>,
    /// `clientId` in answers and webhooks.
    pub client_id: String,
    /// Verification levels that exist; names are case-sensitive.
    pub levels: Vec<String>,
    /// Whether `status/testCompleted` may be called, and what webhooks say of it.
    pub sandbox_mode: bool,
    /// Seed of identifiers and chance.
    pub seed: u64,
    /// Where to listen.
    pub bind: SocketAddr,
    /// The time; signed requests must be within a minute of it.
    pub clock: Clock,
    /// Where webhooks go, and how they are retried.
    pub sender: SenderConfig,
}

impl Default for SumsubConfig {
    fn default() -> Self {
        Self {
            app_token: "sbx:simulated-app-token".into(),
            secret_key: "simulated-secret-key".into(),
            webhook_secret: "simulated-webhook-secret".into(),
            webhook_alg: DigestAlg::Sha256,
            webhook_types: Vec::new(),
            client_id: "example".into(),
            levels: vec!["basic-kyc-level".into()],
            sandbox_mode: true,
            seed: 0,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::system(),
            sender: SenderConfig::default(),
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
struct Shared(Arc<Inner>);

struct Inner {
    config: SumsubConfig,
    state: Mutex<State>,
    faults: Faults,
    webhooks: WebhookSender,
}

impl Shared {
    /// Reads or changes the state, and sends the webhooks that the change calls for.
    fn with_state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        for Told { correlation_id, kind, applicant, at } in state.take_told() {
            let wanted = &self.0.config.webhook_types;
            if wanted.is_empty() || wanted.iter().any(|w| w == kind) {
                let body = wire::webhook(&self.0.config, &correlation_id, kind, &applicant, at);
                self.0.webhooks.send(Message { id: correlation_id, kind: kind.into(), body });
            }
        }
        result
    }
}

impl Simulator for Shared {
    type Books = SumsubBooks;

    fn books(&self) -> SumsubBooks {
        self.with_state(|state| state.books())
    }

    fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn deliveries(&self) -> Deliveries {
        self.0.webhooks.deliveries()
    }

    fn set_webhook_url(&self, url: Option<String>) {
        self.0.webhooks.set_url(url);
    }
}

/// A running Sumsub. Dropping it frees the port without waiting.
pub struct SumsubSim {
    shared: Shared,
    server: Server,
}

impl SumsubSim {
    /// Starts it.
    ///
    /// # Errors
    /// When the address cannot be bound, or no verification level is configured.
    pub async fn start(config: SumsubConfig) -> Result<Self, SimError> {
        if config.levels.is_empty() {
            return Err(SimError::Config(
                "Sumsub needs at least one verification level in `levels`".into(),
            ));
        }
        let faults = Faults::new(config.seed);
        let (alg, secret) = (config.webhook_alg, config.webhook_secret.clone());
        let webhooks = WebhookSender::start(
            config.sender.clone(),
            faults.clone(),
            config.clock.clone(),
            move |attempt| auth::sign_webhook(alg, &secret, attempt),
            crate::webhooks::any_2xx,
        )?;
        let state = Mutex::new(State::new(config.seed, config.clock.clone()));
        let bind = config.bind;
        let shared = Shared(Arc::new(Inner { config, state, faults, webhooks }));
        let router = handlers::router(shared.clone())
            .merge(crate::control::routes(shared.clone()))
            .merge(control::routes(shared.clone()));
        let server = Server::start(bind, router).await?;
        Ok(Self { shared, server })
    }

    /// `http://127.0.0.1:<port>`, with no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The handle on what goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.shared.faults()
    }

    /// Everything it was made to do.
    #[must_use]
    pub fn books(&self) -> SumsubBooks {
        self.shared.books()
    }

    /// Counters of webhooks out.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.shared.deliveries()
    }

    /// Sends webhooks here from now on; none holds them.
    pub fn set_webhook_url(&self, url: impl Into<Option<String>>) {
        self.shared.set_webhook_url(url.into());
    }

    /// Waits until no webhook is pending.
    ///
    /// # Errors
    /// When some still are after `timeout`.
    pub async fn quiesce(&self, timeout: Duration) -> Result<(), NotQuiet> {
        self.shared.0.webhooks.quiesce(timeout).await
    }

    /// The applicant has handed in what the level asks for: status `pending`, webhook `applicantPending`.
    ///
    /// `who` is the applicant's id or external user id.
    ///
    /// # Errors
    /// When there is no such applicant, or it was rejected for good.
    pub fn pending(&self, who: &str) -> Result<(), NoSuchChange> {
        self.shared.with_state(|state| state.submit(who))
    }

    /// The review is over: status `completed`, webhook `applicantReviewed`. Any state may be reviewed again, so a
    /// GREEN may turn RED. `who` is the applicant's id or external user id.
    ///
    /// # Errors
    /// When there is no such applicant.
    pub fn review(&self, who: &str, review: Review) -> Result<(), NoSuchChange> {
        self.shared.with_state(|state| state.review(who, review))
    }

    /// A person at Sumsub must look: status `onHold`, webhook `applicantOnHold`.
    ///
    /// # Errors
    /// When there is no such applicant.
    pub fn hold(&self, who: &str) -> Result<(), NoSuchChange> {
        self.shared.with_state(|state| state.hold(who))
    }

    /// Back to the beginning: status `init`, webhook `applicantReset`.
    ///
    /// # Errors
    /// When there is no such applicant.
    pub fn reset(&self, who: &str) -> Result<(), NoSuchChange> {
        self.shared.with_state(|state| state.reset(who))
    }

    /// Stops at once; pending webhooks are given up (use [`SumsubSim::quiesce`] first to wait for them).
    pub async fn stop(&self) {
        self.shared.0.webhooks.stop().await;
        self.server.stop().await;
    }
}

/// A change of an applicant, over `POST /_sim/applicants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// See [`SumsubSim::pending`].
    Pending,
    /// See [`SumsubSim::review`].
    Review(Review),
    /// See [`SumsubSim::hold`].
    Hold,
    /// See [`SumsubSim::reset`].
    Reset,
}
