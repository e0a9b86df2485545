//! The canonical vocabulary: every event, every action and the connector's manifest, as Rust
//! structs. The JSON Schemas (2020-12) beside this crate are generated from them; a test proves
//! that the two agree (`UPDATE_EXPECT=1 cargo test -p hub-schemas` rewrites the files).
//!
//! The hub, the domain and the connectors share these structs, so this crate does no I/O, reads
//! no clock and builds for `wasm32-unknown-unknown`.
#![forbid(unsafe_code)]

pub mod actions;
pub mod catalogue;
pub mod country;
pub mod envelope;
pub mod error_class;
pub mod events;
pub mod evolution;
pub mod ids;
pub mod manifest;
pub mod money;

#[cfg(feature = "json-schema")]
pub mod generate;

pub use catalogue::Payload;
pub use country::Country;
pub use envelope::CloudEvent;
pub use error_class::{Decline, DeclineCategory, Verdict};
pub use ids::{AccountId, ActionId, ClientId, ConnectionId, EntityId, PaymentId, ProvisioningId};
pub use money::{Currency, Money};
