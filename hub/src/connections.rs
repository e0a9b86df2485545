//! A configured connection at work: its connector, what it may reach, and how it is doing.
use crate::call::Pace;
use crate::egress::{Egress, EgressLimits, Origin, Tokens};
use crate::recipe::Secrets;
use crate::vault::{Secret, SecretError};
use crate::{config, vault};
use hub_sandbox::{Connector, types};
use hub_schemas::manifest::Manifest;
use hub_schemas::{ConnectionId, EntityId};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// How old a signed time stamp may be where neither connector nor operator says otherwise.
/// Stripe's own libraries use 300 s.
const SIGNATURE_TOLERANCE_S: u32 = 300;

/// Why a connection cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A secret is missing.
    #[error("connection {connection}: secret {name}: {source}")]
    Secret {
        /// Which connection.
        connection: ConnectionId,
        /// Which secret.
        name: String,
        /// Why.
        source: SecretError,
    },
    /// A grant is not an origin.
    #[error("connection {connection}: grants.hosts: {source}")]
    Grant {
        /// Which connection.
        connection: ConnectionId,
        /// Why.
        source: crate::egress::OriginError,
    },
    /// The HTTP client could not be made.
    #[error("connection {connection}: HTTP client: {source}")]
    Client {
        /// Which connection.
        connection: ConnectionId,
        /// Why.
        source: reqwest::Error,
    },
}

/// A connection at work.
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its entity.
    pub entity: Option<EntityId>,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// What the connector says of itself.
    pub manifest: Manifest,
    /// Its way out.
    pub egress: Egress,
    /// Takes unsigned deliveries.
    pub allow_unsigned: bool,
    /// Real money.
    pub live: bool,
    /// Allowed age of a signed time stamp, both ways, in seconds.
    pub signature_tolerance_s: u32,
    /// How often it is polled, in milliseconds.
    pub poll_every_ms: u64,
    /// How it is doing.
    pub health: Health,
    /// How quick its connector is with deliveries.
    pub pace: Pace,
    settings: String,
}

/// Counters since the start of the process; what must survive is in the log.
#[derive(Default)]
pub struct Health {
    /// Deliveries that became durable.
    pub accepted: AtomicU64,
    /// Deliveries that brought nothing new.
    pub duplicates: AtomicU64,
    /// Deliveries that no check passed for.
    pub refused: AtomicU64,
    /// Deliveries in quarantine.
    pub quarantined: AtomicU64,
    /// Deliveries of no interest.
    pub ignored: AtomicU64,
    /// Events read from deliveries and polls.
    pub events: AtomicU64,
    /// Calls of the connector that trapped or broke a limit, in a row.
    pub failures_in_a_row: AtomicU64,
    /// When the last event came, Unix milliseconds; 0 before the first.
    pub last_event_ms: AtomicI64,
    /// When the last poll succeeded, Unix milliseconds; 0 before the first.
    pub last_poll_ms: AtomicI64,
}

/// How often a connection is polled where neither connector nor operator says otherwise.
const POLL_EVERY_MS: u64 = 5_000;

impl Connection {
    /// From its configuration.
    pub fn new(
        config: &config::Connection,
        base: &Path,
        connector: Arc<Connector>,
        manifest: Manifest,
        tokens: Arc<Tokens>,
        limits: EgressLimits,
    ) -> Result<Self, ConnectionError> {
        let id = config.id.clone();
        let mut secrets: HashMap<String, Vec<Secret>> = HashMap::new();
        for (name, references) in &config.secrets {
            for reference in references.all() {
                let secret = vault::resolve(reference, base).map_err(|source| {
                    ConnectionError::Secret { connection: id.clone(), name: name.clone(), source }
                })?;
                secrets.entry(name.clone()).or_default().push(secret);
            }
        }
        let granted = config
            .grants
            .hosts
            .iter()
            .map(|host| Origin::parse(host))
            .collect::<Result<_, _>>()
            .map_err(|source| ConnectionError::Grant { connection: id.clone(), source })?;
        let egress = Egress::new(
            id.as_str(),
            granted,
            config.grants.private_addresses,
            secrets,
            tokens,
            limits,
        )
        .map_err(|source| ConnectionError::Client { connection: id.clone(), source })?;
        Ok(Self {
            entity: config.entity.clone(),
            allow_unsigned: config.allow_unsigned,
            live: config.live,
            signature_tolerance_s: config
                .signature_tolerance_s
                .or(manifest.signature_tolerance_s)
                .unwrap_or(SIGNATURE_TOLERANCE_S),
            poll_every_ms: config
                .poll_every_ms
                .or(manifest.poll_every_ms)
                .unwrap_or(POLL_EVERY_MS)
                .max(10),
            settings: config::settings_json(&config.settings).to_string(),
            health: Health::default(),
            pace: Pace::default(),
            id,
            connector,
            manifest,
            egress,
        })
    }

    /// The context of a call that begins now.
    pub fn context(&self, now_ms: i64) -> types::Context {
        let nonce: [u8; 16] = rand::random();
        types::Context {
            connection: self.id.as_str().to_owned(),
            settings: self.settings.clone(),
            now_ms,
            nonce: nonce.to_vec(),
            live: self.live,
        }
    }

    /// Notes that the connector failed or worked; says how many failures in a row that makes.
    pub fn note(&self, failed: bool) -> u64 {
        if failed {
            self.health.failures_in_a_row.fetch_add(1, Relaxed) + 1
        } else {
            self.health.failures_in_a_row.store(0, Relaxed);
            0
        }
    }
}

/// Secrets for an inbound check, with one value of a rotated secret in force.
pub struct CheckSecrets<'a> {
    /// All values.
    pub values: &'a HashMap<String, Vec<Secret>>,
    /// Which of a secret's values is in force.
    pub generation: usize,
}

impl Secrets for CheckSecrets<'_> {
    fn secret(&self, name: &str) -> Option<Secret> {
        let all = self.values.get(name)?;
        all.get(self.generation).or_else(|| all.last()).cloned()
    }
}

/// All connections.
#[derive(Default)]
pub struct Connections(BTreeMap<ConnectionId, Arc<Connection>>);

impl Connections {
    /// From its members.
    pub fn new(all: impl IntoIterator<Item = Connection>) -> Self {
        Self(all.into_iter().map(|c| (c.id.clone(), Arc::new(c))).collect())
    }
    /// One by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Connection>> {
        self.0.get(&ConnectionId::new(id).ok()?)
    }
    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.0.values()
    }
}
