//! The domain: pure deciders over the log.
//!
//! No I/O, no clock, no randomness, no async: what is known comes in as events, time included, and
//! what is decided goes out as events. The engine feeds every input through [`State::step`] and
//! appends what it decides in one batch; a replay calls [`State::evolve`] on the input and its
//! decisions ([`NewEvent::decided_from`]) and arrives at the same state, byte for byte as JSON.
//!
//! | module | what it decides |
//! |---|---|
//! | [`client`] | where a client stands, and which facts are refused (C1) |
//! | [`kyc`] | who is verified where; what the vendor's answers do (K1, K4, K8) |
//! | [`routing`] | which PSP is asked, and why none of the others (P1, P2) |
//! | [`deposit`] | attempts, fallback, credit, duplicates (P3, P4) |
//! | [`wallet`] | the double-entry ledger (P8) |
//! | [`provisioning`] | who gets which account, once (A1 to A3, A7) |
//! | [`accounts`] | what is known of an account |
//! | [`breach`] | floors, days, detection, and what is done about it (B1 to B3, B11, B13, A8) |
//! | [`actions`], [`timers`], [`connections`] | folds that the others look things up in |
//! | [`rules`] | is a rule set fit to be applied? |
//! | `read` | what the API shows: query methods of [`State`] |
//!
//! Architecture invariants: a module's `evolve` is the only place where its part of the state
//! changes, and depends on nothing but state and event; `decide` runs right after it and changes
//! nothing; a decision is derived from what is known, so that a repeated fact decides nothing; ids
//! of decisions are derived from what they are for. Absent on purpose: any vendor's name, any
//! knowledge of how events are stored or actions are sent, and reading personal fields, which are
//! sealed text here.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

pub mod accounts;
pub mod actions;
pub mod breach;
pub mod client;
pub mod connections;
pub mod deposit;
mod event;
mod ids;
pub mod kyc;
pub mod provisioning;
mod read;
pub mod routing;
pub mod rules;
mod state;
mod step;
pub mod timers;
pub mod wallet;

pub use client::Erased;
pub use event::{Event, NewEvent};
pub use read::{AccountView, ClientCard, PaymentView};
pub use state::{Config, State};
pub use step::{DECISIONS_MAX, Runaway};
