//! Every event's `data`, by subject matter. [`crate::catalogue`] gives each its type name.
pub mod account;
pub mod action;
pub mod breach;
pub mod client;
pub mod kyc;
pub mod ops;
pub mod payment;
pub mod rules;
