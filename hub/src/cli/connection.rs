//! `hub connection`
use super::Failure;
use super::args::ConnectionCommand;
use super::client::Client;
use super::output::{pretty, table};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs one of them.
pub async fn run(command: ConnectionCommand) -> Result<ExitCode, Failure> {
    match command {
        ConnectionCommand::List { remote } => {
            let answer = Client::new(&remote)?.get("/v1/connections", &[]).await?;
            if remote.json {
                println!("{answer}");
            } else {
                let rows: Vec<Vec<String>> =
                    answer["connections"].as_array().into_iter().flatten().map(row).collect();
                let head = [
                    "id",
                    "connector",
                    "kind",
                    "state",
                    "events",
                    "duplicates",
                    "quarantined",
                    "refused",
                    "last event",
                ];
                println!("{}", table(&head, &rows));
            }
        }
        ConnectionCommand::Show { id, remote } => {
            let answer = Client::new(&remote)?.get(&format!("/v1/connections/{id}"), &[]).await?;
            println!("{}", pretty(&answer));
        }
        ConnectionCommand::Test { id, remote } => {
            let path = format!("/v1/connections/{id}/test");
            let answer = Client::new(&remote)?.post(&path, &json!({})).await?;
            let ok = answer["ok"] == true;
            if remote.json {
                println!("{answer}");
            } else if ok {
                println!("{id}: answers, {} ms", answer["elapsed_ms"]);
            } else {
                eprintln!("error: {id}: {}", answer["error"].as_str().unwrap_or("no answer"));
            }
            return Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ConnectionCommand::Pause { id, reason, remote } => {
            let path = format!("/v1/connections/{id}/pause");
            Client::new(&remote)?.post(&path, &json!({ "reason": reason })).await?;
            println!("{id} is paused; `hub connection resume {id}` lets it go on");
        }
        ConnectionCommand::Resume { id, remote } => {
            let path = format!("/v1/connections/{id}/resume");
            Client::new(&remote)?.post(&path, &json!({})).await?;
            println!("{id} goes on");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(c: &Value) -> Vec<String> {
    let text = |name: &str| c[name].as_str().unwrap_or("").to_owned();
    let number = |name: &str| c[name].as_u64().unwrap_or(0).to_string();
    let last = match c["last_event_ms"].as_i64() {
        Some(ms) if ms > 0 => crate::stored::rfc3339_ms(ms),
        _ => "-".to_owned(),
    };
    vec![
        text("id"),
        format!("{} {}", text("plugin"), text("version")),
        text("kind"),
        text("state"),
        number("events"),
        number("duplicates"),
        number("quarantined"),
        number("refused"),
        last,
    ]
}
