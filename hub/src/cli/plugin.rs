//! `hub plugin`
use super::Failure;
use super::args::PluginCommand;
use super::output::{pretty, table};
use crate::plugins::{self, BUNDLED};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Runs one of them.
pub fn run(command: &PluginCommand) -> Result<ExitCode, Failure> {
    match command {
        PluginCommand::List { json } => list(*json),
        PluginCommand::Inspect { plugin, json } => inspect(plugin, *json),
    }
}

fn list(as_json: bool) -> Result<ExitCode, Failure> {
    let sandbox = plugins::sandbox(None)?;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for (name, _) in BUNDLED {
        let (connector, manifest) = plugins::load(&sandbox, name, Path::new("."))?;
        let capabilities = connector.capability_names();
        values.push(json!({
            "name": name, "version": manifest.version, "vendor": manifest.vendor,
            "kind": manifest.kind, "capabilities": capabilities, "digest": connector.digest(),
        }));
        let kind = serde_json::to_value(manifest.kind)?.as_str().unwrap_or("").to_owned();
        let (name, can) = ((*name).to_owned(), capabilities.join(", "));
        rows.push(vec![name, manifest.version, manifest.vendor, kind, can]);
    }
    if as_json {
        println!("{}", json!({ "plugins": values }));
    } else {
        println!("{}", table(&["name", "version", "vendor", "kind", "can"], &rows));
    }
    Ok(ExitCode::SUCCESS)
}

fn inspect(plugin: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let sandbox = plugins::sandbox(None)?;
    let (connector, manifest) = plugins::load(&sandbox, plugin, Path::new("."))?;
    let shown = json!({
        "name": manifest.name, "version": manifest.version, "vendor": manifest.vendor,
        "kind": manifest.kind, "contract": connector.contract(), "digest": connector.digest(),
        "size_bytes": connector.size_bytes(), "imports": connector.imports(),
        "capabilities": connector.capability_names(), "hosts": manifest.hosts,
        "secrets": manifest.secrets, "event_types": manifest.event_types,
        "methods": manifest.methods, "currencies": manifest.currencies,
        "countries": manifest.countries, "rate_limit": manifest.rate_limit,
        "settings_schema": manifest.settings_schema,
    });
    if as_json {
        println!("{shown}");
        return Ok(ExitCode::SUCCESS);
    }
    let words = |name: &str| {
        let all: Vec<&str> =
            shown[name].as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
        if all.is_empty() { "-".to_owned() } else { all.join(", ") }
    };
    println!(
        "{} {}  ({}, contract {})",
        manifest.name,
        manifest.version,
        manifest.vendor,
        connector.contract()
    );
    println!("digest     {}", connector.digest());
    println!("size       {} bytes", connector.size_bytes());
    println!("can        {}", words("capabilities"));
    println!("imports    {}", words("imports"));
    println!("asks       {}", words("hosts"));
    println!("emits      {}", words("event_types"));
    println!("secrets    (the connector names them, and never sees them)");
    for secret in &manifest.secrets {
        let need = if secret.required { "required" } else { "optional" };
        println!("  {:<18} {need}  {}", secret.name, secret.about);
    }
    println!("settings   {}", pretty(&manifest.settings_schema).replace('\n', "\n           "));
    Ok(ExitCode::SUCCESS)
}
