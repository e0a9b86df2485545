//! Builds the bundled connectors into components and embeds them.
use hub_plugin_build::Build;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Bundled connectors: the name in `hub.toml`, and the package.
const BUNDLED: &[(&str, &str)] = &[
    ("adyen", "connector-adyen"),
    ("mt5", "connector-mt5"),
    ("stripe", "connector-stripe"),
    ("sumsub", "connector-sumsub"),
];
/// The demo's rogue: shows that a connector that traps is contained. Not offered to anyone.
const ROGUE: &str = "hub-hostile";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let packages = BUNDLED.iter().map(|(_, package)| *package).chain([ROGUE]);
    let components = Build::in_build_script("..", packages).and_then(|build| build.run());
    let components = match components {
        Ok(components) => components,
        Err(error) => {
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            std::process::exit(1);
        }
    };
    let mut source = String::from(
        "/// The bundled connectors: name and component.\n\
         pub const BUNDLED: &[(&str, &[u8])] = &[\n",
    );
    for ((name, _), component) in BUNDLED.iter().zip(&components) {
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", component.path)?;
    }
    let rogue = components.last().ok_or("as many components as packages")?;
    writeln!(
        source,
        "];\n/// The demo's rogue connector.\npub const ROGUE: &[u8] = include_bytes!({:?});",
        rogue.path
    )?;
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out_dir.join("bundled.rs"), source)?;
    Ok(())
}
