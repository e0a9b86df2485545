//! Speaking to a running hub.
use super::Failure;
use super::args::Remote;
use crate::config;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use std::time::Duration;

/// A running hub.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// From --url, or from the configuration's [server] listen.
    pub fn new(remote: &Remote) -> Result<Self, Failure> {
        let base = match &remote.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let loaded = config::load(&remote.config).map_err(|error| {
                    format!("{error}\n(or name a running hub: --url http://127.0.0.1:8080)")
                })?;
                format!("http://{}", loaded.config.server.listen)
            }
        };
        crate::install_crypto();
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self { http, base, token: remote.token.clone() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET, as JSON.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        let query = reqwest::Url::parse_with_params("http://x/", query)?;
        let path = match query.query() {
            Some(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path.to_owned(),
        };
        let response = self.sent(self.request(Method::GET, &path)).await?;
        Ok(response.json().await?)
    }

    /// POST with a fresh idempotency key, as JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", uuid::Uuid::now_v7().to_string())
            .json(body);
        Ok(self.sent(request).await?.json().await?)
    }

    /// POST of bytes that changes nothing, answered as JSON.
    pub async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Value, Failure> {
        Ok(self.sent(self.request(Method::POST, path).body(body)).await?.json().await?)
    }

    /// GET, as a stream.
    pub async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
        last_event_id: Option<&str>,
    ) -> Result<Response, Failure> {
        let query = reqwest::Url::parse_with_params("http://x/", query)?;
        let path = format!("{path}?{}", query.query().unwrap_or_default());
        let mut request = self.request(Method::GET, &path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        self.sent(request).await
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                format!("no hub answers at {}; is `hub serve` running?", self.base)
            } else {
                // A query may hold an e-mail address.
                format!("{}: {}", self.base, error.without_url())
            }
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem: Value = response.json().await.unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("the answer is not a problem document");
        Err(format!("{status}: {detail}").into())
    }
}
