//! The integration hub: vendors' events in, canonical events in one log, actions back out.
//!
//! `ARCHITECTURE.md` beside this crate maps the code.
#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod backup;
pub mod bench;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connections;
pub mod console;
pub mod demo;
pub mod dispatch;
pub mod egress;
pub mod engine;
pub mod erasure;
pub mod housekeeping;
pub mod index;
pub mod ingest;
pub mod journal;
pub mod metrics;
pub mod plugins;
pub mod proof;
pub mod query;
pub mod recipe;
pub mod stored;
pub mod timers;
pub mod vault;

/// Installs the process's TLS provider (ring). Every client is built after it; a second call does
/// nothing.
pub fn install_crypto() {
    // An error says that one is installed already: that is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}
