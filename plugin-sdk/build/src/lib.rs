//! Turns connector crates into components: `cargo build` for `wasm32-unknown-unknown` with the
//! flags that make a call cheap, then the component encoding.
//!
//! Build scripts use it for the bundled and the hostile connectors, `hub plugin build` for
//! anyone's. The same sources and the same compiler give the same bytes.
//!
//! ```no_run
//! // build.rs
//! let built = hub_plugin_build::Build::in_build_script("../plugins", ["connector-acme"])
//!     .and_then(|build| build.run());
//! match built {
//!     Ok(components) => println!("cargo:warning={}", components[0].path.display()),
//!     Err(error) => panic!("{error}"),
//! }
//! ```
#![forbid(unsafe_code)]

mod cargo;
mod encode;
mod error;
mod target;

pub use error::BuildError;
use std::path::{Path, PathBuf};

/// What to build, and where to.
#[derive(Debug, Clone)]
pub struct Build {
    /// The folder whose `Cargo.toml` is a connector's or the workspace that holds it.
    pub manifest_dir: PathBuf,
    /// The connector packages, all built by one `cargo` call; none means the package of
    /// `manifest_dir`.
    pub packages: Vec<String>,
    /// Where the components go, as `<package>.wasm`.
    pub out: PathBuf,
    /// Cargo's own target directory for this: never that of a cargo which is running, since that
    /// one holds its lock and waits for us.
    pub target_dir: PathBuf,
    /// Refuse to change `Cargo.lock`.
    pub locked: bool,
    /// Print `cargo:rerun-if-changed` for everything local that went into the components.
    pub tell_cargo: bool,
}

/// A component on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The package that it was built from.
    pub package: String,
    /// Where it is.
    pub path: PathBuf,
}

impl Build {
    /// The connector in `manifest_dir`, with its component and everything else below `target_dir`.
    pub fn new(manifest_dir: impl Into<PathBuf>, target_dir: impl Into<PathBuf>) -> Self {
        let target_dir = target_dir.into();
        Self {
            manifest_dir: manifest_dir.into(),
            packages: Vec::new(),
            out: target_dir.join("components"),
            target_dir,
            locked: false,
            tell_cargo: false,
        }
    }

    /// For a build script: components go to `OUT_DIR`; the target directory is `connectors` in the
    /// outer cargo's, so that all build scripts of a workspace share what they compile.
    ///
    /// `manifest_dir` may be relative to the package of the build script.
    pub fn in_build_script(
        manifest_dir: impl AsRef<Path>,
        packages: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, BuildError> {
        let var = |name| std::env::var_os(name).map(PathBuf::from);
        let out = var("OUT_DIR").ok_or(BuildError::NoBuildScript("OUT_DIR"))?;
        let here =
            var("CARGO_MANIFEST_DIR").ok_or(BuildError::NoBuildScript("CARGO_MANIFEST_DIR"))?;
        let manifest_dir = here.join(manifest_dir);
        Ok(Self {
            packages: packages.into_iter().map(Into::into).collect(),
            target_dir: outer_target(&out).unwrap_or(&out).join("connectors"),
            // The outer cargo has just brought the lock file up to date.
            locked: manifest_dir.join("Cargo.lock").is_file(),
            tell_cargo: true,
            out,
            manifest_dir,
        })
    }

    /// Builds, and says where the components are, in the order of `packages`.
    pub fn run(&self) -> Result<Vec<Component>, BuildError> {
        target::ensure(&self.manifest_dir)?;
        let built = cargo::build(self)?;
        if self.tell_cargo {
            for path in &built.local_sources {
                println!("cargo:rerun-if-changed={}", path.display());
            }
        }
        built
            .modules
            .into_iter()
            .map(|(package, module)| {
                let path = self.out.join(format!("{package}.wasm"));
                encode::component(&package, &module, &path)?;
                Ok(Component { package, path })
            })
            .collect()
    }
}

/// `…/target` of `…/target/debug/build/<package>-<hash>/out`, wherever the profile's folder is: the
/// one that cargo has marked.
fn outer_target(out: &Path) -> Option<&Path> {
    out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_the_marked_one() {
        let root = std::env::temp_dir().join(format!("hub-plugin-build-{}", std::process::id()));
        let out = root.join("target/x86_64-unknown-linux-gnu/debug/build/hub-1/out");
        std::fs::create_dir_all(&out).expect("a temporary directory");
        assert_eq!(outer_target(&out).filter(|found| found.starts_with(&root)), None);
        std::fs::write(root.join("target/CACHEDIR.TAG"), "").expect("a temporary file");
        assert_eq!(outer_target(&out), Some(root.join("target").as_path()));
        std::fs::remove_dir_all(&root).expect("our own directory");
    }
}
