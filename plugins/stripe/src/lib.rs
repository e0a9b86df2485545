//! Stripe: card payments, refunds and payouts.
//!
//! | file | what |
//! |---|---|
//! | `webhook.rs` | how a delivery proves itself, and what it says |
//! | `poll.rs` | the same events, fetched: fills the gaps that webhooks leave |
//! | `event.rs` | one Stripe event to one canonical event, for both |
//! | `api.rs`, `lookup.rs` | actions; did a payment reach Stripe? |
//! | `object.rs` | Stripe's JSON, as far as it is used |
//! | `map.rs`, `money.rs` | Stripe's words and minor units to ours |
//!
//! Where each fact comes from, and what could not be checked, is in `README.md`.

mod api;
mod event;
mod lookup;
mod map;
mod money;
mod object;
mod poll;
mod settings;
mod webhook;

use hub_plugin_sdk::manifest::{Kind, Manifest, RateLimit, SecretSpec};
use hub_plugin_sdk::prelude::*;

/// The connector.
pub struct Stripe;

hub_plugin_sdk::export!(Stripe: webhook, poll, psp, psp_lookup, psp_refund, psp_payout, probe);

fn required(name: &str, about: &str) -> SecretSpec {
    SecretSpec { name: name.to_owned(), about: about.to_owned(), required: true }
}

impl Connector for Stripe {
    fn manifest() -> Manifest {
        Manifest {
            name: "stripe".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vendor: "Stripe".to_owned(),
            kind: Kind::Psp,
            settings_schema: settings::schema(),
            secrets: vec![
                required(
                    "api_key",
                    "The secret key (sk_live_… or sk_test_…) or, better, a restricted key (rk_…) \
                     that may write payment intents, refunds and payouts and read events and the \
                     balance: Stripe Dashboard, Developers, API keys.",
                ),
                required(
                    "webhook_secret",
                    "The signing secret (whsec_…) of the webhook endpoint that calls this hub: \
                     Stripe Dashboard, Developers, Webhooks, the endpoint, Signing secret.",
                ),
            ],
            hosts: vec!["{settings.api_base}".to_owned()],
            event_types: [
                "payment.succeeded",
                "payment.pending",
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
            // docs.stripe.com/rate-limits: 100 a second in live mode. A sandbox allows 25: what
            // goes over it is answered with 429 and tried again.
            rate_limit: Some(RateLimit { requests: 100, per_ms: 1_000 }),
            signature_tolerance_s: Some(webhook::TOLERANCE_S),
            poll_every_ms: Some(poll::EVERY_MS),
        }
    }
}
