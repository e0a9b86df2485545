//! From a core module to a component.
use crate::BuildError;
use std::path::Path;
use wit_component::ComponentEncoder;

/// Encodes and validates; writes only if the bytes are new, so that nothing that depends on the
/// file is rebuilt for nothing.
pub fn component(package: &str, module: &Path, to: &Path) -> Result<(), BuildError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::File { path, source }
    };
    let module_bytes = std::fs::read(module).map_err(failed(module))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module_bytes)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| BuildError::Encode {
            package: package.to_owned(),
            why: format!("{error:#}"),
        })?;
    if std::fs::read(to).is_ok_and(|before| before == component) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    // Two builds may write at once; nobody must ever read half a component.
    let unfinished = to.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&unfinished, component).map_err(failed(&unfinished))?;
    std::fs::rename(&unfinished, to).map_err(failed(to))
}
