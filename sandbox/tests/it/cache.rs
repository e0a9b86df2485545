//! Compiled components on disk.
#![cfg(unix)]
use crate::load::smallest;
use crate::support::{GOOD, hostile_bytes, receive};
use hub_sandbox::{Limits, Sandbox, SandboxConfig};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn sandbox(dir: &Path) -> Sandbox {
    let limits = Limits { instances_max: 1, ..Limits::default() };
    let config = SandboxConfig { cache_dir: Some(dir.to_owned()), limits };
    Sandbox::new(config).expect("a sandbox")
}

fn load(dir: &Path) {
    let connector = sandbox(dir).load(hostile_bytes()).expect("it loads");
    receive(&connector, GOOD, &[]).expect("it works");
}

/// The one artefact, which looks an hour old, so that a rewrite shows.
fn artefact(dir: &Path) -> (PathBuf, SystemTime) {
    let files: Vec<PathBuf> =
        fs::read_dir(dir).expect("a directory").map(|f| f.expect("a file").path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let old = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(file).and_then(|f| f.set_modified(old)).expect("our file");
    (file.clone(), old)
}

fn rewritten(file: &Path, old: SystemTime) -> bool {
    let modified = fs::metadata(file).and_then(|m| m.modified()).expect("it is there");
    modified.duration_since(old).is_ok_and(|newer| newer > Duration::from_secs(60))
}

#[test]
fn a_compiled_component_is_kept_and_used() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path().join("deep/cache");
    load(&dir);
    let mode = fs::metadata(&dir).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "its owner's alone");
    let (file, old) = artefact(&dir);
    load(&dir);
    assert!(!rewritten(&file, old), "it was taken as it is");
}

#[test]
fn damage_is_noticed_and_mended() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path().join("cache");
    load(&dir);
    let (file, _) = artefact(&dir);
    let whole = fs::read(&file).expect("our file");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b"", b"\x7fELF of somebody else's"] {
        fs::write(&file, damaged).expect("our file");
        let (_, old) = artefact(&dir);
        load(&dir);
        assert!(rewritten(&file, old));
        assert_eq!(fs::read(&file).expect("our file"), whole, "compiled to the same bytes");
    }
}

/// Or one connector would run in another's place.
#[test]
fn an_artefact_under_another_name_is_not_taken() {
    let root = tempfile::tempdir().expect("a directory");
    let (dir, other) = (root.path().join("cache"), root.path().join("other"));
    load(&dir);
    sandbox(&other).load(&smallest()).expect("it loads");
    let (file, _) = artefact(&dir);
    fs::copy(artefact(&other).0, &file).expect("our files");
    let (_, old) = artefact(&dir);
    load(&dir);
    assert!(rewritten(&file, old));
}

#[test]
fn a_directory_that_others_can_write_is_not_trusted() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path().join("cache");
    load(&dir);
    fs::set_permissions(&dir, Permissions::from_mode(0o777)).expect("our directory");
    let (file, _) = artefact(&dir);
    fs::write(&file, b"machine code from a stranger").expect("our file");
    let (_, old) = artefact(&dir);
    load(&dir);
    assert!(!rewritten(&file, old), "neither read nor written");
    assert_eq!(fs::read(&file).expect("our file"), b"machine code from a stranger");
}
