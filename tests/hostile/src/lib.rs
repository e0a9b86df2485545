//! A connector that does what it should not, when its delivery tells it to: for tests and the
//! demo. See the README.

mod api;
pub mod misdeeds;
mod webhook;

use hub_plugin_sdk::manifest::{Kind, Manifest, SecretSpec};
use hub_plugin_sdk::prelude::*;
use serde::Deserialize;

/// The connector.
pub struct Hostile;

#[derive(Deserialize)]
struct Settings {
    #[serde(default = "api_base")]
    api_base: String,
}

fn api_base() -> String {
    "https://hostile.invalid".to_owned()
}

impl Connector for Hostile {
    fn manifest() -> Manifest {
        let secret = |name: &str, about: &str, required| SecretSpec {
            name: name.to_owned(),
            about: about.to_owned(),
            required,
        };
        Manifest {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vendor: "Nobody".to_owned(),
            kind: Kind::Psp,
            settings_schema: serde_json::json!({
                "type": "object",
                "additionalProperties": false,
                "properties": { "api_base": { "type": "string", "format": "uri" } },
            }),
            secrets: vec![
                secret("webhook_secret", "What deliveries are signed with.", true),
                secret("api_key", "What requests are authorised with.", false),
            ],
            hosts: vec!["{settings.api_base}".to_owned()],
            event_types: vec!["payment.succeeded".to_owned(), "payment.foreign".to_owned()],
            countries: Vec::new(),
            currencies: Vec::new(),
            methods: Vec::new(),
            rate_limit: None,
            signature_tolerance_s: None,
            poll_every_ms: None,
        }
    }
}

#[cfg(target_arch = "wasm32")]
hub_plugin_sdk::export!(Hostile: webhook, psp, probe);
