//! `hub backup` and `hub restore`
use super::Failure;
use super::args::{BackupArgs, RestoreArgs};
use super::client::Client;
use crate::{backup, config};
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Asks a running hub for a backup, and writes it: whole and durable, or not at all.
pub async fn backup(args: &BackupArgs) -> Result<ExitCode, Failure> {
    let at = |error: std::io::Error, path: &Path| format!("{}: {error}", path.display());
    if args.file.exists() {
        return Err(format!("{} exists; backups are never overwritten", args.file.display()).into());
    }
    let mut part = args.file.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut response = Client::new(&args.remote)?.stream("/v1/backup", &[], None).await?;
    let mut file = BufWriter::new(private_file(&part).map_err(|e| at(e, &part))?);
    let mut bytes = 0;
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                bytes += piece.len() as u64;
                file.write_all(&piece).map_err(|e| at(e, &part))?;
            }
            Ok(None) => break,
            Err(error) => {
                drop(fs::remove_file(&part));
                return Err(format!(
                    "the backup broke off, and was removed: {error}; the hub's log says why"
                )
                .into());
            }
        }
    }
    let file = file.into_inner().map_err(|e| at(e.into_error(), &part))?;
    file.sync_all().map_err(|e| at(e, &part))?;
    fs::rename(&part, &args.file).map_err(|e| at(e, &args.file))?;
    let folder = args.file.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| at(e, folder))?;
    let path = args.file.display();
    if args.remote.json {
        println!("{}", json!({ "file": path.to_string(), "bytes": bytes }));
    } else {
        println!("{path}: {bytes} bytes");
        println!("the master key and hub.toml are not in it: keep them elsewhere");
    }
    Ok(ExitCode::SUCCESS)
}

/// Only its owner can read it.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Restores a backup into the data directory that the configuration names.
pub fn restore(args: &RestoreArgs) -> Result<ExitCode, Failure> {
    super::init_tracing("warn");
    let loaded = config::load(&args.config)?;
    let data = loaded.config.data_dir(loaded.base());
    let file = File::open(&args.file).map_err(|e| format!("{}: {e}", args.file.display()))?;
    let restored = backup::restore(&mut BufReader::new(file), &data)?;
    let (manifest, audit) = (restored.manifest, restored.audit);
    if args.json {
        println!(
            "{}",
            json!({ "data": data.display().to_string(), "audit": audit,
            "made": manifest.made, "deliveries": manifest.deliveries })
        );
    } else {
        println!(
            "{} events and {} raw deliveries of {} restored into {}, and verified",
            audit.verified,
            manifest.deliveries,
            manifest.made,
            data.display()
        );
        println!("last      evt_{}  {}", audit.last, audit.last_hash);
        println!(
            "start the hub with the master key it had: {}",
            loaded.config.key_file(loaded.base()).display()
        );
    }
    Ok(ExitCode::SUCCESS)
}
