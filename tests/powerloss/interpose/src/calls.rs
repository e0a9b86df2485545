//! The intercepted calls: each does the real system call and tells the recorder.
//!
//! They are the C library's functions by name, so they must keep its contracts: -1 and errno,
//! and any thread at any time.

#![allow(unsafe_code)] // Functions of the C ABI, and raw system calls: the point of this crate.

use std::ffi::CString;

use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, off_t, size_t, ssize_t};

use crate::fault::{How, Op};
use crate::kinds;
use crate::record::{Kind, Recorder, absolute, exists, recorder};

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

// --- open ---------------------------------------------------------------------------------

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

// --- write --------------------------------------------------------------------------------

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

// --- length -------------------------------------------------------------------------------

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

// --- sync ---------------------------------------------------------------------------------

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

// --- names --------------------------------------------------------------------------------

/// A call on one name below the root.
fn on_name(whole: &[u8], kind: u8, real: impl FnOnce() -> c_int) -> c_int {
    let Some(recorder) = recorder() else { return real() };
    let Some(below) = recorder.below(whole) else { return real() };
    let done = real();
    if done == 0 {
        recorder.emit(kind, 0, 0, &below);
    }
    done
}

/// # Safety
/// As mkdir(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode) } as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    let whole = absolute(libc::AT_FDCWD, path);
    let Some(below) = recorder.below(&whole) else { return real() };
    let done = real();
    if let (0, Ok(whole)) = (done, CString::new(whole)) {
        recorder.made_dir(&below, &whole);
    }
    done
}

/// # Safety
/// As unlink(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    on_name(&absolute(libc::AT_FDCWD, path), kinds::UNLINKED, || unsafe {
        libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) as c_int
    })
}

/// # Safety
/// As unlinkat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    on_name(&absolute(dir, path), kinds::UNLINKED, || unsafe {
        libc::syscall(libc::SYS_unlinkat, dir, path, flags) as c_int
    })
}

/// # Safety
/// As rmdir(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    on_name(&absolute(libc::AT_FDCWD, path), kinds::UNLINKED, || unsafe {
        libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, libc::AT_REMOVEDIR) as c_int
    })
}

fn rename_at(d1: c_int, from: *const c_char, d2: c_int, to: *const c_char, flags: c_uint) -> c_int {
    // SAFETY: the caller's own arguments, passed on.
    let real = || unsafe { libc::syscall(libc::SYS_renameat2, d1, from, d2, to, flags) } as c_int;
    let Some(recorder) = recorder() else { return real() };
    let (from, to) = (absolute(d1, from), absolute(d2, to));
    match (recorder.below(&from), recorder.below(&to)) {
        (Some(from), Some(to)) => {
            let done = real();
            if done == 0 {
                recorder.emit(kinds::RENAMED, 0, 0, &[from.as_slice(), b"\0", &to].concat());
            }
            done
        }
        (None, None) => real(),
        _ => {
            recorder.unknown("a rename across the root's border");
            real()
        }
    }
}

/// # Safety
/// As rename(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    rename_at(libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0)
}

/// # Safety
/// As renameat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat(
    d1: c_int,
    from: *const c_char,
    d2: c_int,
    to: *const c_char,
) -> c_int {
    rename_at(d1, from, d2, to, 0)
}

// --- what is not followed -----------------------------------------------------------------

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
