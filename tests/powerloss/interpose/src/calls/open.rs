//! Opening, which is how a file becomes known.

use libc::{c_char, c_int, c_uint};

use super::fails;
use crate::fault::Op;
use crate::kinds;
use crate::record::{absolute, exists, recorder};

fn open_at(dir: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_openat, dir, path, flags, mode) } as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    let whole = absolute(dir, path);
    if recorder.is_marks(&whole) {
        let fd = real();
        recorder.set_marks(fd);
        return fd;
    }
    let Some(below) = recorder.below(&whole) else {
        let fd = real();
        if fd >= 0 {
            recorder.opened_elsewhere(fd);
        }
        return fd;
    };
    if fails(&mut recorder, Op::Open) {
        return -1;
    }
    if flags & (libc::O_DSYNC | libc::O_DIRECT) != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE {
        recorder.unknown(&format!("open with flags {flags:#o}"));
    }
    let existed = exists(&whole);
    let fd = real();
    if fd >= 0 {
        let id = recorder.opened(fd, &below, existed);
        if existed && flags & libc::O_TRUNC != 0 {
            recorder.emit(kinds::RESIZED, id, 0, b"");
        }
    }
    fd
}

/// # Safety
/// As open(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    open_at(libc::AT_FDCWD, path, flags, mode)
}

/// # Safety
/// As open(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    open_at(libc::AT_FDCWD, path, flags, mode)
}

/// # Safety
/// As openat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(d: c_int, path: *const c_char, f: c_int, m: c_uint) -> c_int {
    open_at(d, path, f, m)
}

/// # Safety
/// As openat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(d: c_int, path: *const c_char, f: c_int, m: c_uint) -> c_int {
    open_at(d, path, f, m)
}
