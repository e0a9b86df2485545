//! The recorder: a library preloaded into a process (`LD_PRELOAD`), which writes down every
//! change that the process makes to files below one directory, in one global order, and which
//! makes chosen calls fail with a real errno.
//!
//! Told by the environment, and without it inert:
//!
//! * `POWERLOSS_ROOT`: the directory, as a canonical path. It must exist.
//! * `POWERLOSS_TRACE`: the trace file, outside of it. Its format is in `kinds`.
//! * `POWERLOSS_MARKS`: a file, outside of it, whose writes become marks in the trace. That is
//!   how the process says "acknowledged" in the same order. A mark that begins with `!` is an
//!   order to this library, see `fault`.
//! * `POWERLOSS_SYNC_US`: how long a sync takes, microseconds. The process survives, so nothing
//!   need reach a disk, and syncs that take their time overlap with writes as they do in life.
//!
//! Real calls are raw system calls, so nothing in here meets its own interception. What would
//! escape (a call that is not intercepted, a writable shared mapping) shows at the end of a
//! run: the replayed trace and the directory are compared byte for byte.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "../../src/kinds.rs"]
mod kinds;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod calls;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod fault;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod record;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod unsynced;
