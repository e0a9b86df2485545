//! Sumsub: identity verification.
//!
//! Webhooks tell how a verification goes; the API opens applicants, makes links and answers where
//! a verification stands. Where each fact comes from, and what could not be checked, is in
//! `README.md`.

mod api;
mod map;
mod settings;
mod webhook;

use hub_plugin_sdk::manifest::{Kind, Manifest, SecretSpec};
use hub_plugin_sdk::prelude::*;

/// The connector.
pub struct Sumsub;

hub_plugin_sdk::export!(Sumsub: webhook, kyc, probe);

fn secret_spec(name: &str, about: &str) -> SecretSpec {
    SecretSpec { name: name.to_owned(), about: about.to_owned(), required: true }
}

impl Connector for Sumsub {
    fn manifest() -> Manifest {
        Manifest {
            name: "sumsub".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vendor: "Sumsub".to_owned(),
            kind: Kind::Kyc,
            settings_schema: settings::schema(),
            secrets: vec![
                secret_spec(
                    "webhook_secret",
                    "The secret key of the webhook: Sumsub dashboard, Dev space, Webhooks, the \
                     webhook manager that calls this hub.",
                ),
                secret_spec(
                    "app_token",
                    "The App Token's token (it starts with prd: or sbx:): dashboard, Dev space, \
                     App tokens. It must belong to the same environment as the connection.",
                ),
                secret_spec(
                    "secret_key",
                    "The App Token's secret key, shown once when the App Token is made: signs \
                     every request.",
                ),
            ],
            hosts: vec!["{settings.api_base}".to_owned()],
            event_types: [
                "kyc.applicant.created",
                "kyc.review.started",
                "kyc.approved",
                "kyc.rejected",
            ]
            .map(str::to_owned)
            .to_vec(),
            countries: Vec::new(),
            currencies: Vec::new(),
            methods: Vec::new(),
            rate_limit: None,
            signature_tolerance_s: None,
            poll_every_ms: None,
        }
    }
}
