//! `hub quarantine`
use super::Failure;
use super::args::QuarantineCommand;
use super::client::Client;
use super::output::{pretty, table};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs one of them.
pub async fn run(command: QuarantineCommand) -> Result<ExitCode, Failure> {
    match command {
        QuarantineCommand::List { remote } => {
            let entries = all(&Client::new(&remote)?).await?;
            if remote.json {
                println!("{}", json!({ "entries": entries }));
            } else if entries.is_empty() {
                println!("nothing is in quarantine");
            } else {
                let text = |e: &Value, name: &str| e[name].as_str().unwrap_or("").to_owned();
                let rows: Vec<Vec<String>> = entries
                    .iter()
                    .map(|e| {
                        let at = e["received_ms"].as_i64().unwrap_or(0);
                        let reason = text(e, "reason").chars().take(80).collect();
                        let at = crate::stored::rfc3339_ms(at);
                        vec![text(e, "id"), at, text(e, "connection"), text(e, "class"), reason]
                    })
                    .collect();
                println!("{}", table(&["id", "received", "connection", "class", "reason"], &rows));
            }
        }
        QuarantineCommand::Show { id, remote } => {
            let client = Client::new(&remote)?;
            let mut entry = client.get(&format!("/v1/quarantine/{id}"), &[]).await?;
            let raw = entry["delivery"].as_u64().unwrap_or(0);
            entry["raw"] = client.get(&format!("/v1/deliveries/dlv_{raw}"), &[]).await?;
            println!("{}", pretty(&entry));
        }
        QuarantineCommand::Replay { id, all: every, remote } => {
            let client = Client::new(&remote)?;
            let ids = match id {
                Some(id) if !every => vec![id],
                _ => all(&client)
                    .await?
                    .iter()
                    .filter_map(|e| e["id"].as_str().map(str::to_owned))
                    .collect(),
            };
            return replay(&client, &ids, remote.json).await;
        }
        QuarantineCommand::Discard { id, reason, remote } => {
            let body = json!({ "reason": reason });
            Client::new(&remote)?.post(&format!("/v1/quarantine/{id}/discard"), &body).await?;
            println!("{id} discarded; that you did, and why, stays in the log");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(client: &Client, ids: &[String], as_json: bool) -> Result<ExitCode, Failure> {
    let mut stayed = 0;
    let mut results = Vec::new();
    for id in ids {
        match client.post(&format!("/v1/quarantine/{id}/replay"), &json!({})).await {
            Ok(done) => {
                results.push(json!({ "id": id, "events": done["events"] }));
                if !as_json {
                    println!("{id}: understood, {} events", done["events"]);
                }
            }
            Err(error) => {
                stayed += 1;
                results.push(json!({ "id": id, "error": error.to_string() }));
                if !as_json {
                    eprintln!("{id}: {error}");
                }
            }
        }
    }
    if as_json {
        println!("{}", json!({ "results": results }));
    }
    Ok(if stayed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    let mut entries = Vec::new();
    let mut query: Vec<(&str, String)> = Vec::new();
    loop {
        let page = client.get("/v1/quarantine", &query).await?;
        entries.extend(page["entries"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next"].as_str() else { return Ok(entries) };
        query = vec![("after", next.to_owned())];
    }
}
