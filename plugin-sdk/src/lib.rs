//! Write a connector: an ordinary Rust trait, straight-line `async fn`s, no secrets, no sockets.
//!
//! A connector is a pure function `(context, input, history) -> step` (see
//! `wit/0.1.0/connector.wit`). The author never sees the history: each [`Ctx::send`] is answered
//! from it, or ends this run so that the hub can perform the request and call again.
//!
//! ```
//! use hub_plugin_sdk::prelude::*;
//! use hub_plugin_sdk::actions::psp::{CreatePayment, PaymentResult, PaymentStatus};
//!
//! struct Acme;
//!
//! impl Psp for Acme {
//!     async fn create_payment(ctx: &Ctx, pay: CreatePayment) -> Result<PaymentResult, Error> {
//!         let request = Request::post("https://api.acme.example/payments")
//!             .header("authorization", [text("Bearer "), secret("api_key")])
//!             .header("idempotency-key", [text(&pay.idempotency_key)])
//!             .json(&serde_json::json!({"reference": pay.payment, "amount": pay.amount}))
//!             .unsafe_to_repeat();
//!         let reply = ctx.send(request).await?;
//!         let body: serde_json::Value = reply.json()?;
//!         Ok(PaymentResult {
//!             vendor_payment: body["id"].as_str().unwrap_or_default().to_owned(),
//!             status: PaymentStatus::Pending,
//!             amount: pay.amount,
//!             redirect_url: None,
//!             decline: None,
//!         })
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! It compiles and unit-tests natively ([`testing`]); [`export!`] turns it into a component.

#[cfg(target_arch = "wasm32")]
mod alloc;
pub mod bindings;
mod convert;
mod ctx;
mod error;
mod event;
mod export;
pub mod log;
mod recipe;
mod request;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod traits;

pub use ctx::{Ctx, Delivery};
pub use error::Error;
pub use event::{Acknowledgement, Event, Polled, Received};
pub use export::Exported;
pub use hub_schemas::{self as schemas, actions, events, manifest};
pub use recipe::{Algorithm, Check, Encoding, Recipe};
pub use request::{Part, Reply, Request, Response, recipe, secret, text};
pub use traits::{
    Connector, Kyc, Platform, PlatformBalance, PlatformPositions, Poll, Probe, Psp, PspLookup,
    PspPayout, PspRefund, Webhook,
};

/// Everything that a connector's module usually wants.
pub mod prelude {
    pub use crate::{
        Acknowledgement, Algorithm, Check, Connector, Ctx, Delivery, Encoding, Error, Event, Kyc,
        Part, Platform, PlatformBalance, PlatformPositions, Poll, Polled, Probe, Psp, PspLookup,
        PspPayout, PspRefund, Received, Recipe, Reply, Request, Response, Webhook, recipe, secret,
        text,
    };
    pub use hub_schemas::{
        AccountId, ClientId, Country, Currency, Decline, DeclineCategory, Money, Payload,
        PaymentId, ProvisioningId, Verdict,
    };
}
