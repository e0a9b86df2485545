//! `hub demo`: a day at a broker and prop firm, against simulated vendors, through the real hub.
//!
//! | file | what |
//! |---|---|
//! | `world.rs`, `config.rs` | the four simulators, and the `hub.toml` that connects a hub to them |
//! | `plan.rs`, `people.rs`, `fates.rs` | who does what, drawn from the seed before anything happens |
//! | `day.rs`, `journey.rs`, `payments.rs`, `trading.rs`, `trouble.rs` | the day itself |
//! | `watcher.rs`, `view.rs` | what the day has seen in the hub's log so far |
//! | `client.rs` | HTTP calls that outlive a hub which is killed and started again |
//! | `settle.rs` | waits until nothing is under way any more |
//! | `audit/` | the invariants, from the simulators' books against the hub's log |
//! | `books.rs` | a digest of the end state that does not depend on timing |
//! | `summary.rs`, `progress.rs`, `run.rs` | what the terminal shows; the command |
//!
//! Invariants: the day speaks to the hub over HTTP alone, so that the hub may be another process
//! that dies at any moment; every wait is for a condition, with a deadline and a message; the same
//! seed gives the same plan, whatever the timing.
pub mod audit;
pub mod books;
mod client;
mod config;
mod day;
mod error;
mod facts;
mod fates;
mod journey;
mod payments;
mod people;
mod plan;
mod progress;
mod run;
mod settle;
pub mod summary;
mod trading;
mod trouble;
mod view;
mod watcher;
mod world;

pub use client::HubApi;
pub use day::{Day, DayOptions};
pub use error::DemoError;
pub use facts::{ClientFacts, DayFacts, DepositFacts};
pub use plan::{ClientPlan, Plan};
pub use progress::Progress;
pub use run::run;
pub use world::World;

/// Ids of the demo's connections, as in its `hub.toml`.
pub mod connection {
    /// Payments, asked first.
    pub const STRIPE: &str = "stripe-eu";
    /// Payments, asked when Stripe declines softly.
    pub const ADYEN: &str = "adyen-eu";
    /// Verification.
    pub const SUMSUB: &str = "sumsub";
    /// Trading accounts.
    pub const MT5: &str = "mt5-live";
    /// The connector that traps, loops and floods.
    pub const ROGUE: &str = "rogue-psp";
}
