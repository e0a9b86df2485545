//! Performs a connector's request: where it may go, how long it may take, what comes back.
use super::affinity::{Affinities, Held};
use super::assemble::{Assembled, assemble, shown};
use super::captured::Tokens;
use super::origin::{Origin, is_private};
use super::response::{ResponseError, capture, prove, scrub};
use crate::recipe::Secrets;
use crate::vault::Secret;
use hub_sandbox::types::{Header, Reply, Request, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bounds on every request.
#[derive(Debug, Clone, Copy)]
pub struct EgressLimits {
    /// The longest wait for a whole answer.
    pub request_timeout: Duration,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The largest answer, in bytes: it goes into the sandbox, whose memory is limited.
    pub response_bytes_max: usize,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            response_bytes_max: 4 * 1024 * 1024,
        }
    }
}

/// What a performed request gives: a reply for the history, or the end of the call.
pub enum Exchange {
    /// For the connector.
    Reply(Reply),
    /// The connector asked for something that is not allowed, or the vendor did not prove itself.
    Refused {
        /// Why; shows no secret.
        message: String,
        /// It is about credentials, not about the connector.
        unauthorised: bool,
    },
}

/// One connection's way out.
pub struct Egress {
    connection: String,
    granted: BTreeSet<Origin>,
    secrets: HashMap<String, Vec<Secret>>,
    client: reqwest::Client,
    affinities: Affinities,
    private_addresses: bool,
    tokens: Arc<Tokens>,
    limits: EgressLimits,
}

/// What one call has gathered on its way.
#[derive(Default)]
pub struct CallState {
    extra: HashMap<String, Secret>,
    turns: HashMap<String, tokio::sync::OwnedMutexGuard<reqwest::Client>>,
    tainted: Vec<Vec<u8>>,
}

impl CallState {
    /// With secrets that exist for this call only, such as a new account's passwords.
    pub fn with_secrets(extra: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self { extra: extra.into_iter().collect(), ..Self::default() }
    }
}

struct Lookup<'a> {
    egress: &'a Egress,
    extra: &'a HashMap<String, Secret>,
    now_ms: i64,
}

impl Secrets for Lookup<'_> {
    fn secret(&self, name: &str) -> Option<Secret> {
        let configured = || self.egress.secrets.get(name).and_then(|all| all.first()).cloned();
        let captured = || self.egress.tokens.get(&self.egress.connection, name, self.now_ms);
        self.extra.get(name).cloned().or_else(configured).or_else(captured)
    }
}

impl Egress {
    /// For a connection, with what it was granted.
    pub fn new(
        connection: &str,
        granted: BTreeSet<Origin>,
        private_addresses: bool,
        secrets: HashMap<String, Vec<Secret>>,
        tokens: Arc<Tokens>,
        limits: EgressLimits,
    ) -> Result<Self, reqwest::Error> {
        let client = builder(private_addresses, limits).build()?;
        Ok(Self {
            connection: connection.to_owned(),
            granted,
            secrets,
            client,
            affinities: Affinities::default(),
            private_addresses,
            tokens,
            limits,
        })
    }

    /// Every value of every configured secret: rotated ones are tried in turn for checks.
    pub fn secret_values(&self) -> &HashMap<String, Vec<Secret>> {
        &self.secrets
    }

    /// Performs a request.
    pub async fn perform(&self, request: &Request, state: &mut CallState, now_ms: i64) -> Exchange {
        let refused = |message: String| Exchange::Refused { message, unauthorised: false };
        let lookup = Lookup { egress: self, extra: &state.extra, now_ms };
        let assembled = match assemble(request, &lookup) {
            Ok(assembled) => assembled,
            Err(error) => return refused(format!("{}: {error}", shown(request))),
        };
        let url = match self.allowed(&assembled.url) {
            Ok(url) => url,
            Err(why) => return refused(format!("{}: {why}", shown(request))),
        };
        state.tainted.extend(assembled.tainted.iter().cloned());
        let client = match self.client_for(request, state).await {
            Ok(client) => client,
            Err(error) => return refused(format!("{}: {error}", shown(request))),
        };
        let started = std::time::Instant::now();
        let sent = self.send(&client, request, url, assembled).await;
        let elapsed_ms = started.elapsed().as_millis() as u64;
        let mut response = match sent {
            Ok(response) => response,
            Err(reply) => {
                tracing::warn!(connection = %self.connection, request = %shown(request),
                    elapsed_ms, ?reply, "no answer from the vendor");
                return Exchange::Reply(reply);
            }
        };
        tracing::debug!(connection = %self.connection, request = %shown(request),
            status = response.status, elapsed_ms, "vendor answered");
        match self.take(&mut response, request, state, now_ms) {
            Ok(()) => Exchange::Reply(Reply::Response(response)),
            Err(error) => Exchange::Refused {
                unauthorised: matches!(error, ResponseError::NotProven(_)),
                message: format!("{}: {error}", shown(request)),
            },
        }
    }

    /// Proofs, captures and scrubbing, in this order.
    fn take(
        &self,
        response: &mut Response,
        request: &Request,
        state: &mut CallState,
        now_ms: i64,
    ) -> Result<(), ResponseError> {
        if (200..300).contains(&response.status) {
            let lookup = Lookup { egress: self, extra: &state.extra, now_ms };
            prove(response, &request.prove, &lookup)?;
            for (wanted, secret) in capture(response, &request.capture)? {
                state.tainted.push(secret.expose().to_vec());
                match wanted.ttl_s {
                    Some(ttl_s) => {
                        self.tokens.keep(&self.connection, &wanted.name, secret, ttl_s, now_ms);
                    }
                    None => drop(state.extra.insert(wanted.name, secret)),
                }
            }
        }
        scrub(response, &state.tainted);
        Ok(())
    }

    fn allowed(&self, text: &str) -> Result<reqwest::Url, String> {
        // The text may hold a secret in its query: only the origin is ever shown.
        let url = reqwest::Url::parse(text).map_err(|e| format!("not a URL: {e}"))?;
        let origin = Origin::of(&url).map_err(|_| {
            "only https is allowed, and plain http to granted loopback addresses".to_owned()
        })?;
        if !self.granted.contains(&origin) {
            return Err(format!(
                "{origin} is not granted to connection {}; if it may, add it to grants.hosts in \
                 hub.toml",
                self.connection
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL may not carry a user or a password".to_owned());
        }
        Ok(url)
    }

    async fn client_for(
        &self,
        request: &Request,
        state: &mut CallState,
    ) -> Result<reqwest::Client, reqwest::Error> {
        let Some(name) = &request.affinity else { return Ok(self.client.clone()) };
        if let Some(turn) = state.turns.get(name) {
            return Ok((**turn).clone());
        }
        let held: Held = self.affinities.get(&self.connection, name, || {
            builder(self.private_addresses, self.limits)
                .pool_max_idle_per_host(1)
                .http1_only()
                .build()
        })?;
        let turn = held.lock_owned().await;
        let client = (*turn).clone();
        state.turns.insert(name.clone(), turn);
        Ok(client)
    }

    async fn send(
        &self,
        client: &reqwest::Client,
        request: &Request,
        url: reqwest::Url,
        assembled: Assembled,
    ) -> Result<Response, Reply> {
        let not_sent = |why: &str| Reply::NotSent(why.to_owned());
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| not_sent("the method is not an HTTP method"))?;
        let wished = request.timeout_ms.map(|ms| Duration::from_millis(ms.into()));
        let timeout =
            wished.unwrap_or(self.limits.request_timeout).min(self.limits.request_timeout);
        let mut built = client.request(method, url).timeout(timeout).body(assembled.body);
        for (name, value) in assembled.headers {
            let mut value = reqwest::header::HeaderValue::from_bytes(&value)
                .map_err(|_| not_sent("a header's value has a control character"))?;
            value.set_sensitive(true);
            built = built.header(name, value);
        }
        let mut answer = built.send().await.map_err(|error| classify(&error))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| Header {
                name: name.as_str().to_owned(),
                value: value.as_bytes().to_vec(),
            })
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > self.limits.response_bytes_max {
                return Err(Reply::NoAnswer(format!(
                    "the answer is larger than {} bytes",
                    self.limits.response_bytes_max
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body })
    }
}

/// Never left, or may have left. A URL in reqwest's message may hold a secret: left out.
fn classify(error: &reqwest::Error) -> Reply {
    if error.is_builder() || error.is_request() && error.is_connect() {
        return Reply::NotSent(format!("no connection to the vendor: {}", cause(error)));
    }
    let why = if error.is_timeout() { "no answer in time".to_owned() } else { cause(error) };
    Reply::NoAnswer(why)
}

/// The innermost cause, such as "Connection refused (os error 111)".
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    // An error without a source shows itself, with its URL: say only what kind it is.
    if std::ptr::addr_eq(cause, std::ptr::from_ref(error)) {
        return "the request failed".to_owned();
    }
    cause.to_string()
}

fn builder(private_addresses: bool, limits: EgressLimits) -> reqwest::ClientBuilder {
    crate::install_crypto();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(limits.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(90))
        .user_agent(concat!("hub/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(PublicOnly { private_addresses }))
}

/// Names resolve to public addresses only, unless the operator said otherwise: a vendor's name
/// that is made to point inwards (DNS rebinding) reaches nothing.
struct PublicOnly {
    private_addresses: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.private_addresses || name.as_str() == "localhost";
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kept: Vec<SocketAddr> =
                found.iter().copied().filter(|a| allowed || !is_private(a.ip())).collect();
            if kept.is_empty() && !found.is_empty() {
                return Err(format!(
                    "{} resolves to a private address; grant it with private_addresses = true",
                    name.as_str()
                )
                .into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}
