//! Compiled components on disk, by the component's digest and the engine's own compatibility hash.
//!
//! An artefact is machine code: it is loaded only from a directory that its owner alone can write,
//! and only if its hash is the one that stands in front of it, so that a torn or damaged file is
//! compiled again instead of run.
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

const HASH_BYTES: usize = 32;

/// Where an artefact is.
pub(crate) fn path(dir: &Path, digest: &str, engine: &Engine) -> PathBuf {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    dir.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
}

/// The compiled component, if a whole one is there.
pub(crate) fn read(path: &Path, engine: &Engine) -> Option<Component> {
    if !is_private(path.parent()?) {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let (hash, artefact) = bytes.split_first_chunk::<HASH_BYTES>()?;
    if blake3::hash(artefact).as_bytes() != hash {
        tracing::warn!(path = %path.display(), "a compiled connector is damaged: compiled again");
        return None;
    }
    deserialise(engine, artefact)
}

#[allow(unsafe_code, reason = "wasmtime takes machine code only through an unsafe function")]
fn deserialise(engine: &Engine, artefact: &[u8]) -> Option<Component> {
    // SAFETY: `deserialize` runs the bytes as machine code. They come from a directory that only
    // this user can write, and their hash is the one written with them by `write`; wasmtime itself
    // refuses those of another version or configuration.
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
    let artefact = component.serialize().map_err(|e| e.to_string())?;
    let bytes = [blake3::hash(&artefact).as_bytes(), &artefact[..]].concat();
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&fresh, bytes).map_err(|e| e.to_string())?;
    std::fs::rename(&fresh, path).map_err(|e| e.to_string())
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
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o022 == 0)
}
