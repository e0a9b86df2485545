//! The intercepted calls: each does the real system call and tells the recorder.
//!
//! They are the C library's functions by name, so they must keep its contracts: -1 and errno,
//! and any thread at any time.

#![allow(unsafe_code)] // Functions of the C ABI, and raw system calls: the point of this crate.

mod length;
mod names;
mod open;
mod others;
mod sync;
mod write;

use libc::c_int;

use crate::fault::{How, Op};
use crate::kinds;
use crate::record::Recorder;

fn set_errno(errno: c_int) {
    // SAFETY: the C library's own place for this thread's errno.
    unsafe { *libc::__errno_location() = errno }
}

fn errno() -> c_int {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() }
}

/// Tells of a fault; its errno, if it has one.
fn injected(recorder: &mut Recorder, op: Op) -> Option<How> {
    let how = recorder.faults.next(op)?;
    recorder.emit(kinds::FAULT, 0, 0, format!("{op:?} {how:?}").as_bytes());
    Some(how)
}

fn fails(recorder: &mut Recorder, op: Op) -> bool {
    match injected(recorder, op) {
        Some(How::Errno(errno)) => {
            set_errno(errno);
            true
        }
        _ => false,
    }
}
