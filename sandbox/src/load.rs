//! From bytes to a connector, or a message that says why not.
use crate::call::Guest;
use crate::connector::Connector;
use crate::engine::Sandbox;
use crate::entry::{Capability, Entry};
use crate::error::LoadError;
use crate::{CONTRACT, bindings, cache};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf, Linker};

const PACKAGE: &str = "hub:connector/";
/// The first bytes of WebAssembly, and what follows in a core module.
const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];

impl Sandbox {
    /// Loads a component: checks what it imports and exports before anything of it runs.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Connector>, LoadError> {
        let bytes_max = self.shared.limits.component_bytes_max;
        if bytes.len() > bytes_max {
            return Err(LoadError::TooLarge { bytes: bytes.len(), bytes_max });
        }
        if !bytes.starts_with(MAGIC) {
            return Err(LoadError::NotWasm);
        }
        if bytes.get(4..8) == Some(CORE_VERSION) {
            return Err(LoadError::CoreModule);
        }
        let digest = blake3::hash(bytes).to_hex().to_string();
        let component = self.compile(bytes, &digest)?;
        let engine = &self.shared.engine;
        let kind = component.component_type();
        let imports: Vec<String> = kind.imports(engine).map(|(name, _)| name.to_owned()).collect();
        check_imports(&imports)?;
        let exports: Vec<String> = kind.exports(engine).map(|(name, _)| name.to_owned()).collect();
        let capabilities = capabilities(&exports)?;

        let mut linker: Linker<Guest> = Linker::new(engine);
        let invalid = |e: wasmtime::Error| LoadError::Invalid(format!("{e:#}"));
        bindings::hub::connector::log::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| {
            guest
        })
        .map_err(invalid)?;
        bindings::hub::connector::types::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| {
            guest
        })
        .map_err(invalid)?;
        let pre = linker.instantiate_pre(&component).map_err(invalid)?;
        let mut connector = Connector {
            shared: self.shared.clone(),
            describe: index(&component, "describe", "describe")?,
            authenticate: match capabilities.contains(&Capability::Webhook) {
                true => Some(index(&component, "webhook", "authenticate")?),
                false => None,
            },
            entries: Entry::ALL
                .iter()
                .map(|entry| match capabilities.contains(&entry.capability()) {
                    true => {
                        index(&component, entry.capability().name(), entry.function()).map(Some)
                    }
                    false => Ok(None),
                })
                .collect::<Result<_, _>>()?,
            pre,
            digest,
            capabilities,
            imports,
            size_bytes: bytes.len(),
            manifest_json: String::new(),
        };
        connector.check_types()?;
        connector.manifest_json = connector.describe().map_err(LoadError::Describe)?;
        Ok(Arc::new(connector))
    }

    fn compile(&self, bytes: &[u8], digest: &str) -> Result<Component, LoadError> {
        let engine = &self.shared.engine;
        let path = self.cache_dir.as_deref().map(|dir| cache::path(dir, digest, engine));
        if let Some(component) = path.as_deref().and_then(|path| cache::read(path, engine)) {
            return Ok(component);
        }
        let component = Component::from_binary(engine, bytes)
            .map_err(|e| LoadError::Invalid(format!("{e:#}")))?;
        if let Some(path) = path {
            cache::write(&path, &component);
        }
        Ok(component)
    }
}

fn index(
    component: &Component,
    interface: &'static str,
    function: &str,
) -> Result<wasmtime::component::ComponentExportIndex, LoadError> {
    let missing = |what: &str| LoadError::Type { interface, why: format!("it has no {what}") };
    let name = format!("{PACKAGE}{interface}@{CONTRACT}");
    let parent =
        component.get_export_index(None, &name).ok_or_else(|| missing("such interface"))?;
    match component.get_export(Some(&parent), function) {
        Some((ComponentItem::ComponentFunc(_), index)) => Ok(index),
        _ => Err(missing(function)),
    }
}

fn check_imports(imports: &[String]) -> Result<(), LoadError> {
    for import in imports {
        let Some(own) = import.strip_prefix(PACKAGE) else {
            return Err(LoadError::Import(import.clone()));
        };
        let (interface, version) = own.split_once('@').unwrap_or((own, ""));
        if version != CONTRACT {
            return Err(LoadError::Version { found: version.to_owned(), served: CONTRACT });
        }
        if !matches!(interface, "log" | "types") {
            return Err(LoadError::Import(import.clone()));
        }
    }
    Ok(())
}

fn capabilities(exports: &[String]) -> Result<BTreeSet<Capability>, LoadError> {
    let mut found = BTreeSet::new();
    let mut describes = false;
    for export in exports {
        let Some(own) = export.strip_prefix(PACKAGE) else { continue };
        let (interface, version) = own.split_once('@').unwrap_or((own, ""));
        if version != CONTRACT {
            return Err(LoadError::Version { found: version.to_owned(), served: CONTRACT });
        }
        describes |= interface == "describe";
        found.extend(Capability::ALL.iter().copied().filter(|c| c.name() == interface));
    }
    if describes { Ok(found) } else { Err(LoadError::NotAConnector(CONTRACT)) }
}
