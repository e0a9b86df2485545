//! What can go wrong, and what to type then.
use std::path::PathBuf;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Only cargo sets these.
    #[error("{0} is not set: `Build::in_build_script` works in a build script only")]
    NoBuildScript(&'static str),
    /// A program could not be started.
    #[error("could not run `{program}`: {source}; is Rust installed (https://rustup.rs)?")]
    Start {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The compiler cannot compile for WebAssembly.
    #[error(
        "the Rust target {target} is missing, and `rustup target add` did not bring it; type\n\
         \n    rustup target add {target}\n\n\
         (without rustup: install your distribution's package of Rust's standard library for \
         {target}). What was said:\n{said}"
    )]
    Target {
        /// Which target.
        target: &'static str,
        /// What rustup or the compiler said.
        said: String,
    },
    /// Cargo failed.
    #[error("the connector does not build ({command}):\n{tail}")]
    Cargo {
        /// What ran.
        command: String,
        /// The end of what it said.
        tail: String,
    },
    /// Cargo said something that this crate does not understand.
    #[error("cargo's answer is not the documented JSON: {0}")]
    Answer(serde_json::Error),
    /// The crate is not a connector.
    #[error(
        "package {0} gives no WebAssembly module; it needs `[lib] crate-type = [\"cdylib\", \
         \"rlib\"]` in its Cargo.toml"
    )]
    NoModule(String),
    /// The module is no connector.
    #[error(
        "package {package} compiles, but is no component: {why}; does it call \
         `hub_plugin_sdk::export!`?"
    )]
    Encode {
        /// Which package.
        package: String,
        /// Why, from the encoder.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
