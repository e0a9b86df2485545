//! Everything that the invariants are judged by, gathered once.
use crate::demo::{DayFacts, DemoError, HubApi, World, connection};
use hub_schemas::CloudEvent;
use hub_simulators::Deliveries;
use hub_simulators::adyen::AdyenBooks;
use hub_simulators::mt5::Mt5Books;
use hub_simulators::stripe::StripeBooks;
use hub_simulators::sumsub::SumsubBooks;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Stripe's events asked for at once: the most that it gives.
const STRIPE_PAGE: usize = 100;
/// How long Stripe may take.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// The vendors' books and the hub's log.
pub struct Evidence {
    /// The whole log, oldest first.
    pub events: Vec<CloudEvent>,
    /// `GET /v1/ledger`
    pub ledger: Value,
    /// `GET /v1/verify`
    pub verify: Value,
    /// `GET /v1/connections`, by id.
    pub connections: BTreeMap<String, Value>,
    /// `GET /v1/quarantine`
    pub quarantine: Vec<Value>,
    /// Connection and body of each delivery that was quarantined.
    pub set_aside: Vec<(String, String)>,
    /// Stripe's books.
    pub stripe: StripeBooks,
    /// Id and type of every event that Stripe made.
    pub stripe_events: Vec<(String, String)>,
    /// Adyen's books.
    pub adyen: AdyenBooks,
    /// Sumsub's books.
    pub sumsub: SumsubBooks,
    /// The platform's books.
    pub mt5: Mt5Books,
    /// Counters of webhooks out, by connection.
    pub deliveries: BTreeMap<&'static str, Deliveries>,
    /// Calls that were made to go wrong.
    pub faults_applied: u64,
    /// What the day did.
    pub facts: DayFacts,
}

impl Evidence {
    /// Asks everyone. Nothing may be under way any more.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn gather(world: &World, hub_url: &str, facts: &DayFacts) -> Result<Self, DemoError> {
        let hub = HubApi::new(hub_url)?;
        let events = hub.all_events().await?;
        Ok(Self {
            set_aside: set_aside(&hub, &events).await?,
            events,
            ledger: hub.get("/v1/ledger").await?,
            verify: hub.get("/v1/verify").await?,
            connections: connections(&hub).await?,
            quarantine: quarantine(&hub).await?,
            stripe: world.stripe.books(),
            stripe_events: stripe_events(world).await?,
            adyen: world.adyen.books(),
            sumsub: world.sumsub.books(),
            mt5: world.mt5.books(),
            deliveries: world.deliveries().into_iter().collect(),
            faults_applied: world.faults_applied(),
            facts: facts.clone(),
        })
    }

    /// Events of a type.
    pub fn of_type<'a>(&'a self, event_type: &'a str) -> impl Iterator<Item = &'a CloudEvent> {
        self.events.iter().filter(move |event| event.event_type == event_type)
    }

    /// Events that a vendor told over a connection, by webhook or when asked.
    pub fn told_by<'a>(
        &'a self,
        connection: &str,
    ) -> impl Iterator<Item = &'a CloudEvent> + use<'a> {
        let source = format!("/connections/{connection}");
        self.events.iter().filter(move |event| event.source == source)
    }

    /// A delivery of the connection that was set aside holds this text.
    pub fn is_set_aside(&self, connection: &str, text: &str) -> bool {
        self.set_aside.iter().any(|(of, body)| of == connection && body.contains(text))
    }
}

/// A text field of an event's data; empty if it is not there.
pub(super) fn text<'a>(event: &'a CloudEvent, field: &str) -> &'a str {
    event.data[field].as_str().unwrap_or_default()
}

async fn connections(hub: &HubApi) -> Result<BTreeMap<String, Value>, DemoError> {
    let answer = hub.get("/v1/connections").await?;
    let all = answer["connections"].as_array().cloned().unwrap_or_default();
    let named = |one: Value| Some((one["id"].as_str()?.to_owned(), one));
    Ok(all.into_iter().filter_map(named).collect())
}

async fn quarantine(hub: &HubApi) -> Result<Vec<Value>, DemoError> {
    let mut all = Vec::new();
    let mut path = "/v1/quarantine?limit=500".to_owned();
    loop {
        let answer = hub.get(&path).await?;
        all.extend(answer["entries"].as_array().cloned().unwrap_or_default());
        let Some(next) = answer["next"].as_str() else { return Ok(all) };
        path = format!("/v1/quarantine?limit=500&after={next}");
    }
}

async fn set_aside(
    hub: &HubApi,
    events: &[CloudEvent],
) -> Result<Vec<(String, String)>, DemoError> {
    let mut found = Vec::new();
    for event in events.iter().filter(|event| event.event_type == "delivery.quarantined") {
        let Some(delivery) = &event.deliveryid else { continue };
        let shown = hub.get(&format!("/v1/deliveries/{delivery}")).await?;
        let body = shown["body"].as_str().unwrap_or_default().to_owned();
        found.push((text(event, "connection").to_owned(), body));
    }
    Ok(found)
}

/// Every event that Stripe made, from Stripe itself (docs.stripe.com/api/events/list).
async fn stripe_events(world: &World) -> Result<Vec<(String, String)>, DemoError> {
    let http = hub_simulators::http_client(STRIPE_TIMEOUT)?;
    let url = format!("{}/v1/events", world.stripe.base_url());
    let failed = |why: String| DemoError::answer("GET /v1/events of Stripe", why);
    let mut all: Vec<(String, String)> = Vec::new();
    loop {
        let mut query = format!("?limit={STRIPE_PAGE}");
        if let Some((last, _)) = all.last() {
            query += &format!("&starting_after={last}");
        }
        let asked = http.get(format!("{url}{query}")).bearer_auth(&world.secrets.stripe_api_key);
        let answer = asked.send().await.map_err(|e| failed(e.to_string()))?;
        let page: Value = answer.json().await.map_err(|e| failed(e.to_string()))?;
        let events = page["data"].as_array().ok_or_else(|| failed(page.to_string()))?;
        let pair = |event: &Value| {
            Some((event["id"].as_str()?.to_owned(), event["type"].as_str()?.to_owned()))
        };
        all.extend(events.iter().filter_map(pair));
        if page["has_more"] != true {
            return Ok(all);
        }
    }
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence")
            .field("events", &self.events.len())
            .field("clients", &self.facts.clients.len())
            .field("payments", &(self.stripe.payments.len() + self.adyen.payments.len()))
            .field("accounts", &self.mt5.accounts.len())
            .field("connections", &[connection::STRIPE, connection::ADYEN])
            .finish_non_exhaustive()
    }
}
