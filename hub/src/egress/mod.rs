//! Requests to vendors: what a connector asked for, with secrets filled in, sent only where the
//! operator allowed.
mod affinity;
mod assemble;
mod captured;
mod client;
mod origin;
mod response;

pub use affinity::Affinities;
pub use captured::Tokens;
pub use client::{CallState, Egress, EgressLimits, Exchange};
pub use origin::{Origin, OriginError, wanted_origin};
