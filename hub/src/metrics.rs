//! Metrics for Prometheus (OpenMetrics text), by the library that Prometheus itself keeps.
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Fate {
    fate: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfConnection {
    connection: String,
}

/// What is measured.
pub struct Metrics {
    registry: Registry,
    hooks: Family<Fate, Counter>,
    hook_seconds: Histogram,
    log_last: Gauge,
    engine_lag: Gauge,
    index_lag: Gauge,
    open_actions: Gauge,
    quarantined: Family<OfConnection, Gauge>,
    events: Family<OfConnection, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hub");
        let new = Self {
            hooks: Family::default(),
            hook_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
            log_last: Gauge::default(),
            engine_lag: Gauge::default(),
            index_lag: Gauge::default(),
            open_actions: Gauge::default(),
            quarantined: Family::default(),
            events: Family::default(),
            registry: Registry::default(),
        };
        registry.register("webhooks", "Webhooks by what became of them", new.hooks.clone());
        registry.register(
            "webhook_seconds",
            "From a webhook's last byte to its answer",
            new.hook_seconds.clone(),
        );
        registry.register("log_events", "Events in the log", new.log_last.clone());
        registry.register(
            "engine_lag_events",
            "Events that the deciders have not seen",
            new.engine_lag.clone(),
        );
        registry.register(
            "index_lag_events",
            "Events that the index has not taken in",
            new.index_lag.clone(),
        );
        registry.register("open_actions", "Actions under way at vendors", new.open_actions.clone());
        registry.register(
            "connection_quarantined",
            "Deliveries quarantined since the start",
            new.quarantined.clone(),
        );
        registry.register("connection_events", "Events read since the start", new.events.clone());
        Self { registry, ..new }
    }
}

/// What is looked up at the moment of asking.
pub struct Now {
    /// Last event.
    pub last: u64,
    /// The engine's position.
    pub engine: u64,
    /// The index's position.
    pub index: u64,
    /// Actions under way.
    pub open_actions: usize,
}

impl Metrics {
    /// A webhook was answered.
    pub fn hook(&self, fate: &'static str) {
        self.hooks.get_or_create(&Fate { fate }).inc();
    }
    /// How long it took.
    pub fn hook_time(&self, elapsed: Duration) {
        self.hook_seconds.observe(elapsed.as_secs_f64());
    }
    /// A connection's counters.
    pub fn connection(&self, connection: &str, quarantined: u64, events: u64) {
        let label = OfConnection { connection: connection.to_owned() };
        self.quarantined.get_or_create(&label).set(clamp(quarantined));
        self.events.get_or_create(&label).set(clamp(events));
    }
    /// Everything as text.
    pub fn text(&self, now: &Now) -> String {
        self.log_last.set(clamp(now.last));
        self.engine_lag.set(clamp(now.last.saturating_sub(now.engine)));
        self.index_lag.set(clamp(now.last.saturating_sub(now.index)));
        self.open_actions.set(clamp(now.open_actions as u64));
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }
}

fn clamp(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
