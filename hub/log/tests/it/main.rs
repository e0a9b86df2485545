//! What users of the log rely on.

#![allow(clippy::unwrap_used)]

mod append;
mod backup;
mod chain;
mod crash;
mod damage;
mod dedup;
mod follow;
mod followers;
mod format;
mod help;
mod lifecycle;
mod model;
mod soak;
mod trim;
