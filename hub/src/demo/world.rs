//! The simulated vendors, and what a hub must know to use them.
use super::{DemoError, connection};
use hmac::{Hmac, Mac};
use hub_simulators::adyen::{AdyenConfig, AdyenSim};
use hub_simulators::mt5::{Group, Mt5Config, Mt5Sim};
use hub_simulators::stripe::{StripeConfig, StripeSim};
use hub_simulators::sumsub::{SumsubConfig, SumsubSim};
use hub_simulators::{Deliveries, Faults, Ids, SenderConfig};
use sha2::Sha256;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Mixed into the seed of secrets, so that they are not the simulators' identifiers.
const SECRETS_STREAM: u64 = 0x5ec2_e75e;
/// The Adyen merchant account.
pub(super) const MERCHANT: &str = "AcmeECOM";
/// The MT5 manager who logs in.
pub(super) const MANAGER: u64 = 1000;
/// The group of retail accounts.
pub(super) const RETAIL_GROUP: &str = "real\\forex-eur";
/// The group of evaluation accounts.
pub(super) const PROP_GROUP: &str = "prop\\challenge-usd";
/// The verification level.
pub(super) const KYC_LEVEL: &str = "basic-kyc-level";
/// The longest pause between two attempts at a webhook: vendors take hours, the demo does not.
const WEBHOOK_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Adyen's items that go together.
const ADYEN_BATCH_ITEMS: usize = 4;

/// What the connections must prove themselves with. No `Debug`: it is all secret.
pub(super) struct Secrets {
    pub stripe_api_key: String,
    pub stripe_webhook: String,
    pub adyen_api_key: String,
    pub adyen_hmac_hex: String,
    pub sumsub_app_token: String,
    pub sumsub_secret: String,
    pub sumsub_webhook: String,
    pub mt5_password: String,
    pub rogue_webhook: String,
}

impl Secrets {
    fn of(seed: u64) -> Self {
        let mut ids = Ids::new(seed ^ SECRETS_STREAM);
        Self {
            stripe_api_key: ids.alphanumeric("sk_test_", 32),
            stripe_webhook: ids.alphanumeric("whsec_", 32),
            adyen_api_key: ids.alphanumeric("AQE", 40),
            adyen_hmac_hex: ids.hex(64).to_uppercase(),
            sumsub_app_token: ids.alphanumeric("sbx:", 40),
            sumsub_secret: ids.alphanumeric("", 32),
            sumsub_webhook: ids.alphanumeric("", 32),
            mt5_password: ids.alphanumeric("Mt5#", 12),
            rogue_webhook: ids.alphanumeric("", 32),
        }
    }
}

/// Four vendors on loopback. They live as long as this does, whatever happens to the hub.
pub struct World {
    pub(super) stripe: StripeSim,
    pub(super) adyen: AdyenSim,
    pub(super) sumsub: SumsubSim,
    pub(super) mt5: Mt5Sim,
    pub(super) secrets: Secrets,
    /// Calls that a rule made go wrong, of rules that are gone.
    pub(super) faults_applied: Arc<AtomicU64>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("stripe", &self.stripe.base_url())
            .field("adyen", &self.adyen.base_url())
            .field("sumsub", &self.sumsub.base_url())
            .field("mt5", &self.mt5.base_url())
            .finish_non_exhaustive()
    }
}

impl World {
    /// Starts the vendors on free ports. Identifiers, secrets and chance follow from the seed.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start(seed: u64) -> Result<Self, DemoError> {
        let secrets = Secrets::of(seed);
        let sender = SenderConfig { backoff_max: WEBHOOK_PAUSE_MAX, ..SenderConfig::default() };
        let stripe = StripeSim::start(StripeConfig {
            api_key: secrets.stripe_api_key.clone(),
            webhook_secret: secrets.stripe_webhook.clone(),
            webhooks: sender.clone(),
            seed,
            ..StripeConfig::default()
        })
        .await?;
        let adyen = AdyenSim::start(AdyenConfig {
            api_key: secrets.adyen_api_key.clone(),
            merchant_account: MERCHANT.to_owned(),
            hmac_key_hex: secrets.adyen_hmac_hex.clone(),
            webhooks: sender.clone(),
            batch_items_max: ADYEN_BATCH_ITEMS,
            seed,
            ..AdyenConfig::default()
        })
        .await?;
        let sumsub = SumsubSim::start(SumsubConfig {
            app_token: secrets.sumsub_app_token.clone(),
            secret_key: secrets.sumsub_secret.clone(),
            webhook_secret: secrets.sumsub_webhook.clone(),
            client_id: "acme".to_owned(),
            levels: vec![KYC_LEVEL.to_owned()],
            sender,
            seed,
            ..SumsubConfig::default()
        })
        .await?;
        let mt5 = Mt5Sim::start(Mt5Config {
            manager_login: MANAGER,
            manager_password: secrets.mt5_password.clone(),
            groups: vec![Group::new(RETAIL_GROUP, "EUR"), Group::new(PROP_GROUP, "USD")],
            seed,
            ..Mt5Config::default()
        })
        .await?;
        let faults_applied = Arc::default();
        Ok(Self { stripe, adyen, sumsub, mt5, secrets, faults_applied })
    }

    /// Sends every vendor's webhooks to the hub at `http://host:port` from now on.
    pub fn point_webhooks_at(&self, base_url: &str) {
        let base = base_url.trim_end_matches('/');
        let url = |connection: &str| Some(format!("{base}/hooks/{connection}"));
        self.stripe.set_webhook_url(url(connection::STRIPE));
        self.adyen.set_webhook_url(url(connection::ADYEN));
        self.sumsub.set_webhook_url(url(connection::SUMSUB));
    }

    /// Counters of webhooks out, by connection.
    #[must_use]
    pub fn deliveries(&self) -> Vec<(&'static str, Deliveries)> {
        vec![
            (connection::STRIPE, self.stripe.deliveries()),
            (connection::ADYEN, self.adyen.deliveries()),
            (connection::SUMSUB, self.sumsub.deliveries()),
        ]
    }

    /// Stops whatever was made to go wrong.
    pub(super) fn calm(&self) {
        self.faults_applied.store(self.faults_applied(), Relaxed);
        for faults in self.faults() {
            faults.clear();
        }
    }

    /// Calls that a rule made go wrong so far.
    #[must_use]
    pub fn faults_applied(&self) -> u64 {
        let rules = self.faults().into_iter().flat_map(Faults::call_rules);
        let of_rules: u64 = rules.map(|rule| u64::from(rule.applied)).sum();
        self.faults_applied.load(Relaxed) + of_rules
    }

    fn faults(&self) -> [&Faults; 4] {
        [self.stripe.faults(), self.adyen.faults(), self.sumsub.faults(), self.mt5.faults()]
    }

    /// What proves a webhook to the rogue connector: HMAC-SHA256 of the body, in hex.
    pub(super) fn rogue_signature(&self, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secrets.rogue_webhook.as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(body.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}
