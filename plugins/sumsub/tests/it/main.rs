//! The connector against recorded payloads and scripted answers.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod actions;
mod fixtures;
mod manifest;
mod recipe;
mod signature;
