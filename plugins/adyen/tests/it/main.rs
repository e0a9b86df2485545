//! The connector against recorded payloads and scripted answers.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod errors;
mod fixtures;
mod manifest;
mod payment;
mod refund;
mod signature;
