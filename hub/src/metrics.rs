//! Metrics for Prometheus (OpenMetrics text), by the library that Prometheus itself keeps.
use hub_index::Usage;
use hub_log::LogStats;
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
    log: LogGauges,
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
            log: LogGauges::default(),
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
        new.log.register(&mut registry);
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

/// The log's own figures.
#[derive(Default)]
struct LogGauges {
    events: Gauge,
    deliveries: Gauge,
    disk_bytes: Gauge,
    queue_batches: Gauge,
    queue_bytes: Gauge,
    groups: Gauge,
    syncs: Gauge,
    last_sync_us: Gauge,
    dedup_keys: Gauge,
    dedup_memory_bytes: Gauge,
    index_disk_bytes: Gauge,
    index_segments: Gauge,
}

impl LogGauges {
    fn register(&self, registry: &mut Registry) {
        let all = [
            ("log_events", "Events in the log", &self.events),
            ("log_deliveries", "Raw deliveries that are kept", &self.deliveries),
            ("log_disk_bytes", "What the log's files take", &self.disk_bytes),
            ("log_queue_batches", "Appends that wait for the writer", &self.queue_batches),
            ("log_queue_bytes", "Their bytes", &self.queue_bytes),
            ("log_groups", "Groups committed since the start", &self.groups),
            ("log_syncs", "Syncs (fdatasync) since the start", &self.syncs),
            ("log_last_sync_microseconds", "How long the last sync took", &self.last_sync_us),
            ("log_dedup_keys", "Vendor event ids that are remembered", &self.dedup_keys),
            ("log_dedup_memory_bytes", "Memory that takes", &self.dedup_memory_bytes),
            ("index_disk_bytes", "What the index takes", &self.index_disk_bytes),
            ("index_segments", "Segments that a question goes to", &self.index_segments),
        ];
        for (name, help, gauge) in all {
            registry.register(name, help, gauge.clone());
        }
    }

    fn set(&self, now: &Now) {
        let (log, index) = (&now.log, &now.index_usage);
        self.events.set(clamp(log.last));
        let kept = (log.blob_last + 1).saturating_sub(log.blob_first.max(1));
        self.deliveries.set(clamp(kept));
        self.disk_bytes.set(clamp(log.disk_bytes));
        self.queue_batches.set(clamp(log.queue_batches));
        self.queue_bytes.set(clamp(log.queue_bytes));
        self.groups.set(clamp(log.groups_total));
        self.syncs.set(clamp(log.syncs_total));
        self.last_sync_us.set(clamp(log.last_sync_us));
        self.dedup_keys.set(clamp(log.dedup_keys));
        self.dedup_memory_bytes.set(clamp(log.dedup_memory_bytes));
        if let Some(index) = index {
            self.index_disk_bytes.set(clamp(index.disk_bytes));
            self.index_segments.set(clamp(index.segments as u64));
        }
    }
}

/// What is looked up at the moment of asking.
pub struct Now {
    /// The log's figures.
    pub log: LogStats,
    /// The index's; nothing if its files do not answer.
    pub index_usage: Option<Usage>,
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
        self.log.set(now);
        self.engine_lag.set(clamp(now.log.last.saturating_sub(now.engine)));
        self.index_lag.set(clamp(now.log.last.saturating_sub(now.index)));
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
