//! Connectors: the bundled ones, and components on disk.
use hub_sandbox::{Connector, LoadError, Sandbox, SandboxConfig};
use hub_schemas::manifest::Manifest;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The largest component that is read from disk.
const COMPONENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why there is no connector.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No bundled connector of this name.
    #[error(
        "there is no bundled connector {name:?}; bundled are {bundled}, and a path to a component \
         ends in .wasm"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        bundled: String,
    },
    /// The file could not be read.
    #[error("component {path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The sandbox refuses it.
    #[error("connector {name}: {source}")]
    Load {
        /// Which.
        name: String,
        /// Why.
        source: LoadError,
    },
    /// Its manifest does not fit.
    #[error("connector {name}: its manifest does not fit schemas/manifest.json: {why}")]
    Manifest {
        /// Which.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The sandbox itself could not be made.
    #[error("the sandbox: {0}")]
    Sandbox(String),
}

static SANDBOX: OnceLock<Result<Arc<Sandbox>, String>> = OnceLock::new();

/// The process's one sandbox: its pool reserves terabytes of address space, so there is one. The
/// first caller's cache directory is used.
pub fn sandbox(cache_dir: Option<PathBuf>) -> Result<Arc<Sandbox>, PluginError> {
    SANDBOX
        .get_or_init(|| {
            let config = SandboxConfig { cache_dir, ..SandboxConfig::default() };
            Sandbox::new(config).map(Arc::new).map_err(|e| e.to_string())
        })
        .clone()
        .map_err(PluginError::Sandbox)
}

/// The component that a `plugin = "…"` names; `base` is the folder that relative paths start from.
pub fn component(plugin: &str, base: &Path) -> Result<Vec<u8>, PluginError> {
    if plugin.ends_with(".wasm") {
        let path = base.join(plugin);
        let failed = |why: String| PluginError::File { path: path.clone(), why };
        let size = std::fs::metadata(&path).map_err(|e| failed(e.to_string()))?.len();
        if size > COMPONENT_BYTES_MAX {
            return Err(failed(format!("{size} bytes; at most {COMPONENT_BYTES_MAX} are read")));
        }
        return std::fs::read(&path).map_err(|e| failed(e.to_string()));
    }
    BUNDLED.iter().find(|(name, _)| *name == plugin).map(|(_, bytes)| bytes.to_vec()).ok_or_else(
        || PluginError::Unknown {
            name: plugin.to_owned(),
            bundled: BUNDLED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        },
    )
}

/// Loads a connector and takes its manifest.
pub fn load(
    sandbox: &Sandbox,
    plugin: &str,
    base: &Path,
) -> Result<(Arc<Connector>, Manifest), PluginError> {
    let bytes = component(plugin, base)?;
    let connector = sandbox
        .load(&bytes)
        .map_err(|source| PluginError::Load { name: plugin.to_owned(), source })?;
    let unfit = |why: String| PluginError::Manifest { name: plugin.to_owned(), why };
    let json: serde_json::Value =
        serde_json::from_str(connector.manifest_json()).map_err(|e| unfit(e.to_string()))?;
    let schema = hub_schemas::generate::schema_of::<Manifest>();
    let validator =
        jsonschema::draft202012::new(schema.as_value()).map_err(|e| unfit(e.to_string()))?;
    validator.validate(&json).map_err(|e| unfit(format!("{}: {e}", e.instance_path())))?;
    let manifest: Manifest = serde_json::from_value(json).map_err(|e| unfit(e.to_string()))?;
    let known = hub_schemas::catalogue::EVENT_TYPES;
    if let Some(other) = manifest.event_types.iter().find(|t| !known.contains(&t.as_str())) {
        return Err(unfit(format!(
            "event type {other:?} is not in the catalogue; see schemas/events/"
        )));
    }
    Ok((connector, manifest))
}
