//! Calls to a hub that may be killed and started again at any moment.
use super::DemoError;
use hub_schemas::CloudEvent;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// How long one call is tried again before it is given up.
const CALL_PATIENCE: Duration = Duration::from_secs(120);
/// How long one attempt may take: a deposit's answer alone may take 8 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two attempts, where the hub names no other time.
const PAUSE: Duration = Duration::from_millis(150);
/// The longest pause that a `Retry-After` is heeded for.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Events asked for at once: the most that the API gives.
const PAGE_EVENTS: usize = 500;
/// Bytes of an answer that an error shows.
const SHOWN_CHARS_MAX: usize = 600;

/// The hub's HTTP API, with patience.
#[derive(Debug, Clone)]
pub struct HubApi {
    base: String,
    http: reqwest::Client,
}

/// A page of the log.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub events: Vec<CloudEvent>,
    pub next: Option<u64>,
}

/// What an attempt came to.
enum Attempt {
    Done(StatusCode, Vec<u8>),
    Again { why: String, after: Duration },
}

impl HubApi {
    /// The API at `http://host:port`.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(base: &str) -> Result<Self, DemoError> {
        let http = hub_simulators::http_client(ATTEMPT_TIMEOUT)?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    /// `GET`, until it is answered.
    ///
    /// # Errors
    /// When it is refused, or not answered for two minutes.
    pub async fn get(&self, path: &str) -> Result<Value, DemoError> {
        let (_, body) = self.call(Method::GET, path, &[], Vec::new()).await?;
        parsed(&format!("GET {path}"), &body)
    }

    /// `GET /readyz`, which answers with a body whether the hub is ready or not.
    pub(super) async fn ready(&self) -> Result<Value, DemoError> {
        self.get("/readyz").await
    }

    /// `POST` with an `Idempotency-Key`: the same one however often it is tried.
    ///
    /// # Errors
    /// When it is refused, or not answered for two minutes.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, DemoError> {
        let headers = [("idempotency-key", key), ("content-type", "application/json")];
        let (_, answer) =
            self.call(Method::POST, path, &headers, body.to_string().into_bytes()).await?;
        parsed(&format!("POST {path}"), &answer)
    }

    /// A webhook, until it is acknowledged; gives the status.
    pub(super) async fn hook(
        &self,
        connection: &str,
        signature: &str,
        body: &str,
    ) -> Result<u16, DemoError> {
        let path = format!("/hooks/{connection}");
        let headers = [("x-signature", signature), ("content-type", "application/json")];
        let (status, _) =
            self.call(Method::POST, &path, &headers, body.as_bytes().to_vec()).await?;
        Ok(status.as_u16())
    }

    /// Events after `after`, oldest first.
    pub(super) async fn page(&self, after: u64) -> Result<Page, DemoError> {
        let path = format!("/v1/events?order=asc&limit={PAGE_EVENTS}&after={after}");
        let (_, body) = self.call(Method::GET, &path, &[], Vec::new()).await?;
        serde_json::from_slice(&body).map_err(|e| DemoError::answer(format!("GET {path}"), e))
    }

    /// The whole log, oldest first.
    pub(super) async fn all_events(&self) -> Result<Vec<CloudEvent>, DemoError> {
        let mut all: Vec<CloudEvent> = Vec::new();
        loop {
            let after = all.last().map_or(0, |event| event.sequence);
            let page = self.page(after).await?;
            let ended = page.next.is_none();
            all.extend(page.events);
            if ended {
                return Ok(all);
            }
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), DemoError> {
        let started = Instant::now();
        let call = || format!("{method} {path}");
        loop {
            match self.attempt(&method, path, headers, &body).await {
                Attempt::Done(status, body) if status.is_success() => return Ok((status, body)),
                Attempt::Done(status, body) => {
                    let body = shown(&body);
                    return Err(DemoError::Refused { call: call(), status: status.as_u16(), body });
                }
                Attempt::Again { why, after } => {
                    if started.elapsed() + after > CALL_PATIENCE {
                        let waited_s = started.elapsed().as_secs();
                        return Err(DemoError::NoAnswer { call: call(), waited_s, last: why });
                    }
                    tokio::time::sleep(after).await;
                }
            }
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Attempt {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == Method::POST {
            request = request.body(body.to_vec());
        }
        let again = |why: String| Attempt::Again { why, after: PAUSE };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return again(chain(&error)),
        };
        let status = response.status();
        let after = response
            .headers()
            .get("retry-after")
            .and_then(|v| v.to_str().ok()?.parse().ok())
            .map_or(PAUSE, |seconds| Duration::from_secs(seconds).clamp(PAUSE, PAUSE_MAX));
        match response.bytes().await {
            // The key was used with this call, and the hub died before its answer arrived.
            Ok(body) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Attempt::Again { why: format!("{status}: {}", shown(&body)), after }
            }
            Ok(body) => Attempt::Done(status, body.to_vec()),
            Err(error) => again(chain(&error)),
        }
    }
}

fn parsed(call: &str, body: &[u8]) -> Result<Value, DemoError> {
    serde_json::from_slice(body).map_err(|error| DemoError::answer(call, error))
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(SHOWN_CHARS_MAX).collect()
}

/// An error with what caused it: reqwest's own text does not say "connection refused".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
