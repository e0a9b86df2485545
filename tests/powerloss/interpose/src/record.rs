//! What is known of the files, and the trace.
//!
//! Files are told apart by device and inode, looked up from the descriptor at every call: so
//! duplicates, closes and passed descriptors need no book-keeping.

#![allow(unsafe_code)] // Raw system calls: the point of this crate.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::os::unix::ffi::OsStringExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::{c_char, c_int};

use crate::fault::Faults;
use crate::kinds;
use crate::unsynced::Unsynced;

type Inode = (u64, u64);

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file or directory below the root.
    File(u32),
    Marks,
    Other,
}

/// The recorder's memory.
pub(crate) struct State {
    root: Vec<u8>,
    trace: c_int,
    marks: Vec<u8>,
    pub(crate) sync_us: u64,
    pub(crate) faults: Faults,
    pub(crate) unsynced: Unsynced,
    marks_inode: Option<Inode>,
    files: BTreeMap<Inode, u32>,
    ids: u32,
    syncs: u64,
}

enum Once {
    Unknown,
    Off,
    On(State),
}

static STATE: Mutex<Once> = Mutex::new(Once::Unknown);

/// The recorder, locked: calls that change files hold it, so the trace has their true order.
pub(crate) struct Recorder(MutexGuard<'static, Once>);

/// Locks it; `None` when the environment asks for none.
pub(crate) fn recorder() -> Option<Recorder> {
    let mut once = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*once, Once::Unknown) {
        *once = start().map_or(Once::Off, Once::On);
    }
    matches!(*once, Once::On(_)).then_some(Recorder(once))
}

impl std::ops::Deref for Recorder {
    type Target = State;
    fn deref(&self) -> &State {
        match &*self.0 {
            Once::On(state) => state,
            _ => unreachable!("`recorder` gives it out only when on"),
        }
    }
}

impl std::ops::DerefMut for Recorder {
    fn deref_mut(&mut self) -> &mut State {
        match &mut *self.0 {
            Once::On(state) => state,
            _ => unreachable!("`recorder` gives it out only when on"),
        }
    }
}

fn start() -> Option<State> {
    let variable = |name: &str| Some(std::env::var_os(name)?.into_vec());
    let root = variable("POWERLOSS_ROOT")?;
    let mut path = variable("POWERLOSS_TRACE")?;
    path.push(0);
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: a system call with a NUL-terminated path that outlives it.
    let trace =
        unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o644_u32) };
    if trace < 0 {
        complain("its trace file cannot be opened");
    }
    let sync_us = std::env::var("POWERLOSS_SYNC_US").ok().and_then(|us| us.parse().ok());
    Some(State {
        root,
        trace: trace as c_int,
        marks: variable("POWERLOSS_MARKS").unwrap_or_default(),
        sync_us: sync_us.unwrap_or(0),
        faults: Faults::default(),
        unsynced: Unsynced::default(),
        marks_inode: None,
        files: BTreeMap::new(),
        ids: 0,
        syncs: 0,
    })
}

/// A recorder that cannot record must not let the run pass.
fn complain(what: &str) -> ! {
    let line = format!("powerloss recorder: {what}\n");
    // SAFETY: a system call with a buffer that outlives it.
    unsafe { libc::syscall(libc::SYS_write, 2, line.as_ptr(), line.len()) };
    std::process::abort()
}

impl State {
    pub(crate) fn emit(&self, kind: u8, id: u32, at: u64, data: &[u8]) {
        let mut entry = Vec::with_capacity(kinds::HEAD_BYTES + data.len());
        entry.push(kind);
        entry.extend(id.to_le_bytes());
        entry.extend(at.to_le_bytes());
        entry.extend((data.len() as u32).to_le_bytes());
        entry.extend(data);
        // SAFETY: a system call with a buffer that outlives it.
        let wrote =
            unsafe { libc::syscall(libc::SYS_write, self.trace, entry.as_ptr(), entry.len()) };
        if wrote != entry.len() as i64 {
            complain("its trace cannot be written");
        }
    }

    pub(crate) fn unknown(&self, what: &str) {
        self.emit(kinds::UNKNOWN, 0, 0, what.as_bytes());
    }

    pub(crate) fn next_sync(&mut self) -> u64 {
        self.syncs += 1;
        self.syncs
    }

    /// The path below the root, if that is where it is.
    pub(crate) fn below(&self, absolute: &[u8]) -> Option<Vec<u8>> {
        let rest = absolute.strip_prefix(self.root.as_slice())?;
        match rest {
            [] => Some(Vec::new()),
            [b'/', rest @ ..] => Some(rest.to_vec()),
            _ => None,
        }
    }

    pub(crate) fn is_marks(&self, absolute: &[u8]) -> bool {
        !self.marks.is_empty() && self.marks == absolute
    }

    pub(crate) fn set_marks(&mut self, fd: c_int) {
        self.marks_inode = inode(fd);
    }

    pub(crate) fn kind(&self, fd: c_int) -> Kind {
        match inode(fd) {
            Some(inode) if self.marks_inode == Some(inode) => Kind::Marks,
            Some(inode) => self.files.get(&inode).map_or(Kind::Other, |id| Kind::File(*id)),
            None => Kind::Other,
        }
    }

    /// A descriptor of a file below the root was opened: its id, told to the trace when new.
    pub(crate) fn opened(&mut self, fd: c_int, path: &[u8], existed: bool) -> u32 {
        let Some(inode) = inode(fd) else { complain("a file just opened has no inode") };
        if let Some(id) = self.files.get(&inode).filter(|_| existed) {
            return *id;
        }
        self.ids += 1;
        self.files.insert(inode, self.ids);
        let kind = if existed { kinds::SEEN } else { kinds::CREATED };
        self.emit(kind, self.ids, 0, path);
        self.ids
    }

    /// A directory was made; found again by its inode when it is opened.
    pub(crate) fn made_dir(&mut self, path: &[u8], absolute: &CStr) {
        self.ids += 1;
        if let Some(inode) = inode_of(absolute) {
            self.files.insert(inode, self.ids);
        }
        self.emit(kinds::MADE_DIR, self.ids, 0, path);
    }

    /// A descriptor of a file elsewhere was opened: an inode may have come back to life there.
    pub(crate) fn opened_elsewhere(&mut self, fd: c_int) {
        if let Some(inode) = inode(fd) {
            self.files.remove(&inode);
        }
    }
}

fn inode(fd: c_int) -> Option<Inode> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `fstatat` is not intercepted; an empty path with this flag asks for `fd` itself,
    // and the buffer is large enough and zeroed.
    let (done, stat) = unsafe {
        let done = libc::fstatat(fd, c"".as_ptr(), stat.as_mut_ptr(), libc::AT_EMPTY_PATH);
        (done, stat.assume_init())
    };
    (done == 0).then_some((stat.st_dev, stat.st_ino))
}

fn inode_of(path: &CStr) -> Option<Inode> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: a NUL-terminated path, and a buffer that is large enough and zeroed.
    let (done, stat) = unsafe {
        let done = libc::fstatat(libc::AT_FDCWD, path.as_ptr(), stat.as_mut_ptr(), 0);
        (done, stat.assume_init())
    };
    (done == 0).then_some((stat.st_dev, stat.st_ino))
}

/// Whether something has this name.
pub(crate) fn exists(absolute: &[u8]) -> bool {
    std::ffi::CString::new(absolute).is_ok_and(|path| inode_of(&path).is_some())
}

/// The absolute path of what a call names, without `.`; links are not resolved.
pub(crate) fn absolute(dir: c_int, path: *const c_char) -> Vec<u8> {
    // SAFETY: the caller's path is NUL-terminated by the contract of the call it made.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    let mut whole = match path.first() {
        Some(b'/') => Vec::new(),
        _ => base(dir),
    };
    whole.push(b'/');
    whole.extend(path);
    let mut out = Vec::with_capacity(whole.len());
    for part in whole.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
            part => {
                out.push(b'/');
                out.extend(part);
            }
        }
    }
    out
}

fn base(dir: c_int) -> Vec<u8> {
    let link = match dir {
        libc::AT_FDCWD => "/proc/self/cwd\0".to_owned(),
        fd => format!("/proc/self/fd/{fd}\0"),
    };
    let mut buffer = vec![0_u8; 4_096];
    // SAFETY: `readlink` is not intercepted; path and buffer outlive it.
    let length =
        unsafe { libc::readlink(link.as_ptr().cast(), buffer.as_mut_ptr().cast(), buffer.len()) };
    buffer.truncate(usize::try_from(length).unwrap_or(0));
    buffer
}
