//! The connector against a small server that checks the log-in, and against recorded polls.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod accounts;
mod balance;
mod fixtures;
mod hub;
mod login;
mod manifest;
mod poll;
mod positions;
