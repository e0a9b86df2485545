//! What the load is sent to: a bare handler, and the hub itself. Each has a runtime of its own,
//! like the hub's binary, and is idle while another has its turn.
use super::BenchError;
use super::deliveries::{CONNECTION, SECRET};
use crate::app::{self, Running};
use crate::config;
use crate::vault::MasterKey;
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How long the end of a server may take.
const END_WAIT: Duration = Duration::from_secs(5);
/// No second poll while the benchmark runs: there is no Stripe.
const POLL_EVERY_MS: u64 = 86_400_000;

/// A runtime like the binary's; its threads have a name, so that a profiler tells them apart.
pub(super) fn runtime(name: &str) -> Result<Runtime, BenchError> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(BenchError::io("start a runtime"))
}

/// A server on loopback.
pub(super) struct Server {
    runtime: Runtime,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Serves a router until the process or the value ends.
    pub(super) fn start(runtime: Runtime, router: Router) -> Result<Self, BenchError> {
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(BenchError::io("listen on loopback"))?;
        let address = listener.local_addr().map_err(BenchError::io("listen on loopback"))?;
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { runtime, address })
    }

    pub(super) fn stop(self) {
        self.runtime.shutdown_timeout(END_WAIT);
    }
}

/// Reads the body, answers 200: the most that this machine and this HTTP server can do.
pub(super) fn bare() -> Result<Server, BenchError> {
    let answer = |body: Bytes| async move {
        std::hint::black_box(body);
        StatusCode::OK
    };
    let router = Router::new().route("/hooks/{connection}", axum::routing::post(answer));
    Server::start(runtime("bench-bare")?, router)
}

/// The hub, with one Stripe connection and no rules.
pub(super) struct Hub {
    runtime: Runtime,
    running: Running,
}

impl Hub {
    /// In a directory of its own.
    pub(super) fn start(dir: &Path) -> Result<Self, BenchError> {
        let failed = BenchError::io("write the configuration of the hub under test");
        std::fs::create_dir_all(dir).map_err(&failed)?;
        std::fs::write(dir.join("webhook_secret"), SECRET).map_err(&failed)?;
        std::fs::write(dir.join("api_key"), "sk_test_of_the_benchmark").map_err(&failed)?;
        MasterKey::create(&dir.join("hub.key"))?;
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n\n[[connection]]\nid = \"{CONNECTION}\"\n\
             plugin = \"stripe\"\nsettings = {{ api_base = \"http://127.0.0.1:9\" }}\n\
             secrets = {{ webhook_secret = \"file:webhook_secret\", api_key = \"file:api_key\" }}\n\
             grants = {{ hosts = [\"http://127.0.0.1:9\"], private_addresses = true }}\n\
             poll_every_ms = {POLL_EVERY_MS}\n"
        );
        let loaded = config::from_text(&dir.join("hub.toml"), text)?;
        let runtime = runtime("bench-hub")?;
        let running = runtime.block_on(app::start(&loaded))?;
        Ok(Self { runtime, running })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Deliveries that it made durable as new.
    pub(super) fn accepted(&self) -> u64 {
        let connection = self.running.hub.connections.get(CONNECTION);
        connection.map_or(0, |connection| connection.health.accepted.load(Relaxed))
    }

    /// How many events the slower of the engine and the index is behind.
    pub(super) fn behind(&self) -> u64 {
        let hub = &self.running.hub;
        hub.log.last().saturating_sub(hub.engine.position().min(hub.index.position()))
    }

    /// Waits until all that follows from what came in is done.
    pub(super) fn settle(&self) {
        let hub = &self.running.hub;
        self.runtime.block_on(async {
            while self.behind() > 0 {
                let last = hub.log.last();
                // False only once it has stopped: then nothing is to be waited for.
                if !hub.engine.reached(last).await {
                    break;
                }
                hub.index.reached(last).await;
            }
        });
    }

    pub(super) fn stop(self) {
        self.runtime.block_on(self.running.stop());
        self.runtime.shutdown_timeout(END_WAIT);
    }
}
