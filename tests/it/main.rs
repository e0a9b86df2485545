//! End-to-end tests: a hub as users run it, vendors that are simulated, and what both promise.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

mod adyen;
mod api;
mod backup;
mod config;
mod demo;
mod disk_full;
mod egress;
mod erase;
mod guard;
mod hooks;
mod index;
mod kill9;
mod payments;
mod platform;
mod proof;
mod quarantine;
mod readme;
mod rebuild;
mod secrets;
mod start;
mod stream;
mod upgrade;
