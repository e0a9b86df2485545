//! The simulators as a plain HTTP client and a plain webhook receiver see them.
#![allow(clippy::unwrap_used)]

mod adyen;
mod faults;
mod stripe;
mod stripe_webhooks;
mod support;
mod webhooks;
