//! `hub events verify`, `checkpoint`, and `export --proof`.
use super::Failure;
use super::args::Remote;
use super::client::Client;
use crate::config;
use crate::proof::{self, Audit, BundleVerdict};
use hub_log::{EventLog as _, LogOptions, SledLog};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// A log, over a running hub or from its files.
pub async fn verify_log(
    offline: bool,
    key: Option<String>,
    checkpoint: Option<&Path>,
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    let witness = checkpoint.map(|path| {
        std::fs::read_to_string(path).map_err(|e| format!("--checkpoint {}: {e}", path.display()))
    });
    let witness = witness.transpose()?;
    let audit: Value = if offline {
        serde_json::to_value(audit_files(key.as_deref(), witness.as_deref(), remote)?)?
    } else {
        let by = json!({ "key": key, "checkpoint": witness });
        Client::new(remote)?.post("/v1/verify", &by).await?
    };
    if remote.json {
        println!("{audit}");
    } else if audit["ok"] == true {
        println!("{} events verified: the hash chain is intact", audit["verified"]);
        match audit["checkpoints"].as_u64().unwrap_or(0) {
            0 => println!("no checkpoint was signed yet"),
            n => {
                println!("{n} signed checkpoints hold, the newest at evt_{}", audit["checkpointed"])
            }
        }
        println!("last      evt_{}  {}", audit["last"], audit["last_hash"].as_str().unwrap_or(""));
        println!("key       {}", audit["key"].as_str().unwrap_or("none"));
    } else {
        eprintln!("error: {}", audit["error"].as_str().unwrap_or("the chain is broken"));
    }
    Ok(if audit["ok"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn audit_files(
    key: Option<&str>,
    witness: Option<&str>,
    remote: &Remote,
) -> Result<Audit, Failure> {
    let loaded = config::load(&remote.config)?;
    let dir = loaded.config.data_dir(loaded.base()).join("log");
    if !dir.exists() {
        return Err(format!("{} is not there: nothing to verify", dir.display()).into());
    }
    let log = SledLog::open(LogOptions::new(dir))?;
    let audit = proof::audit(&log, key, witness, &mut |_| {})?;
    log.close();
    Ok(audit)
}

/// An exported file.
pub fn verify_file(
    file: &Path,
    key: Option<&str>,
    print: bool,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let mut input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = None;
    let verdict = proof::read_bundle(&mut *input, key, &mut |event| {
        if print && failed.is_none() {
            let line = serde_json::to_string(&event).unwrap_or_default();
            failed = writeln!(out, "{line}").err();
        }
    });
    if let Some(error) = failed {
        return Err(format!("the events could not be printed: {error}").into());
    }
    out.flush()?;
    drop(out);
    match verdict {
        Ok(verdict) => {
            // Events go to standard output, and what is said about them must not stand among them.
            let told = if as_json { serde_json::to_string(&verdict)? } else { said(&verdict) };
            if print {
                eprintln!("{told}")
            } else {
                println!("{told}")
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            if as_json {
                println!("{}", json!({ "ok": false, "error": error.to_string() }));
            } else {
                eprintln!("error: {}: {error}", file.display());
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn said(verdict: &BundleVerdict) -> String {
    let BundleVerdict { log, from, to, shown, withheld, signed, key, key_was_given } = verdict;
    let trust = if *key_was_given {
        "the key that you named"
    } else {
        "the key that the file itself names: compare it with what the hub's operator publishes"
    };
    format!(
        "evt_{from} to evt_{to} of {log} verified: {shown} in full, {withheld} by their hash\n\
         signed    {signed}\nkey       {key}\n          ({trust})"
    )
}

/// The end of the log, signed.
pub async fn checkpoint(remote: &Remote) -> Result<ExitCode, Failure> {
    let signed = Client::new(remote)?.get("/v1/checkpoint", &[]).await?;
    if remote.json {
        println!("{signed}");
    } else {
        print!("{}", signed["checkpoint"].as_str().unwrap_or_default());
        eprintln!("key: {}", signed["key"].as_str().unwrap_or_default());
    }
    Ok(ExitCode::SUCCESS)
}

/// A range that can be verified without the hub, to standard output.
pub async fn export(
    mut query: Vec<(&'static str, String)>,
    from: Option<String>,
    to: Option<String>,
    remote: &Remote,
) -> Result<ExitCode, Failure> {
    query.extend(from.map(|from| ("from", from)));
    query.extend(to.map(|to| ("to", to)));
    let mut response = Client::new(remote)?.stream("/v1/events/proof", &query, None).await?;
    let mut out = io::stdout().lock();
    while let Some(piece) = response.chunk().await? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The digest of a raw body, as events carry it.
pub async fn digest(file: &Path, remote: &Remote) -> Result<ExitCode, Failure> {
    let body = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let digest = Client::new(remote)?.post_bytes("/v1/deliveries/digest", body).await?;
    match remote.json {
        true => println!("{digest}"),
        false => println!("{}", digest["deliveryhash"].as_str().unwrap_or_default()),
    }
    Ok(ExitCode::SUCCESS)
}
