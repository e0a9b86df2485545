//! Runs connectors: WebAssembly components of the contract in `plugin-sdk/wit`, under limits.
//!
//! Takes bytes, gives steps. This crate is the only one that knows wasmtime, and it knows nothing
//! of the hub.
//!
//! Invariants:
//! - A fresh instance serves each call: nothing leaks from one client's delivery into another's.
//! - A component imports `log` and nothing else: no clock, no randomness, no files, no sockets.
//! - Every call ends: by itself, by the epoch deadline, or by a limit.
//!
//! There is one [`Sandbox`] a process, since each pool reserves terabytes of address space.
mod cache;
mod call;
mod connector;
mod engine;
mod entry;
mod error;
mod limits;
mod load;
mod size;

pub use call::Input;
pub use connector::Connector;
pub use engine::{Sandbox, SandboxConfig, SandboxError};
pub use entry::{Capability, Entry};
pub use error::{CallError, LoadError};
pub use limits::Limits;

/// Host-side bindings of the contract.
mod bindings {
    #![allow(missing_docs, reason = "generated; the WIT file is the documentation")]
    wasmtime::component::bindgen!({
        inline: "package hub:host; world host { import hub:connector/types@0.1.0; import hub:connector/log@0.1.0; }",
        path: "../plugin-sdk/wit/0.1.0",
        world: "hub:host/host",
        additional_derives: [PartialEq],
    });
}

/// The contract's types, as plain Rust.
pub mod types {
    pub use crate::bindings::hub::connector::types::*;
}

/// The contract's version that is served.
pub const CONTRACT: &str = "0.1.0";
