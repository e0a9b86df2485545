//! Compiled components on disk, by the component's digest and the engine's own compatibility hash.
//!
//! An artefact is machine code. It is used only from a directory that belongs to this process's
//! user and that nobody else can write, and only if the hash in front of it is that of its bytes
//! and its name: a torn, damaged or renamed file is compiled again instead of run. The hash keeps
//! accidents out; the directory's owner and mode keep people out.
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Artefacts kept: every connector of a large installation, and its predecessor.
const FILES_MAX: usize = 64;
const EXTENSION: &str = "cwasm";

/// Where an artefact is.
pub(crate) fn path(dir: &Path, digest: &str, engine: &Engine) -> PathBuf {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    dir.join(format!("{digest}-{:016x}.{EXTENSION}", hasher.finish()))
}

/// The compiled component, if a whole one is there.
pub(crate) fn read(path: &Path, engine: &Engine) -> Option<Component> {
    let dir = path.parent()?;
    if !dir.is_dir() {
        return None;
    }
    if !is_private(dir) {
        tracing::warn!(dir = %dir.display(), "compiled connectors are not taken from here: the \
            directory must belong to the hub's user and be writable by nobody else (chmod 700)");
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let found = bytes.split_first_chunk().and_then(|(hash, artefact)| {
        let whole = hash_of(path, artefact).as_bytes() == hash;
        whole.then(|| deserialise(engine, artefact)).flatten()
    });
    if found.is_none() {
        tracing::warn!(path = %path.display(), "a compiled connector is damaged: compiled again");
    }
    found
}

#[allow(unsafe_code, reason = "wasmtime takes machine code only through an unsafe function")]
fn deserialise(engine: &Engine, artefact: &[u8]) -> Option<Component> {
    // SAFETY: `deserialize` runs the bytes as machine code, so they must be what `serialize` gave.
    // They come from a directory that only this user can write, and their hash is the one that
    // `write` put before them; wasmtime itself refuses those of another version or configuration.
    unsafe { Component::deserialize(engine, artefact) }.ok()
}

/// Keeps a compiled component. A failure costs time at the next start, nothing else.
pub(crate) fn write(path: &Path, component: &Component) {
    if let Err(error) = try_write(path, component) {
        tracing::warn!(path = %path.display(), error, "a compiled connector could not be kept");
    }
}

fn try_write(path: &Path, component: &Component) -> Result<(), String> {
    let dir = path.parent().ok_or("no directory")?;
    create_private(dir).map_err(|e| e.to_string())?;
    if !is_private(dir) {
        return Err("others can write the directory".to_owned());
    }
    let artefact = component.serialize().map_err(|e| e.to_string())?;
    let bytes = [hash_of(path, &artefact).as_bytes(), &artefact[..]].concat();
    // Two threads or processes may write at once; nobody must read half a file.
    let fresh = path.with_extension(format!("{:032x}.new", unique()));
    std::fs::write(&fresh, bytes).map_err(|e| e.to_string())?;
    std::fs::rename(&fresh, path).map_err(|e| e.to_string())?;
    forget_oldest(dir);
    Ok(())
}

fn hash_of(path: &Path, artefact: &[u8]) -> blake3::Hash {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    blake3::Hasher::new().update(name).update(&[0]).update(artefact).finalize()
}

fn unique() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let write = u128::from(WRITES.fetch_add(1, Relaxed));
    (u128::from(std::process::id()) << 64) | write
}

/// Removes the artefacts that were written longest ago, beyond [`FILES_MAX`].
fn forget_oldest(dir: &Path) {
    let Ok(entries) = dir.read_dir() else { return };
    let mut files: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .collect();
    files.sort();
    let surplus = files.len().saturating_sub(FILES_MAX);
    for (_, path) in files.into_iter().take(surplus) {
        // Another process may have been first.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(unix)]
fn create_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(unix)]
fn is_private(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    std::fs::metadata(dir).is_ok_and(|m| m.uid() == user && m.mode() & 0o022 == 0)
}

/// Who can write a directory is known on Unix only: elsewhere nothing is kept.
#[cfg(not(unix))]
fn create_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    false
}
