//! Proof that the event log keeps what it acknowledged over power loss and faults of the disk.
//!
//! `kill -9` proves little: the page cache survives it. So this crate writes down what a log
//! really asks of its disk, and makes from that what a power cut at any moment may leave:
//!
//! 1. A **child** process ([`child`]) works with a log: several writers at once ([`work`]), or
//!    random operations that a simple model can follow ([`model`]). It acknowledges by marks.
//! 2. A **recorder** preloaded into it (`interpose`) writes every write, sync, change of a name
//!    and mark into one [`trace`]. [`rig`] runs this, and proves the recorder complete: the
//!    trace replayed must be the directory, byte for byte.
//! 3. A **disk** ([`disk`], with what is assumed of disks) makes from the trace and a moment in
//!    it a directory that a power cut may leave, from a seed.
//! 4. The **check** ([`check`]) opens a log there: every acknowledged batch must be there and
//!    whole, and the log must go on. For some cuts the opening itself is recorded and cut.
//!
//! [`explore`] ties these together. The short run is `cargo test -p hub-powerloss`; the long
//! one, which prints a line a scenario:
//!
//! ```text
//! cargo run --release -p hub-powerloss --bin powerloss -- --cuts 1000 --seed 7
//! ```
//!
//! A failure prints the command that repeats it: threads make every recording different, so
//! what is kept is the recording; the cut follows from it and the seed alone.
//!
//! The recorder also makes chosen calls fail (`tests/it/faults.rs`), and the tests prove that
//! the harness can fail: on a disk whose fdatasync does nothing, it must find losses.

pub mod check;
pub mod child;
pub mod disk;
pub mod explore;
pub mod faults;
#[allow(dead_code)] // Shared with the recorder, which uses the rest.
mod kinds;
pub mod model;
pub mod rig;
pub mod room;
pub mod trace;
pub mod work;
