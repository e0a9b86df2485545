//! Deliveries in, events out: webhooks, polls, and what could not be understood.
mod authentic;
mod blob;
mod delivery;
mod poll;
mod quarantine;
mod webhook;

pub use authentic::Refusal;
pub use delivery::{DeliveryError, DeliveryStore, RawDelivery};
pub use poll::run as run_polls;
pub use quarantine::{Quarantine, QuarantineEntry, QuarantineError};
pub use webhook::{HookAnswer, HookRequest, Ingest};
