//! The four simulated vendors, and a hub that uses them.
use super::{Connection, Hub, Setup, sign, wait_for};
use hub_simulators::adyen::{AdyenConfig, AdyenSim};
use hub_simulators::mt5::{AccountBook, Group, Mt5Config, Mt5Sim};
use hub_simulators::stripe::{PaymentBook, StripeConfig, StripeSim};
use hub_simulators::sumsub::{Review, SumsubConfig, SumsubSim};
use hub_simulators::{Clock, SenderConfig};
use serde_json::{Value, json};
use std::time::Duration;

/// Ids of the connections.
pub const STRIPE: &str = "stripe-eu";
pub const ADYEN: &str = "adyen-eu";
pub const SUMSUB: &str = "sumsub";
pub const MT5: &str = "mt5-live";

/// How long the hub waits for a vendor's answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Longer than that: a vendor that hangs so long has not answered.
pub const SILENCE: Duration = Duration::from_millis(4_000);

const MERCHANT: &str = "AcmeECOM";
const LEVEL: &str = "basic-kyc-level";
const GROUP: &str = "prop\\challenge-usd";
/// The opening balance of the programme, in its currency.
pub const INITIAL_BALANCE: &str = "100000";

/// Vendors that outlive the hub.
pub struct Vendors {
    pub stripe: StripeSim,
    pub adyen: AdyenSim,
    pub sumsub: SumsubSim,
    pub mt5: Mt5Sim,
    stripe_config: StripeConfig,
    adyen_config: AdyenConfig,
    sumsub_config: SumsubConfig,
    mt5_config: Mt5Config,
}

impl Vendors {
    /// Starts all four.
    pub async fn start() -> Self {
        let webhooks =
            SenderConfig { backoff_max: Duration::from_millis(300), ..SenderConfig::default() };
        let stripe_config = StripeConfig { webhooks: webhooks.clone(), ..StripeConfig::default() };
        let adyen_config = AdyenConfig {
            merchant_account: MERCHANT.to_owned(),
            webhooks: webhooks.clone(),
            ..AdyenConfig::default()
        };
        let sumsub_config = SumsubConfig {
            levels: vec![LEVEL.to_owned()],
            sender: webhooks,
            clock: Clock::system(),
            ..SumsubConfig::default()
        };
        let mt5_config =
            Mt5Config { groups: vec![Group::new(GROUP, "USD")], ..Mt5Config::default() };
        Self {
            stripe: StripeSim::start(stripe_config.clone()).await.expect("Stripe"),
            adyen: AdyenSim::start(adyen_config.clone()).await.expect("Adyen"),
            sumsub: SumsubSim::start(sumsub_config.clone()).await.expect("Sumsub"),
            mt5: Mt5Sim::start(mt5_config.clone()).await.expect("MT5"),
            stripe_config,
            adyen_config,
            sumsub_config,
            mt5_config,
        }
    }

    /// A hub with two PSPs: Stripe first, Adyen after a soft decline.
    pub async fn hub_with_psps(&self) -> Hub {
        let hub = self.setup_with_psps(&self.stripe.base_url()).start().await;
        self.stripe.set_webhook_url(Some(format!("{}/hooks/{STRIPE}", hub.base_url())));
        self.adyen.set_webhook_url(Some(format!("{}/hooks/{ADYEN}", hub.base_url())));
        hub
    }

    /// Its configuration, with Stripe's API at this address.
    pub fn setup_with_psps(&self, stripe: &str) -> Setup {
        Setup::new()
            .with(
                Connection::new(STRIPE, "stripe")
                    .api_base(stripe)
                    .secret("webhook_secret", &self.stripe_config.webhook_secret)
                    .secret("api_key", &self.stripe_config.api_key),
            )
            .with(
                Connection {
                    hosts: vec![self.adyen.base_url()],
                    ..Connection::new(ADYEN, "adyen")
                        .api_base(&format!("{}/v71", self.adyen.base_url()))
                }
                .setting(&format!("merchant_account = \"{MERCHANT}\""))
                .secret("api_key", &self.adyen_config.api_key)
                .secret("hmac_key", &self.adyen_config.hmac_key_hex),
            )
            .rules(&dispatch())
            .rules(&format!(
                "[[route]]\nname = \"cards\"\nwhen = {{ kind = \"deposit\", method = \"card\" }}\n\
                 use = {{ strategy = \"ordered\", connections = [\"{STRIPE}\", \"{ADYEN}\"] }}\n\
                 fallback = {{ attempts_max = 2, within = \"120s\" }}\n"
            ))
    }

    /// A hub with verification and a platform, and an evaluation that can be bought.
    pub async fn hub_with_platform(&self) -> Hub {
        let setup = Setup::new()
            .with(
                Connection::new(SUMSUB, "sumsub")
                    .api_base(&self.sumsub.base_url())
                    .secret("app_token", &self.sumsub_config.app_token)
                    .secret("secret_key", &self.sumsub_config.secret_key)
                    .secret("webhook_secret", &self.sumsub_config.webhook_secret),
            )
            .with(
                Connection::new(MT5, "mt5")
                    .api_base(&self.mt5.base_url())
                    .setting(&format!(
                        "manager_login = \"{}\", groups = ['{GROUP}']",
                        self.mt5_config.manager_login
                    ))
                    .secret("password", &self.mt5_config.manager_password)
                    .line("poll_every_ms = 200"),
            )
            .rules(&dispatch())
            .rules(&format!(
                r#"
[[kyc]]
name = "everyone"
connection = "{SUMSUB}"
level = "{LEVEL}"
at_registration = true

[[provisioning]]
name = "prop"
on = "challenge.purchased"
when = {{ programme = "100k" }}
account = {{ connection = "{MT5}", group = '{GROUP}', currency = "USD", leverage = 100 }}

[[programme]]
id = "100k"
currency = "USD"
initial_balance = "{INITIAL_BALANCE}"
day = {{ reset = "00:00", zone = "Europe/Prague" }}
[[programme.phase]]
name = "challenge"
rules = [ {{ rule = "max-loss", mode = "static", allowance = {{ of = "initial", share = "0.10" }} }} ]
"#
            ));
        let hub = setup.start().await;
        self.sumsub.set_webhook_url(format!("{}/hooks/{SUMSUB}", hub.base_url()));
        hub
    }

    /// Registers a client, has it verified, and lets it buy the evaluation.
    pub async fn buy_challenge(&self, hub: &Hub, client: &str) {
        hub.api.register(client, "acme-prop").await.expect(201);
        wait_for("the applicant at Sumsub", async || self.sumsub.pending(client).ok()).await;
        self.sumsub.review(client, Review::Green).expect("an applicant that waits");
        let data = json!({ "client": client, "purchase": "po-1", "programme": "100k" });
        let fact = json!({ "type": "challenge.purchased", "data": data });
        hub.api.post("/v1/facts", &format!("buy-{client}"), &fact).await.expect(201);
    }

    /// The platform's accounts whose funding or opening names the client.
    pub fn accounts(&self) -> Vec<AccountBook> {
        self.mt5.books().accounts
    }

    /// Payments at Stripe that took money, with how often each did.
    pub fn stripe_charges(&self, payment: &str) -> Vec<PaymentBook> {
        let of = |book: &PaymentBook| book.metadata.get("payment_id").is_some_and(|p| p == payment);
        let all = self.stripe.books().payments;
        all.into_iter().filter(|book| of(book) && book.times_charged() > 0).collect()
    }
}

/// Everything waits shorter than it would, so that a test takes seconds.
fn dispatch() -> String {
    format!(
        "[dispatch]\nattempts_max = 10\nbackoff_min_ms = 50\nbackoff_max_ms = 3000\n\
         request_timeout_ms = {}\ncircuit_failures = 100\n",
        REQUEST_TIMEOUT.as_millis()
    )
}

/// Asks for a deposit of 100.00 EUR; gives the payment's id. The answer comes when the first PSP
/// has answered, or after some seconds.
pub async fn deposit(hub: &Hub, client: &str, card: &str) -> String {
    let body = json!({
        "client": client, "amount": { "amount": "100.00", "currency": "EUR" }, "method": "card",
        "method_tokens": { (STRIPE): card }, "return_url": "https://cashier.example/return",
    });
    let answer = hub.api.post("/v1/deposits", &format!("deposit-{client}"), &body).await;
    assert!([201, 202].contains(&answer.status), "{}: {}", answer.status, answer.text());
    answer.json()["payment"].as_str().expect("a payment").to_owned()
}

/// The client's wallet in a currency, as the card shows it.
pub async fn wallet(hub: &Hub, client: &str, currency: &str) -> String {
    let card = hub.api.json(&format!("/v1/clients/{client}/card")).await;
    card["wallet"][currency].as_str().unwrap_or("nothing").to_owned()
}

/// Adyen's item for a payment, signed with this key (docs.adyen.com, "Webhook types").
pub fn adyen_item(key_hex: &str, psp_reference: &str, payment: &str) -> Value {
    let mut item = json!({
        "additionalData": {},
        "amount": { "currency": "EUR", "value": 10_000 },
        "eventCode": "AUTHORISATION", "eventDate": "2026-11-21T10:00:00+01:00",
        "merchantAccountCode": MERCHANT, "merchantReference": payment,
        "paymentMethod": "visa", "pspReference": psp_reference, "success": "true",
    });
    item["additionalData"]["hmacSignature"] = sign::adyen(key_hex, &item).into();
    json!({ "NotificationRequestItem": item })
}

/// A notification of Adyen with these items.
pub fn adyen_batch(items: Vec<Value>) -> Vec<u8> {
    json!({ "live": "false", "notificationItems": items }).to_string().into_bytes()
}

/// A connection to an Adyen that nobody answers for, and the key its notifications are signed with.
pub fn adyen_alone() -> (Connection, String) {
    let key = AdyenConfig::default().hmac_key_hex;
    let connection = Connection {
        hosts: vec![super::setup::NOWHERE.to_owned()],
        ..Connection::new(ADYEN, "adyen").api_base(&format!("{}/v71", super::setup::NOWHERE))
    }
    .setting(&format!("merchant_account = \"{MERCHANT}\""))
    .secret("api_key", "AQE_nobody")
    .secret("hmac_key", &key);
    (connection, key)
}
