//! `hub check`
use super::{Failure, args::ConfigArgs};
use crate::app::{StartError, prepare};
use crate::{config, vault};
use serde_json::json;
use std::process::ExitCode;

/// Checks the file, the connectors, the grants, the rules and the secrets, and tells everything
/// that is wrong at once.
pub fn run(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let loaded = config::load(&args.config)?;
    let mut problems = match prepare(&loaded, None) {
        Ok(_) => Vec::new(),
        Err(StartError::Config(problems)) => problems,
        Err(other) => vec![other.to_string()],
    };
    for (i, connection) in loaded.config.connection.iter().enumerate() {
        for (name, references) in &connection.secrets {
            for reference in references.all() {
                if vault::check_reference(reference).is_ok()
                    && let Err(error) = vault::resolve(reference, loaded.base())
                {
                    let place = format!("connection[{i}].secrets.{name}");
                    let line = loaded.line_of(&place).map_or(String::new(), |l| format!(":{l}"));
                    problems.push(format!("{}{line}: {place}: {error}", loaded.path.display()));
                }
            }
        }
    }
    if let Err(error) = vault::MasterKey::read(&loaded.config.key_file(loaded.base())) {
        problems.push(error.to_string());
    }
    if args.json {
        println!("{}", json!({ "ok": problems.is_empty(), "problems": problems }));
    } else if problems.is_empty() {
        println!(
            "{} holds: {} connections, {} routes, {} provisioning rules, {} programmes",
            loaded.path.display(),
            loaded.config.connection.len(),
            loaded.config.route.len(),
            loaded.config.provisioning.len(),
            loaded.config.programme.len(),
        );
    } else {
        for problem in &problems {
            eprintln!("{problem}");
        }
        eprintln!("{} to mend", problems.len());
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
