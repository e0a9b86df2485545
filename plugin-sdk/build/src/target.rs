//! Makes sure that the compiler can compile for WebAssembly.
use crate::BuildError;
use crate::cargo::rustc;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No WASI and no JavaScript: what is not there cannot be imported.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the target with rustup if it is missing: some machines have `RUSTUP_AUTO_INSTALL=0`, and
/// there `rust-toolchain.toml` alone does not bring it.
pub fn ensure(dir: &Path) -> Result<(), BuildError> {
    if installed(dir)? {
        return Ok(());
    }
    let said =
        match Command::new("rustup").args(["target", "add", TARGET]).current_dir(dir).output() {
            Ok(output) if installed(dir)? => {
                drop(output);
                return Ok(());
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => format!("rustup: {error}"),
        };
    Err(BuildError::Target { target: TARGET, said })
}

fn installed(dir: &Path) -> Result<bool, BuildError> {
    let rustc = rustc();
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(dir)
        .output()
        .map_err(|source| BuildError::Start { program: rustc.display().to_string(), source })?;
    let libdir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && libdir.is_dir())
}
