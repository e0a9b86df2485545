//! The connection's settings.
use serde::Deserialize;
use serde_json::{Value, json};

const API_BASE: &str = "https://checkout-test.adyen.com/v71";

/// What `settings = { … }` in `hub.toml` may hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "api_base")]
    api_base: String,
    pub(crate) merchant_account: String,
    #[serde(default)]
    pub(crate) return_url: Option<String>,
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
        "required": ["merchant_account"],
        "properties": {
            "api_base": {
                "type": "string",
                "pattern": "^https?://[^?#]+$",
                "default": API_BASE,
                "description": "The Checkout API with its version. Live accounts have an address \
                                of their own, such as \
                                https://1797a841fbb37ca7-AcmeBroker-checkout-live.adyenpayments\
                                .com/checkout/v71: Customer Area, Developers, API URLs."
            },
            "merchant_account": {
                "type": "string",
                "minLength": 1,
                "description": "The merchant account (not the company account) that takes the \
                                payments. Webhooks of any other account are refused."
            },
            "return_url": {
                "type": "string",
                "pattern": "^https?://",
                "description": "Where a client lands after a redirect if the deposit names no \
                                address of its own. Adyen wants one for every payment; without \
                                it, live deposits must name theirs."
            }
        }
    })
}
