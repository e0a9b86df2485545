//! `hub backup` and `hub restore`
use super::Failure;
use super::args::{BackupArgs, RestoreArgs};
use super::client::Client;
use crate::vault::{KeyFile, MasterKey, key_file_path};
use crate::{backup, config};
use reqwest::Response;
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Asks a running hub for a backup, and writes it: whole and durable, or not at all.
pub async fn backup(args: &BackupArgs) -> Result<ExitCode, Failure> {
    if args.file.exists() {
        return Err(format!("{} exists; backups are never overwritten", args.file.display()).into());
    }
    let mut part = args.file.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let response = Client::new(&args.remote)?.stream("/v1/backup", &[], None).await?;
    let bytes = match written(response, &part, &args.file).await {
        Ok(bytes) => bytes,
        Err(error) => {
            drop(fs::remove_file(&part));
            return Err(error);
        }
    };
    let path = args.file.display();
    if args.remote.json {
        println!("{}", json!({ "file": path.to_string(), "bytes": bytes }));
    } else {
        println!("{path}: {bytes} bytes");
        println!("the master key and hub.toml are not in it: keep them elsewhere");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what comes to `part`, and gives it its name once it is whole and durable.
async fn written(mut response: Response, part: &Path, file: &Path) -> Result<u64, Failure> {
    let at = |error: std::io::Error, path: &Path| format!("{}: {error}", path.display());
    let mut out = BufWriter::new(private_file(part).map_err(|e| at(e, part))?);
    let mut bytes = 0;
    while let Some(piece) = response.chunk().await.map_err(|e| {
        format!("the backup broke off, and was removed: {e}; the hub's log says why")
    })? {
        bytes += piece.len() as u64;
        out.write_all(&piece).map_err(|e| at(e, part))?;
    }
    let out = out.into_inner().map_err(|e| at(e.into_error(), part))?;
    out.sync_all().map_err(|e| at(e, part))?;
    fs::rename(part, file).map_err(|e| at(e, file))?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| at(e, folder))?;
    Ok(bytes)
}

/// A new file that only its owner can read.
fn private_file(path: &Path) -> std::io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
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
        println!("whoever was erased after {} is back: erase them again", manifest.made);
    }
    let key_file = loaded.config.key_file(loaded.base());
    let checked = MasterKey::read(&key_file).map_err(|e| e.to_string()).and_then(|master| {
        KeyFile::check(&key_file_path(&data), &master).map_err(|e| e.to_string())
    });
    match checked {
        Ok(keys) if keys.damaged > 0 => {
            return Err(format!(
                "{} keys of clients are damaged in this backup: what they seal does not open; use \
                 another backup",
                keys.damaged
            )
            .into());
        }
        Ok(keys) if !args.json => println!(
            "{} keys of clients open with {}; {} are of erased ones",
            keys.live,
            key_file.display(),
            keys.destroyed
        ),
        Ok(_) => {}
        Err(error) => eprintln!("before the hub starts it needs the master key it had: {error}"),
    }
    Ok(ExitCode::SUCCESS)
}
