//! Writes, and the marks among them.

use libc::{c_int, c_void, iovec, off_t, size_t, ssize_t};

use super::{injected, set_errno};
use crate::fault::{How, Op};
use crate::kinds;
use crate::record::{Kind, Recorder, recorder};

/// `at` is `None` for a write at the descriptor's own position.
fn write_at(fd: c_int, data: *const c_void, length: size_t, at: Option<off_t>) -> ssize_t {
    let real = |length: size_t| -> ssize_t {
        // SAFETY: the caller's own arguments, passed on; `length` is never more than it gave.
        let wrote = unsafe {
            match at {
                Some(at) => libc::syscall(libc::SYS_pwrite64, fd, data, length, at),
                None => libc::syscall(libc::SYS_write, fd, data, length),
            }
        };
        wrote as ssize_t
    };
    let Some(mut recorder) = recorder() else { return real(length) };
    let id = match recorder.kind(fd) {
        Kind::File(id) => id,
        Kind::Marks => {
            let wrote = real(length);
            mark(&mut recorder, bytes(data, length));
            return wrote;
        }
        Kind::Other => {
            drop(recorder);
            return real(length);
        }
    };
    let length = match injected(&mut recorder, Op::Write) {
        None => length,
        Some(How::Short) => length.div_ceil(2),
        Some(How::Errno(errno)) => {
            set_errno(errno);
            return -1;
        }
    };
    // SAFETY: asks for the descriptor's position.
    let position = || unsafe { libc::syscall(libc::SYS_lseek, fd, 0, libc::SEEK_CUR) as off_t };
    // Exact but for O_APPEND, which the trace gets right below.
    let before = content(fd, at.unwrap_or_else(position), length);
    let wrote = real(length);
    if wrote > 0 {
        let at = at.unwrap_or_else(|| position() - wrote as off_t) as u64;
        recorder.emit(kinds::WROTE, id, at, bytes(data, wrote as size_t));
        recorder.unsynced.wrote(id, at, before);
    }
    wrote
}

/// What is there now; zeros beyond the end.
fn content(fd: c_int, at: off_t, length: size_t) -> Vec<u8> {
    let mut content = vec![0_u8; length];
    // SAFETY: a buffer of this length. It may fail (write-only, for instance): zeros then.
    unsafe { libc::syscall(libc::SYS_pread64, fd, content.as_mut_ptr(), length, at) };
    content
}

fn bytes<'a>(data: *const c_void, length: size_t) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller of write(2) gave a buffer of at least this length, which stays for the
    // time of the call.
    unsafe { std::slice::from_raw_parts(data.cast(), length) }
}

fn mark(recorder: &mut Recorder, text: &[u8]) {
    let order = std::str::from_utf8(text).ok().and_then(|text| text.strip_prefix('!'));
    match order {
        Some(order) if recorder.faults.order(order) => {}
        Some(order) => recorder.unknown(&format!("order {order}")),
        None => recorder.emit(kinds::MARK, 0, 0, text),
    }
}

/// One part after the other: a short write ends it, as it may in the real one.
fn write_parts(fd: c_int, parts: *const iovec, count: c_int, at: Option<off_t>) -> ssize_t {
    let mut total: ssize_t = 0;
    for n in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: the caller of writev(2) gave an array of `count` parts.
        let part = unsafe { &*parts.add(n) };
        let wrote = write_at(fd, part.iov_base, part.iov_len, at.map(|at| at + total as off_t));
        if wrote < 0 {
            return if total > 0 { total } else { wrote };
        }
        total += wrote;
        if (wrote as usize) < part.iov_len {
            break;
        }
    }
    total
}

/// # Safety
/// As write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t {
    write_at(fd, data, length, None)
}

/// # Safety
/// As pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, d: *const c_void, l: size_t, at: off_t) -> ssize_t {
    write_at(fd, d, l, Some(at))
}

/// # Safety
/// As pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, d: *const c_void, l: size_t, at: off_t) -> ssize_t {
    write_at(fd, d, l, Some(at))
}

/// # Safety
/// As writev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    write_parts(fd, parts, count, None)
}

/// # Safety
/// As pwritev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwritev(fd: c_int, p: *const iovec, count: c_int, at: off_t) -> ssize_t {
    write_parts(fd, p, count, Some(at))
}

/// # Safety
/// As pwritev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwritev64(fd: c_int, p: *const iovec, count: c_int, at: off_t) -> ssize_t {
    write_parts(fd, p, count, Some(at))
}
