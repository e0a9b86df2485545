//! A vendor on loopback that answers as it is told, and remembers what it was asked.
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hub_simulators::Server;
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked {
    /// Everything of it, as text.
    pub fn shown(&self) -> String {
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let (method, target) = (&self.method, &self.target);
        let body = String::from_utf8_lossy(&self.body);
        format!("{method} {target}\n{}\n\n{body}", headers.join("\n"))
    }
}

type Answer = dyn Fn(&Asked) -> Response + Send + Sync;

#[derive(Clone)]
struct Shared {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// The vendor.
pub struct Vendor {
    server: Server,
    shared: Shared,
}

impl Vendor {
    /// Answers with what this gives.
    pub async fn start(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let shared = Shared { answer: Arc::new(answer), asked: Arc::default() };
        let router = Router::new().fallback(receive).with_state(shared.clone());
        let bind = "127.0.0.1:0".parse().expect("an address");
        Self { server: Server::start(bind, router).await.expect("a free port"), shared }
    }

    /// Says everything back, in headers and body.
    pub async fn echo() -> Self {
        Self::start(|asked| {
            let mut answer = (StatusCode::OK, asked.shown()).into_response();
            for (name, value) in &asked.headers {
                if name.as_str().starts_with("x-") {
                    answer.headers_mut().insert(name.clone(), value.clone());
                }
            }
            if let Ok(target) = asked.target.parse() {
                answer.headers_mut().insert("x-target", target);
            }
            answer
        })
        .await
    }

    /// `http://127.0.0.1:<port>`
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.server.addr().port()
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("nobody panics with it").clone()
    }
}

async fn receive(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked { method, target: uri.to_string(), headers, body: body.to_vec() };
    let answer = (shared.answer)(&asked);
    shared.asked.lock().expect("nobody panics with it").push(asked);
    answer
}
