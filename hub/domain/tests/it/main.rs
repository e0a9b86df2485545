//! The deciders, told facts as the engine tells them. Every world checks at its end that a replay
//! gives the same state byte for byte and that the ledger sums to zero.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod breach;
mod client;
mod deposit;
mod erase;
mod fallback;
mod kyc;
mod provisioning;
mod random;
mod routing;
mod rules;
mod wallet;
mod world;
