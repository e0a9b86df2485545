//! Adyen: payments and refunds over the Checkout API, and standard webhooks.
//!
//! | file | what |
//! |---|---|
//! | `webhook.rs` | how each item of a delivery proves itself |
//! | `item.rs` | one notification item to one canonical event |
//! | `api.rs` | actions |
//! | `object.rs` | Adyen's JSON, as far as it is used |
//! | `map.rs`, `money.rs` | Adyen's words and minor units to ours |
//!
//! Where each fact comes from, and what could not be checked, is in `README.md`.

mod api;
mod item;
mod map;
mod money;
mod object;
mod settings;
mod webhook;

use hub_plugin_sdk::manifest::{Kind, Manifest, SecretSpec};
use hub_plugin_sdk::prelude::*;

/// The connector.
pub struct Adyen;

hub_plugin_sdk::export!(Adyen: webhook, psp, psp_refund, probe);

fn required(name: &str, about: &str) -> SecretSpec {
    SecretSpec { name: name.to_owned(), about: about.to_owned(), required: true }
}

impl Connector for Adyen {
    fn manifest() -> Manifest {
        Manifest {
            name: "adyen".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vendor: "Adyen".to_owned(),
            kind: Kind::Psp,
            settings_schema: settings::schema(),
            secrets: vec![
                required(
                    "api_key",
                    "The API key of a web service user with the role Checkout webservice: Adyen \
                     Customer Area, Developers, API credentials.",
                ),
                required(
                    "hmac_key",
                    "The HMAC key, in hex as Adyen shows it, of the standard webhook that calls \
                     this hub: Customer Area, Developers, Webhooks, the webhook, Security.",
                ),
            ],
            hosts: vec!["{settings.api_base}".to_owned()],
            event_types: [
                "payment.succeeded",
                "payment.failed",
                "payment.refunded",
                "payment.refund_failed",
                "payment.disputed",
                "payment.foreign",
                "payout.paid",
                "payout.failed",
            ]
            .map(str::to_owned)
            .to_vec(),
            countries: Vec::new(),
            currencies: Vec::new(),
            methods: vec!["card".to_owned()],
            rate_limit: None,
            signature_tolerance_s: None,
            poll_every_ms: None,
        }
    }
}
