//! What is not followed: turned away where the caller has another way, else told of.

use libc::{c_char, c_int, c_uint, c_void, off_t, size_t, ssize_t};

use super::set_errno;
use crate::record::{Kind, absolute, recorder};

/// # Safety
/// As linkat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    d1: c_int,
    from: *const c_char,
    d2: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    if let Some(recorder) = recorder()
        && recorder.below(&absolute(d2, to)).is_some()
    {
        recorder.unknown("a hard link");
    }
    // SAFETY: the caller's own arguments, passed on.
    unsafe { libc::syscall(libc::SYS_linkat, d1, from, d2, to, flags) as c_int }
}

/// # Safety
/// As link(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    unsafe { linkat(libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) }
}

/// Says that the kernel has no such call, so that its callers read and write instead.
///
/// # Safety
/// As copy_file_range(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut off_t,
    to: c_int,
    to_at: *mut off_t,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    if recorder().is_some_and(|recorder| matches!(recorder.kind(to), Kind::File(_))) {
        set_errno(libc::ENOSYS);
        return -1;
    }
    let call = libc::SYS_copy_file_range;
    // SAFETY: the caller's own arguments, passed on.
    unsafe { libc::syscall(call, from, from_at, to, to_at, length, flags) as ssize_t }
}

fn send(to: c_int, from: c_int, at: *mut off_t, length: size_t) -> ssize_t {
    if recorder().is_some_and(|recorder| matches!(recorder.kind(to), Kind::File(_))) {
        set_errno(libc::EINVAL);
        return -1;
    }
    // SAFETY: the caller's own arguments, passed on.
    unsafe { libc::syscall(libc::SYS_sendfile, to, from, at, length) as ssize_t }
}

/// # Safety
/// As sendfile(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile(to: c_int, from: c_int, at: *mut off_t, n: size_t) -> ssize_t {
    send(to, from, at, n)
}

/// # Safety
/// As sendfile(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile64(to: c_int, from: c_int, at: *mut off_t, n: size_t) -> ssize_t {
    send(to, from, at, n)
}

fn map(
    a: *mut c_void,
    n: size_t,
    protect: c_int,
    flags: c_int,
    fd: c_int,
    at: off_t,
) -> *mut c_void {
    let writes = protect & libc::PROT_WRITE != 0 && flags & libc::MAP_SHARED != 0 && fd >= 0;
    if writes
        && let Some(recorder) = recorder()
        && matches!(recorder.kind(fd), Kind::File(_))
    {
        recorder.unknown("a writable shared mapping");
    }
    // SAFETY: the caller's own arguments, passed on.
    unsafe { libc::syscall(libc::SYS_mmap, a, n, protect, flags, fd, at) as *mut c_void }
}

/// # Safety
/// As mmap(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    a: *mut c_void,
    n: size_t,
    protect: c_int,
    flags: c_int,
    fd: c_int,
    at: off_t,
) -> *mut c_void {
    map(a, n, protect, flags, fd, at)
}

/// # Safety
/// As mmap(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    a: *mut c_void,
    n: size_t,
    protect: c_int,
    flags: c_int,
    fd: c_int,
    at: off_t,
) -> *mut c_void {
    map(a, n, protect, flags, fd, at)
}
