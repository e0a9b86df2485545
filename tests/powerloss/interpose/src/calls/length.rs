//! Changes of length.

use libc::{c_int, off_t};

use super::{errno, fails};
use crate::fault::Op;
use crate::kinds;
use crate::record::{Kind, recorder};

fn resize(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) } as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    let Kind::File(id) = recorder.kind(fd) else { return real() };
    if fails(&mut recorder, Op::Resize) {
        return -1;
    }
    let done = real();
    if done == 0 {
        recorder.emit(kinds::RESIZED, id, length as u64, b"");
    }
    done
}

/// # Safety
/// As ftruncate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    resize(fd, length)
}

/// # Safety
/// As ftruncate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    resize(fd, length)
}

/// Only what makes a file longer is followed: mode 0.
fn allocate(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_fallocate, fd, mode, at, length) } as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    let Kind::File(id) = recorder.kind(fd) else { return real() };
    if mode != 0 {
        recorder.unknown(&format!("fallocate with mode {mode}"));
    }
    if fails(&mut recorder, Op::Resize) {
        return -1;
    }
    // SAFETY: asks for the file's length; the position is set back.
    let before = unsafe {
        let position = libc::syscall(libc::SYS_lseek, fd, 0, libc::SEEK_CUR);
        let end = libc::syscall(libc::SYS_lseek, fd, 0, libc::SEEK_END);
        libc::syscall(libc::SYS_lseek, fd, position, libc::SEEK_SET);
        end
    };
    let done = real();
    if done == 0 && at + length > before {
        recorder.emit(kinds::RESIZED, id, (at + length) as u64, b"");
    }
    done
}

/// # Safety
/// As fallocate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    allocate(fd, mode, at, length)
}

/// # Safety
/// As fallocate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate64(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    allocate(fd, mode, at, length)
}

/// # Safety
/// As posix_fallocate(3): gives the errno instead of setting it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fallocate(fd: c_int, at: off_t, length: off_t) -> c_int {
    if allocate(fd, 0, at, length) == 0 { 0 } else { errno() }
}

/// # Safety
/// As posix_fallocate(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fallocate64(fd: c_int, at: off_t, length: off_t) -> c_int {
    if allocate(fd, 0, at, length) == 0 { 0 } else { errno() }
}
