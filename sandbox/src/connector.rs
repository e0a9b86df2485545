//! A loaded connector.
use crate::CONTRACT;
use crate::call::Guest;
use crate::engine::Shared;
use crate::entry::{Capability, Entry};
use crate::limits::Limits;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::{ComponentExportIndex, InstancePre};

/// A component that has been checked, compiled and linked. Cheap to share; every call has an
/// instance of its own.
pub struct Connector {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: InstancePre<Guest>,
    pub(crate) describe: ComponentExportIndex,
    pub(crate) authenticate: Option<ComponentExportIndex>,
    pub(crate) entries: Vec<Option<ComponentExportIndex>>,
    pub(crate) digest: String,
    pub(crate) capabilities: BTreeSet<Capability>,
    pub(crate) imports: Vec<String>,
    pub(crate) size_bytes: usize,
    pub(crate) manifest_json: String,
}

impl Connector {
    /// BLAKE3 of the component's bytes, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }
    /// What it exports.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }
    /// What it exports, by name.
    pub fn capability_names(&self) -> Vec<&'static str> {
        self.capabilities.iter().map(|c| c.name()).collect()
    }
    /// It has this function.
    pub fn has(&self, entry: Entry) -> bool {
        self.capabilities.contains(&entry.capability())
    }
    /// It receives webhooks.
    pub fn receives_webhooks(&self) -> bool {
        self.capabilities.contains(&Capability::Webhook)
    }
    /// What it imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }
    /// Bytes of the component.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }
    /// The contract's version that it is built against.
    pub fn contract(&self) -> &'static str {
        CONTRACT
    }
    /// What `describe` gave when it was loaded.
    pub fn manifest_json(&self) -> &str {
        &self.manifest_json
    }
    /// Limits on every call.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }
}
