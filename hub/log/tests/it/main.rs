//! What users of the log rely on.

#![allow(clippy::unwrap_used)]

mod append;
mod chain;
mod crash;
mod dedup;
mod follow;
mod help;
mod lifecycle;
mod model;
mod soak;
