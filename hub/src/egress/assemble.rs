//! From a connector's request to the bytes on the wire: secrets and recipes filled in.
use crate::recipe::{RecipeError, Secrets, evaluate};
use hub_sandbox::types::{Escape, Part, Request};
use url::form_urlencoded::byte_serialize;

/// Headers that the hub sets itself, or that would change where a request goes.
const HEADERS_REFUSED: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];
/// Headers in one request.
const HEADERS_MAX: usize = 64;

/// Why a request cannot be sent as it is. Shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// A recipe or a secret in it.
    #[error("{place}: {source}")]
    Recipe {
        /// `url`, `header authorization` or `body`.
        place: String,
        /// What is wrong.
        source: RecipeError,
    },
    /// The URL is not text.
    #[error("the URL is not UTF-8 text")]
    Url,
    /// The header may not be set by a connector.
    #[error("header {0:?} is the hub's to set")]
    Header(String),
    /// Too many headers.
    #[error("{0} headers; at most {HEADERS_MAX} are allowed")]
    Headers(usize),
}

/// A request with everything filled in. Only for the wire.
pub struct Assembled {
    /// The URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Vec<u8>,
    /// Every value in it from which a secret can be read: scrubbed from what comes back.
    pub tainted: Vec<Vec<u8>>,
}

/// Fills a request in. The body comes first, since signatures in headers and URL cover it.
pub fn assemble(request: &Request, secrets: &dyn Secrets) -> Result<Assembled, AssembleError> {
    let mut filler = Filler { secrets, tainted: Vec::new() };
    let body = filler.fill("body", &request.body, &[], false)?;
    let url = filler.fill("url", &request.url, &body, true)?;
    if request.headers.len() > HEADERS_MAX {
        return Err(AssembleError::Headers(request.headers.len()));
    }
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if HEADERS_REFUSED.contains(&name.as_str()) {
            return Err(AssembleError::Header(name));
        }
        let value = filler.fill(&format!("header {name}"), value, &body, false)?;
        headers.push((name, value));
    }
    let url = String::from_utf8(url).map_err(|_| AssembleError::Url)?;
    Ok(Assembled { url, headers, body, tainted: filler.tainted })
}

struct Filler<'a> {
    secrets: &'a dyn Secrets,
    tainted: Vec<Vec<u8>>,
}

impl Filler<'_> {
    fn fill(
        &mut self,
        place: &str,
        parts: &[Part],
        body: &[u8],
        url: bool,
    ) -> Result<Vec<u8>, AssembleError> {
        let failed = |source| AssembleError::Recipe { place: place.to_owned(), source };
        let mut out = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(bytes) => out.extend_from_slice(bytes),
                Part::Secret(reference) => {
                    let secret = self
                        .secrets
                        .secret(&reference.name)
                        .ok_or_else(|| failed(RecipeError::NoSecret(reference.name.clone())))?;
                    let escape = if url { Escape::Form } else { reference.escape };
                    let escaped = escaped(secret.expose(), escape);
                    self.taint(secret.expose());
                    self.taint(&escaped);
                    out.extend_from_slice(&escaped);
                }
                Part::Recipe(recipe) => {
                    let value = evaluate(recipe, body, self.secrets).map_err(failed)?;
                    let bytes =
                        if url { escaped(&value.bytes, Escape::Form) } else { value.bytes.clone() };
                    if value.tainted {
                        self.taint(&value.bytes);
                        self.taint(&bytes);
                    }
                    out.extend_from_slice(&bytes);
                }
            }
        }
        Ok(out)
    }

    fn taint(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && !self.tainted.iter().any(|t| t == bytes) {
            self.tainted.push(bytes.to_vec());
        }
    }
}

fn escaped(bytes: &[u8], escape: Escape) -> Vec<u8> {
    match escape {
        Escape::None => bytes.to_vec(),
        // `+` for a space is right in a form and in a query alike; elsewhere in a URL a secret
        // has no place.
        Escape::Form => byte_serialize(bytes).collect::<String>().into_bytes(),
        Escape::Json => {
            let quoted = serde_json::to_string(&String::from_utf8_lossy(bytes)).unwrap_or_default();
            quoted.as_bytes()[1..quoted.len().max(2) - 1].to_vec()
        }
    }
}

/// The request as a log may show it: method and URL, with secrets and recipes named, not filled.
pub fn shown(request: &Request) -> String {
    let url: String = request
        .url
        .iter()
        .map(|part| match part {
            Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::Secret(secret) => format!("{{{}}}", secret.name),
            Part::Recipe(_) => "{recipe}".to_owned(),
        })
        .collect();
    // The query may carry what a person typed: it stays out of logs.
    let path = url.split('?').next().unwrap_or_default();
    format!(
        "{} {}",
        request.method,
        path.chars().filter(|c| !c.is_control()).take(300).collect::<String>()
    )
}
