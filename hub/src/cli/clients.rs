//! `hub client`
use super::Failure;
use super::args::ClientCommand;
use super::client::Client;
use super::output::{pretty, table};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

/// Runs one of them.
pub async fn run(command: ClientCommand) -> Result<ExitCode, Failure> {
    match command {
        ClientCommand::List { email, phone, after, limit, remote } => {
            let given = [("email", email), ("phone", phone), ("after", after)];
            let mut query: Vec<(&str, String)> =
                given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            query.extend(limit.map(|n| ("limit", n.to_string())));
            let page = Client::new(&remote)?.get("/v1/clients", &query).await?;
            if remote.json {
                println!("{page}");
            } else {
                list(&page);
            }
        }
        ClientCommand::Show { id, remote } => {
            let card = Client::new(&remote)?.get(&format!("/v1/clients/{id}/card"), &[]).await?;
            println!("{}", pretty(&card));
        }
        ClientCommand::Erase { id, reason, wallet_settled, yes, remote } => {
            if !yes && !confirmed(&id)? {
                println!("nothing was done");
                return Ok(ExitCode::FAILURE);
            }
            let body = json!({ "reason": reason, "wallet_settled": wallet_settled });
            let path = format!("/v1/clients/{id}/erase");
            let done = Client::new(&remote)?.post(&path, &body).await?;
            if remote.json {
                println!("{done}");
            } else {
                let event = done["erased"]["event"].as_str().unwrap_or("-");
                println!("{id} is erased ({event}): the keys of its personal data are destroyed");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(page: &Value) {
    let clients = page["clients"].as_array().cloned().unwrap_or_default();
    if clients.is_empty() {
        println!("no client matches");
        return;
    }
    let text = |c: &Value, name: &str| c[name].as_str().unwrap_or("").to_owned();
    let rows: Vec<Vec<String>> = clients
        .iter()
        .map(|c| {
            let erased = if c["erased"] == true { "erased" } else { "" };
            vec![
                text(c, "client"),
                text(c, "entity"),
                text(c, "country"),
                text(c, "stage"),
                erased.to_owned(),
            ]
        })
        .collect();
    println!("{}", table(&["client", "entity", "country", "stage", ""], &rows));
    if let Some(next) = page["next"].as_str() {
        println!("more: --after {next}");
    }
}

/// Asks for the id, typed out: this cannot be undone.
fn confirmed(id: &str) -> Result<bool, Failure> {
    eprint!(
        "This destroys the keys of {id}'s personal data for good; a backup made before still has \
         them.\nType the client's id to go on: "
    );
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == id)
}
