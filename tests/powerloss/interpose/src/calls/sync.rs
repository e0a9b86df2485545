//! Syncs, and dropping what was not synced.

use libc::{c_int, c_long, c_uint, off_t};

use super::{errno, fails, set_errno};
use crate::fault::Op;
use crate::kinds;
use crate::record::{Kind, recorder};

/// The lock is not held while it lasts: other threads write meanwhile, and the trace shows that
/// they did, since a sync has a beginning and an end.
fn sync(fd: c_int, call: c_long, kind: u8, op: Op) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(call, fd) } as c_int;
    let Some(mut locked) = recorder() else { return real() };
    let Kind::File(id) = locked.kind(fd) else {
        drop(locked);
        return real();
    };
    let number = locked.next_sync();
    locked.emit(kind, id, number, b"");
    locked.unsynced.sync_began(number);
    let failed = fails(&mut locked, op).then(errno);
    let wait_us = locked.sync_us;
    drop(locked);
    if wait_us > 0 {
        std::thread::sleep(std::time::Duration::from_micros(wait_us));
    }
    let Some(mut locked) = recorder() else { return real() };
    locked.unsynced.sync_ended(number, id, failed.is_none());
    match failed {
        Some(errno) => {
            locked.emit(kinds::SYNC_FAILED, id, number, b"");
            set_errno(errno);
            -1
        }
        None => {
            locked.emit(kinds::SYNCED, id, number, b"");
            0
        }
    }
}

/// # Safety
/// As fsync(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fsync, kinds::FSYNC, Op::Fsync)
}

/// # Safety
/// As fdatasync(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fdatasync, kinds::FDATASYNC, Op::Fdatasync)
}

/// # Safety
/// As sync_file_range(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sync_file_range(fd: c_int, at: off_t, n: off_t, flags: c_uint) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_sync_file_range, fd, at, n, flags) } as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    let Kind::File(id) = recorder.kind(fd) else { return real() };
    if fails(&mut recorder, Op::Range) {
        return -1;
    }
    recorder.emit(kinds::RANGE, id, 0, b"");
    0
}

/// Dropping pages shows what the disk holds, see `unsynced`.
fn advise(fd: c_int, at: off_t, length: off_t, advice: c_int) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_fadvise64, fd, at, length, advice) } as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    if let (Kind::File(id), libc::POSIX_FADV_DONTNEED) = (recorder.kind(fd), advice) {
        for (at, before) in recorder.unsynced.dropped(id) {
            // SAFETY: a buffer of this length.
            unsafe { libc::syscall(libc::SYS_pwrite64, fd, before.as_ptr(), before.len(), at) };
            recorder.emit(kinds::WROTE, id, at, &before);
        }
    }
    real()
}

/// # Safety
/// As posix_fadvise(3): gives the errno instead of setting it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fadvise(fd: c_int, at: off_t, n: off_t, advice: c_int) -> c_int {
    if advise(fd, at, n, advice) == 0 { 0 } else { errno() }
}

/// # Safety
/// As posix_fadvise(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fadvise64(fd: c_int, at: off_t, n: off_t, advice: c_int) -> c_int {
    if advise(fd, at, n, advice) == 0 { 0 } else { errno() }
}
