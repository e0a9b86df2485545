//! `hub init`
use super::{Failure, args::InitArgs};
use crate::config::{Config, template::HUB_TOML};
use crate::vault::MasterKey;
use std::process::ExitCode;

/// Writes `hub.toml` and the master key; what exists stays as it is.
pub fn run(args: &InitArgs) -> Result<ExitCode, Failure> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let file = dir.join("hub.toml");
    let defaults = Config::default();
    let key = defaults.key_file(dir);
    let data = defaults.data_dir(dir);
    if file.exists() {
        return Err(format!(
            "{} is there already, and stays as it is; `hub check` says whether it holds",
            file.display()
        )
        .into());
    }
    if !key.exists() {
        MasterKey::create(&key)?;
        println!("wrote {} (the master key: back it up, apart from the data)", key.display());
    }
    std::fs::create_dir_all(&data).map_err(|e| format!("{}: {e}", data.display()))?;
    std::fs::write(&file, HUB_TOML).map_err(|e| format!("{}: {e}", file.display()))?;
    println!("wrote {}", file.display());
    println!("next: switch a vendor on in it, then `hub check` and `hub serve`");
    Ok(ExitCode::SUCCESS)
}
