//! Changes of names.

use std::ffi::CString;

use libc::{c_char, c_int, c_uint};

use crate::kinds;
use crate::record::{absolute, recorder};

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
