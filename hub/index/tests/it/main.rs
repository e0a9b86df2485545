//! The index against a plain search over everything, and against what can happen to its files.

#![allow(clippy::unwrap_used)]

mod help;
mod life;
mod model;
mod owners;
mod search;
