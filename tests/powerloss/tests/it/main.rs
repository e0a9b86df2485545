//! Power cuts and faults of the disk, the short run. See the library for the long one.

#![allow(clippy::unwrap_used)]

mod cuts;
mod faults;
mod harness;
mod help;
