//! The `cargo build` inside.
use crate::target::TARGET;
use crate::{Build, BuildError};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The guest's stack. Rust's own default is 1 MiB, which every call would have to clear again.
const STACK_BYTES: u32 = 64 * 1024;

/// The guest's memory at the start: stack, static data, and a heap that a usual delivery does not
/// outgrow, since growing costs two system calls. The hub clears all of it after each call, so the
/// smallest that links is taken; the bundled connectors all fit the first, those with large tables
/// of their own need another. Multiples of WebAssembly's page of 64 KiB.
const INITIAL_MEMORY_BYTES: [u32; 4] = [192 << 10, 512 << 10, 2 << 20, 16 << 20];

/// What the linker (LLVM's `wasm-ld`) says if the static data does not fit.
const TOO_SMALL: &str = "initial memory too small";

/// The profile, given on the command line so that a connector outside this workspace is built in
/// the same way. One instance lives for one call: speed per call is what counts.
const PROFILE: [&str; 6] = [
    "inherits=\"release\"",
    "opt-level=3",
    "lto=\"fat\"",
    "codegen-units=1",
    "panic=\"abort\"",
    "strip=\"debuginfo\"",
];

/// How much of cargo's words an error carries, from their end.
const TAIL_LINES_MAX: usize = 60;

/// What cargo made.
pub struct Built {
    /// Package and core module, in the order that was asked.
    pub modules: Vec<(String, PathBuf)>,
    /// Files and folders of local packages that went in.
    pub local_sources: BTreeSet<PathBuf>,
}

/// The compiler that the outer cargo uses, or the usual one.
pub fn rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}

/// Builds all packages in one call, with the smallest memory that holds them.
pub fn build(build: &Build) -> Result<Built, BuildError> {
    let mut sizes = INITIAL_MEMORY_BYTES.into_iter().peekable();
    while let Some(memory_bytes) = sizes.next() {
        let mut command = command(build, memory_bytes);
        let output = command.output().map_err(|source| BuildError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
        if output.status.success() {
            let artifacts = artifacts(&output)?;
            return Ok(Built {
                modules: modules(build, &artifacts)?,
                local_sources: local_sources(&artifacts),
            });
        }
        let too_small = String::from_utf8_lossy(&output.stderr).contains(TOO_SMALL);
        if !too_small || sizes.peek().is_none() {
            return Err(BuildError::Cargo { command: shown(&command), tail: tail(&output) });
        }
    }
    unreachable!("the last size succeeds or fails")
}

fn command(build: &Build, memory_bytes: u32) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(leaks) {
            command.env_remove(name);
        }
    }
    command
        .current_dir(&build.manifest_dir)
        .args(["build", "--lib", "--target", TARGET, "--profile", "connector"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(
            PROFILE.iter().flat_map(|setting| {
                ["--config".to_owned(), format!("profile.connector.{setting}")]
            }),
        )
        .args(build.packages.iter().flat_map(|package| ["--package", package]))
        .args(build.locked.then_some("--locked"))
        .arg("--target-dir")
        .arg(&build.target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(&build.manifest_dir, memory_bytes));
    command
}

/// Variables of the outer cargo that would change what the inner one builds: it says where its
/// outputs go, how its package is called and, under clippy, that a linter stands in for the
/// compiler. What says how to reach registries, and the job server that keeps both within the
/// machine's processors, stay.
fn leaks(name: &str) -> bool {
    const KEPT: [&str; 8] = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
        "CARGO_INCREMENTAL",
    ];
    const LEAKING: [&str; 11] = [
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "TARGET",
        "HOST",
        "OUT_DIR",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "NUM_JOBS",
        "CLIPPY_ARGS",
    ];
    (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
        || name.starts_with("DEP_")
        || LEAKING.contains(&name)
}

/// Flags for the guest, in cargo's encoding. Paths are cut, so that a panic's message and the
/// component's digest are the same on every machine.
fn rustflags(manifest_dir: &Path, memory_bytes: u32) -> OsString {
    let mut flags = OsString::from(format!(
        "-Clink-arg=-zstack-size={STACK_BYTES}\x1f-Clink-arg=--initial-memory={memory_bytes}"
    ));
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let cuts = [(manifest_dir.canonicalize().ok(), "connector"), (home, "cargo")];
    for (path, stands_for) in cuts {
        let Some(path) = path else { continue };
        flags.push("\x1f--remap-path-prefix=");
        flags.push(path);
        flags.push("=/");
        flags.push(stands_for);
    }
    flags
}

/// A line of `--message-format json` (The Cargo Book, "External tools").
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Artifact {
    package_id: String,
    manifest_path: PathBuf,
    target: Target,
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

fn artifacts(output: &Output) -> Result<Vec<Artifact>, BuildError> {
    let mut artifacts = Vec::new();
    for message in serde_json::Deserializer::from_slice(&output.stdout).into_iter() {
        if let Message::CompilerArtifact(artifact) = message.map_err(BuildError::Answer)? {
            artifacts.push(artifact);
        }
    }
    Ok(artifacts)
}

/// The name in a package id: `path+file:///…/stripe#connector-stripe@0.1.0`, or `…/stripe#0.1.0`
/// where the folder has the package's name (The Cargo Book, "Package ID specifications").
fn package_name(id: &str) -> &str {
    let (place, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next().unwrap_or(place),
    }
}

fn modules(build: &Build, artifacts: &[Artifact]) -> Result<Vec<(String, PathBuf)>, BuildError> {
    let mut modules: BTreeMap<&str, &PathBuf> = BTreeMap::new();
    for artifact in artifacts.iter().filter(|a| a.target.kind.iter().any(|k| k == "cdylib")) {
        let module = artifact.filenames.iter().find(|f| f.extension().is_some_and(|e| e == "wasm"));
        modules.extend(module.map(|module| (package_name(&artifact.package_id), module)));
    }
    if build.packages.is_empty() {
        let all: Vec<_> = modules.iter().map(|(p, m)| ((*p).to_owned(), (*m).clone())).collect();
        let nothing = || BuildError::NoModule(build.manifest_dir.display().to_string());
        return if all.is_empty() { Err(nothing()) } else { Ok(all) };
    }
    let module = |package: &String| {
        let module = modules.get(package.as_str());
        let module = module.ok_or_else(|| BuildError::NoModule(package.clone()))?;
        Ok((package.clone(), (*module).clone()))
    };
    build.packages.iter().map(module).collect()
}

/// What lies in the folders of local packages, outputs and hidden files apart.
fn local_sources(artifacts: &[Artifact]) -> BTreeSet<PathBuf> {
    artifacts
        .iter()
        .filter(|artifact| artifact.package_id.starts_with("path+"))
        .filter_map(|artifact| artifact.manifest_path.parent()?.read_dir().ok())
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name != "target" && !name.to_string_lossy().starts_with('.')
        })
        .map(|entry| entry.path())
        .collect()
}

fn tail(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES_MAX)..].join("\n")
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_the_inner_build_is_taken_away() {
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PRIMARY_PACKAGE",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "CARGO_FEATURE_X",
            "DEP_Z_ROOT",
        ] {
            assert!(leaks(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_OURS_TOKEN",
            "PATH",
            "RUSTC_WRAPPER",
            "RUSTUP_TOOLCHAIN",
            "CARGO_MAKEFLAGS",
            "CARGO",
        ] {
            assert!(!leaks(name), "{name}");
        }
    }

    #[test]
    fn packages_are_named_as_cargo_names_them() {
        let named = "path+file:///w/plugins/stripe#connector-stripe@0.1.0";
        assert_eq!(package_name(named), "connector-stripe");
        assert_eq!(package_name("path+file:///w/acme#0.1.0"), "acme");
    }

    #[test]
    fn a_failure_says_what_cargo_said_last() {
        let mut said: Vec<String> = (0..200).map(|n| format!("line {n}")).collect();
        said.push("error: no such field".into());
        let output = Output {
            status: Default::default(),
            stdout: Vec::new(),
            stderr: said.join("\n").into_bytes(),
        };
        let tail = tail(&output);
        assert!(tail.ends_with("error: no such field") && !tail.contains("line 100\n"), "{tail}");
    }
}
