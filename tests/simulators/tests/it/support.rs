//! A webhook receiver that records what arrives and answers as told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hub_simulators::Server;
use serde_json::Value;
use tokio::sync::watch;

/// How long a test waits for what must happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One delivery as it arrived.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Delivery {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("a text header")
    }
}

type Reply = Box<dyn FnMut(&Delivery) -> (u16, &'static str) + Send>;

struct Shared {
    reply: Mutex<Reply>,
    received: watch::Sender<Vec<Delivery>>,
}

pub struct Receiver {
    server: Server,
    shared: Arc<Shared>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_on(bind: SocketAddr) -> Self {
        let reply: Reply = Box::new(|_| (200, "[accepted]"));
        let shared =
            Arc::new(Shared { reply: Mutex::new(reply), received: watch::Sender::new(vec![]) });
        let router = Router::new().fallback(receive).with_state(shared.clone());
        Self { server: Server::start(bind, router).await.unwrap(), shared }
    }

    pub fn url(&self) -> String {
        format!("{}/hooks", self.server.base_url())
    }

    pub fn reply(&self, reply: impl FnMut(&Delivery) -> (u16, &'static str) + Send + 'static) {
        *self.shared.reply.lock().unwrap() = Box::new(reply);
    }

    pub fn received(&self) -> Vec<Delivery> {
        self.shared.received.borrow().clone()
    }

    /// Waits until `done` holds of what has arrived.
    pub async fn until(&self, what: &str, done: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let mut received = self.shared.received.subscribe();
        let waited = tokio::time::timeout(PATIENCE, received.wait_for(|all| done(all))).await;
        match waited {
            Ok(all) => all.unwrap().clone(),
            Err(_) => panic!("still waiting for {what}; arrived: {:#?}", self.received()),
        }
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let delivery = Delivery { headers, body };
    let (status, text) = (shared.reply.lock().unwrap())(&delivery);
    shared.received.send_modify(|all| all.push(delivery));
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}

pub fn client() -> reqwest::Client {
    hub_simulators::http_client(PATIENCE).unwrap()
}

/// Short pauses, so that a test that needs retries takes milliseconds.
pub fn quick(url: Option<String>) -> hub_simulators::SenderConfig {
    hub_simulators::SenderConfig {
        url,
        backoff_min: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        reorder_hold: Duration::from_secs(5),
        ..hub_simulators::SenderConfig::default()
    }
}

/// An address nobody listens on now.
pub async fn free_address() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
