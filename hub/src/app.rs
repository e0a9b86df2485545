//! The hub, put together: what starts in which order, and how it stops.
use crate::config::{self, Config, Loaded};
use crate::connections::{Connection, ConnectionError, Connections};
use crate::dispatch::{Circuits, Dispatcher, Shared};
use crate::egress::{EgressLimits, Tokens};
use crate::engine::{Engine, EngineError, EngineHandle, snapshot_path};
use crate::erasure::{Erasure, ErasureError};
use crate::housekeeping::{self, Retention};
use crate::index::Events;
use crate::ingest::{DeliveryStore, Ingest, Quarantine, run_polls};
use crate::journal::{Draft, Journal, JournalError};
use crate::metrics::{Metrics, Now};
use crate::plugins::{self, PluginError};
use crate::proof::{self, Kept, LogKey, LogKeyError};
use crate::stored::Source;
use crate::vault::{self, Credentials, KeyError, KeyFileError, MasterKey, Sealer, key_file};
use crate::{api, backup, clock, timers};
use hub_index::{Index, IndexError, IndexOptions};
use hub_log::{EventLog, LogOptions, OpenError, ReadError, SledLog};
use hub_sandbox::Entry;
use hub_schemas::events::ops::ConfigApplied;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why the hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration does not hold.
    #[error("the configuration does not hold:\n{}", .0.join("\n"))]
    Config(Vec<String>),
    /// The log did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The index did not open.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No master key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The clients' keys could not be had.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// An erasure that was begun could not be finished.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// The sandbox could not be made.
    #[error(transparent)]
    Sandbox(#[from] PluginError),
    /// A connection could not be made ready.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The engine could not catch up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The log's signing key could not be made ready.
    #[error(transparent)]
    LogKey(#[from] LogKeyError),
    /// The rules in force could not be recorded.
    #[error("the rules in force could not be recorded: {0}")]
    Journal(#[from] JournalError),
    /// The address is taken or not ours.
    #[error(
        "cannot listen on {listen}: {source}; is another hub running, or the port in use? [server] listen sets the address"
    )]
    Listen {
        /// The address.
        listen: String,
        /// Why.
        source: std::io::Error,
    },
    /// Half a restore.
    #[error("a restore into {path} was cut off; remove that directory, and restore again", path = path.display())]
    UnfinishedRestore {
        /// The data directory.
        path: PathBuf,
    },
    /// A directory could not be made.
    #[error("{path}: {source}", path = path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Everything that the faces need.
pub struct Hub {
    /// Configuration in force.
    pub config: Config,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The way into it.
    pub journal: Arc<Journal>,
    /// State and deciders.
    pub engine: EngineHandle,
    /// Where events are.
    pub index: Arc<Index>,
    /// Vendors.
    pub connections: Arc<Connections>,
    /// Deliveries in.
    pub ingest: Arc<Ingest>,
    /// Raw deliveries.
    pub deliveries: Arc<DeliveryStore>,
    /// What was not understood.
    pub quarantine: Arc<Quarantine>,
    /// Signed checkpoints of the log.
    pub checkpoints: Arc<Kept>,
    /// Passwords of accounts.
    pub credentials: Arc<Credentials>,
    /// Destroys the keys of erased clients, and keeps clients findable.
    pub erasure: Arc<Erasure>,
    /// Who may call: name and digest of the token.
    pub tokens: Vec<(String, blake3::Hash)>,
    /// Bounds webhooks at work.
    pub hook_turns: tokio::sync::Semaphore,
    /// What is measured.
    pub metrics: Metrics,
    /// Ends everything.
    pub stop: CancellationToken,
    engine_failure: Mutex<Option<String>>,
}

impl Hub {
    /// Why the engine stopped, if it did.
    pub fn engine_failure(&self) -> Option<String> {
        self.engine_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Metrics, as text.
    pub fn metrics_text(&self) -> String {
        for connection in self.connections.iter() {
            let health = &connection.health;
            let (quarantined, events) =
                (health.quarantined.load(Relaxed), health.events.load(Relaxed));
            self.metrics.connection(connection.id.as_str(), quarantined, events);
        }
        self.metrics.text(&Now {
            log: self.log.stats(),
            index_usage: self.index.usage().ok(),
            engine: self.engine.position(),
            index: self.index.position(),
            open_actions: self.engine.read(|state| state.open_actions().count()),
        })
    }
}

/// A hub at work.
pub struct Running {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Where it listens.
    pub address: SocketAddr,
    tasks: JoinSet<()>,
}

/// How long a stop waits for what is under way.
const STOP_WAIT: Duration = Duration::from_secs(30);

impl Running {
    /// `http://127.0.0.1:8080`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it stops by itself: when told to by `hub.stop`, or when the engine fails.
    pub async fn wait(&mut self) {
        self.hub.stop.cancelled().await;
    }

    /// Stops taking in, finishes what is under way, closes the log.
    pub async fn stop(mut self) {
        self.hub.stop.cancel();
        let drain = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WAIT, drain).await.is_err() {
            tracing::warn!("something did not stop in time; everything acknowledged is durable");
        }
        self.tasks.abort_all();
        let log = self.hub.log.clone();
        if tokio::task::spawn_blocking(move || log.close()).await.is_err() {
            tracing::warn!("the log was not closed in order; it will be checked at the next start");
        }
    }
}

/// What a configuration gives once its connectors have said what they are.
pub struct Prepared {
    connections:
        Vec<(config::Connection, Arc<hub_sandbox::Connector>, hub_schemas::manifest::Manifest)>,
    /// The rules, with what they need to know of each connection.
    pub rules: hub_schemas::events::rules::RuleSet,
}

/// Checks everything that can be checked without a data directory.
pub fn prepare(loaded: &Loaded, cache_dir: Option<PathBuf>) -> Result<Prepared, StartError> {
    let problems = config::check(&loaded.config);
    if !problems.is_empty() {
        return Err(StartError::Config(problems.iter().map(|p| p.shown(loaded)).collect()));
    }
    let mut connections = Vec::new();
    let mut manifests = BTreeMap::new();
    let mut unloaded = Vec::new();
    if !loaded.config.connection.is_empty() {
        let sandbox = plugins::sandbox(cache_dir)?;
        for (i, connection) in loaded.config.connection.iter().enumerate() {
            let found = plugins::load(&sandbox, &connection.plugin, loaded.base());
            let (connector, manifest) = match found {
                Ok(loaded) => loaded,
                Err(error) => {
                    let place = format!("connection[{i}].plugin");
                    unloaded.push(config::Problem { place, message: error.to_string() });
                    continue;
                }
            };
            let capabilities =
                connector.capability_names().into_iter().map(str::to_owned).collect();
            manifests.insert(connection.id.to_string(), (manifest.clone(), capabilities));
            connections.push((connection.clone(), connector, manifest));
        }
    }
    let mut problems = unloaded;
    // Rules that name a connection without its connector are not wrong for that.
    if problems.is_empty() {
        problems = config::check_with_manifests(&loaded.config, &manifests);
    }
    if !problems.is_empty() {
        return Err(StartError::Config(problems.iter().map(|p| p.shown(loaded)).collect()));
    }
    let rules = config::rule_set(&loaded.config, &manifests);
    Ok(Prepared { connections, rules })
}

/// Starts a hub.
pub async fn start(loaded: &Loaded) -> Result<Running, StartError> {
    crate::install_crypto();
    let config = loaded.config.clone();
    let data_dir = config.data_dir(loaded.base());
    std::fs::create_dir_all(&data_dir)
        .map_err(|source| StartError::Directory { path: data_dir.clone(), source })?;
    if data_dir.join(backup::UNFINISHED).exists() {
        return Err(StartError::UnfinishedRestore { path: data_dir });
    }
    let master = MasterKey::read(&config.key_file(loaded.base()))?;
    let prepared = prepare(loaded, Some(data_dir.join("cache")))?;
    // The port first: a second hub must not touch the log of the first.
    let listener = TcpListener::bind(&config.server.listen)
        .await
        .map_err(|source| StartError::Listen { listen: config.server.listen.clone(), source })?;
    let address = listener
        .local_addr()
        .map_err(|source| StartError::Listen { listen: config.server.listen.clone(), source })?;
    let mut options = LogOptions::new(data_dir.join("log"));
    options.dedup_days = config.log.dedup_days;
    let opened =
        tokio::task::spawn_blocking(move || SledLog::open(options)).await.map_err(interrupted)?;
    let log: Arc<dyn EventLog> = Arc::new(opened?);

    let index = {
        let (log, dir) = (log.clone(), data_dir.join("index"));
        let open = move || Index::open(&dir, log, Arc::new(Events), IndexOptions::default());
        tokio::task::spawn_blocking(open).await.map_err(interrupted)??
    };
    let key = LogKey::open(&*log, &master).await?;
    let checkpoints = Arc::new(Kept::new(log.clone(), key));
    let keys = key_file::open_for(&log, &vault::key_file_path(&data_dir), &master).await?;
    let sealer = Arc::new(Sealer::new(keys));
    let journal = Arc::new(Journal::new(log.clone(), sealer.clone()));
    let (mut engine, handle) = Engine::open(journal.clone(), Some(snapshot_path(&data_dir)))?;
    apply_rules(&journal, &handle, prepared.rules).await?;
    engine.catch_up().await?;
    let caught_up = log.last();
    let credentials = Arc::new(Credentials::new(log.clone(), sealer.clone(), &master));
    let erasure = Arc::new(Erasure::new(journal.clone(), handle.clone(), credentials.clone()));
    // Before anybody can ask: what was erased is gone, whatever a crash came between.
    erasure.finish_all().await?;

    let tokens = Arc::new(Tokens::open(log.clone(), &master, clock::now_ms())?);
    let limits = EgressLimits {
        request_timeout: Duration::from_millis(config.dispatch.request_timeout_ms),
        ..EgressLimits::default()
    };
    let connections = prepared
        .connections
        .into_iter()
        .map(|(config, connector, manifest)| {
            let base = loaded.base();
            Connection::new(&config, base, connector, manifest, tokens.clone(), limits)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let connections = Arc::new(Connections::new(connections));
    let deliveries = Arc::new(DeliveryStore::new(log.clone(), sealer, &master));
    let quarantine = Arc::new(Quarantine::new(journal.clone(), deliveries.clone()));
    let ingest =
        Ingest::new(journal.clone(), deliveries.clone(), quarantine.clone(), handle.clone());
    let ingest = Arc::new(ingest);
    let hub = Arc::new(Hub {
        hook_turns: tokio::sync::Semaphore::new(config.server.hooks_at_once_max),
        tokens: resolve_tokens(loaded)?,
        index,
        metrics: Metrics::default(),
        stop: CancellationToken::new(),
        engine_failure: Mutex::new(None),
        engine: handle,
        log,
        journal,
        connections,
        ingest,
        deliveries,
        quarantine,
        checkpoints,
        credentials,
        erasure,
        config,
    });
    let tasks = spawn_all(&hub, engine, listener, caught_up);
    tracing::info!(%address, events = caught_up, connections = hub.connections.iter().count(),
        "hub ready");
    if hub.tokens.is_empty() {
        tracing::info!("no [[token]]: the API answers this machine only, as admin");
    }
    Ok(Running { hub, address, tasks })
}

fn interrupted(error: tokio::task::JoinError) -> StartError {
    StartError::Config(vec![format!("the log's opening was interrupted: {error}")])
}

fn spawn_all(hub: &Arc<Hub>, engine: Engine, listener: TcpListener, caught_up: u64) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let stop = hub.stop.clone();
    tasks.spawn(hub.index.clone().run(stop.clone()));
    {
        // The engine goes last: what the others append while they stop is still decided on at
        // the next start, from its durable position.
        let (hub, stop) = (hub.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = engine.run(stop).await {
                tracing::error!(%error, "the engine stopped: nothing more is decided");
                *hub.engine_failure.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(error.to_string());
            }
        });
    }
    {
        let shared = Arc::new(Shared {
            journal: hub.journal.clone(),
            connections: hub.connections.clone(),
            credentials: hub.credentials.clone(),
            circuits: Circuits::new(
                hub.config.dispatch.circuit_failures,
                Duration::from_millis(hub.config.dispatch.circuit_open_ms),
            ),
            results: Default::default(),
            config: hub.config.dispatch.clone(),
        });
        let mut dispatcher = Dispatcher::new(shared, hub.engine.clone());
        dispatcher.resume();
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = dispatcher.run(caught_up, stop).await {
                tracing::error!(%error, "the dispatcher stopped");
            }
        });
    }
    let kept = &hub.config.log;
    let retention = Retention { delivery_days: kept.delivery_days, dedup_days: kept.dedup_days };
    let (log, quarantine) = (hub.log.clone(), hub.quarantine.clone());
    let deliveries = hub.deliveries.clone();
    tasks.spawn(housekeeping::run(log, quarantine, deliveries, retention, stop.clone()));
    let every = Duration::from_secs(kept.checkpoint_every_s);
    tasks.spawn(proof::run_checkpoints(hub.checkpoints.clone(), every, stop.clone()));
    tasks.spawn(hub.erasure.clone().run(caught_up, stop.clone()));
    tasks.spawn(timers::run(hub.journal.clone(), hub.engine.clone(), stop.clone()));
    for connection in hub.connections.iter().filter(|c| c.connector.has(Entry::POLL_NEXT)) {
        let (engine, id) = (hub.engine.clone(), connection.id.clone());
        let paused = move || engine.read(|s| s.connection(&id).paused.is_some());
        tasks.spawn(run_polls(hub.ingest.clone(), connection.clone(), paused, stop.clone()));
    }
    let router = api::router(hub.clone());
    tasks.spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let served =
            axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the HTTP server stopped");
        }
    });
    tasks
}

/// Records the rules if they are not those that the deciders go by already.
async fn apply_rules(
    journal: &Journal,
    engine: &EngineHandle,
    rules: hub_schemas::events::rules::RuleSet,
) -> Result<(), StartError> {
    let json = serde_json::to_vec(&rules).unwrap_or_default();
    let version = blake3::hash(&json).to_hex()[..16].to_owned();
    if engine.read(|state| state.config().version == version) {
        return Ok(());
    }
    tracing::info!(version, "new rules in force");
    let applied = ConfigApplied { version, rules };
    let mut draft = Draft::new(Source::Api, clock::now_ms(), applied);
    draft.actor = Some("hub.toml".to_owned());
    journal.append(&draft, None).await?;
    Ok(())
}

fn resolve_tokens(loaded: &Loaded) -> Result<Vec<(String, blake3::Hash)>, StartError> {
    loaded
        .config
        .token
        .iter()
        .enumerate()
        .map(|(i, token)| {
            let secret = vault::resolve(&token.token, loaded.base())
                .map_err(|error| StartError::Config(vec![format!("token[{i}].token: {error}")]))?;
            Ok((token.name.clone(), blake3::hash(secret.expose())))
        })
        .collect()
}
