//! Requests to a vendor, and what came back.
use crate::bindings::types::{Escape, SecretRef};
use crate::{Error, Recipe};
use serde::{Serialize, de::DeserializeOwned};

/// A piece of a URL, a header or a body.
#[derive(Debug, Clone)]
pub enum Part {
    /// As it is.
    Bytes(Vec<u8>),
    /// A secret that the hub fills in.
    Secret(SecretRef),
    /// What a recipe gives.
    Recipe(Recipe),
}

/// Text, as it is.
pub fn text(text: impl AsRef<str>) -> Part {
    Part::Bytes(text.as_ref().as_bytes().to_vec())
}
/// The secret of this name.
pub fn secret(name: impl Into<String>) -> Part {
    Part::Secret(SecretRef { name: name.into(), escape: Escape::None })
}
/// What the recipe gives.
pub fn recipe(recipe: Recipe) -> Part {
    Part::Recipe(recipe)
}

impl Part {
    /// For a secret inside a JSON string.
    pub fn json_escaped(mut self) -> Self {
        if let Part::Secret(secret) = &mut self {
            secret.escape = Escape::Json;
        }
        self
    }
    /// For a secret inside a form body.
    pub fn form_escaped(mut self) -> Self {
        if let Part::Secret(secret) = &mut self {
            secret.escape = Escape::Form;
        }
        self
    }
}

/// A request for the hub to perform.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: Vec<Part>,
    pub(crate) headers: Vec<(String, Vec<Part>)>,
    pub(crate) body: Vec<Part>,
    pub(crate) capture: Vec<(String, String, Option<u32>)>,
    pub(crate) prove: Vec<(String, Recipe)>,
    pub(crate) unsafe_to_repeat: bool,
    pub(crate) affinity: Option<String>,
    pub(crate) timeout_ms: Option<u32>,
}

impl Request {
    fn new(method: &'static str, url: impl AsRef<str>) -> Self {
        Self {
            method,
            url: vec![text(url)],
            headers: Vec::new(),
            body: Vec::new(),
            capture: Vec::new(),
            prove: Vec::new(),
            unsafe_to_repeat: false,
            affinity: None,
            timeout_ms: None,
        }
    }
    /// GET this URL.
    pub fn get(url: impl AsRef<str>) -> Self {
        Self::new("GET", url)
    }
    /// POST to this URL.
    pub fn post(url: impl AsRef<str>) -> Self {
        Self::new("POST", url)
    }
    /// PATCH this URL.
    pub fn patch(url: impl AsRef<str>) -> Self {
        Self::new("PATCH", url)
    }
    /// Adds to the URL: for a recipe's result or a secret in the query.
    pub fn url_part(mut self, part: Part) -> Self {
        self.url.push(part);
        self
    }
    /// Adds `?name=value` or `&name=value`, percent-encoded. Not after [`Request::url_part`].
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let pair = serde_urlencoded::to_string([(name, value.as_ref())]).unwrap_or_default();
        if let Some(Part::Bytes(url)) = self.url.last_mut() {
            let separator = if url.contains(&b'?') { b'&' } else { b'?' };
            url.push(separator);
            url.extend_from_slice(pair.as_bytes());
        }
        self
    }
    /// Sets a header from its parts.
    pub fn header(mut self, name: &str, value: impl IntoIterator<Item = Part>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into_iter().collect()));
        self
    }
    /// A JSON body with its content type.
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        self.header("content-type", [text("application/json")]).body([Part::Bytes(bytes)])
    }
    /// A form body with its content type.
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let fields: Vec<(&str, String)> = fields.into_iter().collect();
        let body = serde_urlencoded::to_string(fields).unwrap_or_default();
        self.header("content-type", [text("application/x-www-form-urlencoded")]).body([text(body)])
    }
    /// A body from its parts.
    pub fn body(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.body = parts.into_iter().collect();
        self
    }
    /// Takes a token out of the response: `json:/pointer` or `header:name`. Later requests and
    /// recipes name it like any secret. Without `ttl_s` it lasts for this call.
    pub fn capture(mut self, from: &str, name: &str, ttl_s: Option<u32>) -> Self {
        self.capture.push((from.to_owned(), name.to_owned(), ttl_s));
        self
    }
    /// The text at this place of the response must be what the recipe gives, or the call ends as
    /// unauthorised: how a server proves itself.
    pub fn prove(mut self, at: &str, recipe: Recipe) -> Self {
        self.prove.push((at.to_owned(), recipe));
        self
    }
    /// It moves money or opens something: without an answer, the outcome is unknown.
    pub fn unsafe_to_repeat(mut self) -> Self {
        self.unsafe_to_repeat = true;
        self
    }
    /// Shares one TCP connection and cookie jar with the other requests of this name.
    pub fn affinity(mut self, name: &str) -> Self {
        self.affinity = Some(name.to_owned());
        self
    }
    /// Give up after so many milliseconds.
    pub fn timeout_ms(mut self, milliseconds: u32) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }
    pub(crate) fn is_unsafe_to_repeat(&self) -> bool {
        self.unsafe_to_repeat
    }
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// An answer, of any status.
    Response(Response),
    /// It never left.
    NotSent(String),
    /// It may have left, and no whole answer came.
    NoAnswer(String),
}

/// A vendor's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body; what was captured has been taken out.
    pub body: Vec<u8>,
}

impl Response {
    /// 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }
    /// `Retry-After` in milliseconds, where it is given in seconds (RFC 9110, 10.2.3).
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse::<u64>().ok()?.checked_mul(1000)
    }
    /// The body as JSON. A vendor that answers with something else is out of order: transient.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::transient(format!(
                "the vendor's answer ({}, {} bytes) is not the documented JSON: {error}",
                self.status,
                self.body.len()
            ))
        })
    }
    /// The usual meaning of a status that is not a success: 401 and 403 unauthorised; 408, 425,
    /// 429 and 5xx transient; the rest an invalid request. `what` names the call.
    pub fn error(&self, what: &str) -> Error {
        let message = format!("{what}: the vendor answered {}", self.status);
        match self.status {
            401 | 403 => Error::Unauthorised(message),
            408 | 425 | 429 | 500.. => {
                Error::Transient { message, retry_after_ms: self.retry_after_ms() }
            }
            _ => Error::InvalidRequest(message),
        }
    }
}

pub(crate) fn find_header<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .and_then(|(_, value)| std::str::from_utf8(value).ok())
}
