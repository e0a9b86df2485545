//! Simulators of four vendors, as real HTTP servers on loopback.
//!
//! They are written from the vendors' documentation and never from our connectors, so that a connector that
//! misreads a vendor fails here as it would against the vendor. Each is as strict as the vendor (credentials,
//! signatures, malformed bodies), keeps *books* (what it was made to do, and how often), sends signed webhooks
//! until they are acknowledged, and can be made to fail in every way a vendor fails.
//!
//! | module | what it holds |
//! |---|---|
//! | [`server`] | the HTTP server; a [`Connection`] per TCP connection, in the request's extensions |
//! | [`faults`] | [`Faults`]: rules that make calls and webhooks go wrong |
//! | [`webhooks`] | [`WebhookSender`]: signs, sends, retries until acknowledged |
//! | [`control`] | [`Simulator`] and the `/_sim/*` routes that steer a simulator from another process |
//! | [`clock`], [`ids`] | the simulator's time, and its seeded identifiers |
//! | [`idempotency`], [`later`] | answers kept by `Idempotency-Key`; things that happen after a while |
//! | [`stripe`], [`adyen`], [`sumsub`], [`mt5`] | the vendors |
//!
//! Invariants: a fault "before acting" leaves the books untouched; a fault "after acting" leaves them exactly as
//! a success would. Acting is synchronous (one lock, no await), so a client that hangs up cannot half-act. A
//! webhook is lost only when a rule drops it or its age limit passes.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod adyen;
pub mod clock;
pub mod control;
pub mod faults;
pub mod idempotency;
pub mod ids;
pub mod later;
pub mod mt5;
pub mod server;
pub mod stripe;
pub mod sumsub;
pub mod webhooks;

pub use clock::Clock;
pub use control::Simulator;
pub use faults::{Fault, Faults, Rule, WebhookFault, When};
pub use ids::Ids;
pub use server::{Connection, Server};
pub use webhooks::{Deliveries, Message, NotQuiet, SenderConfig, WebhookSender};

use std::time::Duration;

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose a free port, or port 0 for any")]
    Bind {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client that sends webhooks could not be built.
    #[error("cannot build the HTTP client that sends webhooks: {0}")]
    Client(#[from] reqwest::Error),
    /// A control call named something that the simulator does not hold.
    #[error("there is no {what} '{id}' in the books")]
    Unknown {
        /// What was looked for: a payment, a payout …
        what: &'static str,
        /// The identifier given.
        id: String,
    },
    /// A control call that the vendor could not make happen in the present state.
    #[error("not possible now: {0}")]
    Refused(String),
    /// The configuration makes no sense.
    #[error("simulator configuration: {0}")]
    Config(String),
}

/// A plain HTTP client with one overall timeout per request.
///
/// It installs the `ring` provider of rustls when the process has none, because reqwest is built without one
/// here and a client made before that would panic.
///
/// # Errors
/// When the system refuses what the client needs.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, SimError> {
    // An error only says that a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?)
}
