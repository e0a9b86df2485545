//! The connection's settings.
use serde::Deserialize;
use serde_json::{Value, json};

const API_BASE: &str = "https://api.stripe.com";

/// What `settings = { … }` in `hub.toml` may hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "api_base")]
    api_base: String,
}

fn api_base() -> String {
    API_BASE.to_owned()
}

impl Settings {
    /// The URL of an API path, which begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api_base.trim_end_matches('/'))
    }
}

/// The JSON Schema that the hub checks the settings against.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "api_base": {
                "type": "string",
                "pattern": "^https?://[^/?#]+/?$",
                "default": API_BASE,
                "description": "Where Stripe's API is. Live and test mode share one address: the \
                                key decides. Change it only for a simulator or a proxy."
            }
        }
    })
}
