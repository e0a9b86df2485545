//! Calls to a hub.
use super::{sign, wait_for};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The longest answer: a deposit's waits up to 8 s for the PSP.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A hub's HTTP face.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    pub token: Option<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{} is not JSON: {e}: {}", self.status, self.text()))
    }
    /// A header's text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    /// Itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "answered with {}", self.text());
        self
    }
}

impl Api {
    /// At `http://127.0.0.1:<port>`.
    pub fn new(base: &str) -> Self {
        let http = hub_simulators::http_client(TIMEOUT).expect("an HTTP client");
        Self { http, base: base.to_owned(), token: None }
    }

    /// As it is, with a bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request to be built further.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends, and reads the answer whole.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// As [`Self::send`], if there is an answer.
    pub async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.ok()?.to_vec();
        Some(Answer { status, headers, body })
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET`, which must succeed, as JSON.
    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.expect(200).json()
    }

    /// `POST` with an `Idempotency-Key`.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("idempotency-key", key);
        self.send(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// A webhook with these headers.
    pub async fn hook(&self, connection: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.request(Method::POST, &format!("/hooks/{connection}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.header("content-type", "application/json").body(body.to_vec())).await
    }

    /// A webhook of Stripe, signed now.
    pub async fn stripe_hook(&self, connection: &str, secret: &str, body: &[u8]) -> Answer {
        let signature = sign::stripe(secret, sign::now_s(), body);
        self.hook(connection, &[("stripe-signature", &signature)], body).await
    }

    /// A webhook of the hostile connector's vendor.
    pub async fn hostile_hook(&self, connection: &str, secret: &str, body: &[u8]) -> Answer {
        let signature = sign::hostile(secret, body);
        self.hook(connection, &[("x-signature", &signature)], body).await
    }

    /// All events that the query takes, oldest first, page by page.
    pub async fn events(&self, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("/v1/events?order=asc&limit=500&after={after}&{query}");
            let page = self.json(&path).await;
            all.extend(page["events"].as_array().expect("a list of events").iter().cloned());
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => return all,
            }
        }
    }

    /// Waits for an event of a type that passes, and gives it.
    pub async fn until_event(&self, event_type: &str, passes: impl Fn(&Value) -> bool) -> Value {
        wait_for(&format!("an event {event_type}"), async || {
            let query = format!("type={event_type}");
            self.events(&query).await.into_iter().find(|event| passes(event))
        })
        .await
    }

    /// Registers a client.
    pub async fn register(&self, client: &str, entity: &str) -> Answer {
        let body = serde_json::json!({ "client": client, "entity": entity, "country": "DE" });
        self.post("/v1/clients", &format!("register-{client}"), &body).await
    }
}

/// How many events are of a type.
pub fn count(events: &[Value], event_type: &str) -> usize {
    events.iter().filter(|event| event["type"] == event_type).count()
}

/// A `GET` for the last words of a failing test, where nothing async may be waited for.
pub fn raw_get(address: SocketAddr, path: &str, token: Option<&str>) -> Option<String> {
    let wait = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, wait).ok()?;
    stream.set_read_timeout(Some(wait)).ok()?;
    let bearer = token.map_or(String::new(), |t| format!("authorization: Bearer {t}\r\n"));
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{bearer}\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let page: Value = serde_json::from_str(body).ok()?;
    let line = |e: &Value| format!("{} {} {} {}", e["id"], e["type"], e["subject"], e["data"]);
    Some(page["events"].as_array()?.iter().map(line).collect::<Vec<_>>().join("\n"))
}
