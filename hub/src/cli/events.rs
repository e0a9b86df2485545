//! `hub events`
use super::Failure;
use super::args::{EventsCommand, Filters, Remote};
use super::client::Client;
use super::output::{event_line, pretty, table};
use super::proof;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// Events asked for at once while exporting.
const PAGE: usize = 500;

/// Runs one of them.
pub async fn run(command: EventsCommand) -> Result<ExitCode, Failure> {
    match command {
        EventsCommand::List { filters, oldest_first, remote } => {
            list(&filters, oldest_first, &remote).await
        }
        EventsCommand::Show { id, remote } => {
            let event = Client::new(&remote)?.get(&format!("/v1/events/{id}"), &[]).await?;
            println!("{}", pretty(&event));
            Ok(ExitCode::SUCCESS)
        }
        EventsCommand::Tail { filters, remote } => tail(&filters, &remote).await,
        EventsCommand::Trace { id, remote } => trace(&id, &remote).await,
        EventsCommand::Verify { file: Some(file), key, print, remote, .. } => {
            proof::verify_file(&file, key.as_deref(), print, remote.json)
        }
        EventsCommand::Verify { offline, key, checkpoint, remote, .. } => {
            proof::verify_log(offline, key, checkpoint.as_deref(), &remote).await
        }
        EventsCommand::Digest { file, remote } => proof::digest(&file, &remote).await,
        EventsCommand::Checkpoint { remote } => proof::checkpoint(&remote).await,
        EventsCommand::Export { filters, proof: true, from, to, remote } => {
            proof::export(query(&filters), from, to, &remote).await
        }
        EventsCommand::Export { filters, remote, .. } => export(&filters, &remote).await,
        EventsCommand::Stats { remote } => stats(&remote).await,
    }
}

fn query(filters: &Filters) -> Vec<(&'static str, String)> {
    let all = [
        ("type", &filters.event_type),
        ("subject", &filters.subject),
        ("client", &filters.client),
        ("account", &filters.account),
        ("connection", &filters.connection),
        ("entity", &filters.entity),
        ("since", &filters.since),
        ("until", &filters.until),
        ("after", &filters.after),
        ("text", &filters.text),
    ];
    let given = all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    given.chain(filters.limit.map(|n| ("limit", n.to_string()))).collect()
}

async fn list(filters: &Filters, oldest_first: bool, remote: &Remote) -> Result<ExitCode, Failure> {
    let mut query = query(filters);
    query.push(("order", if oldest_first { "asc" } else { "desc" }.to_owned()));
    let page = Client::new(remote)?.get("/v1/events", &query).await?;
    if remote.json {
        println!("{page}");
        return Ok(ExitCode::SUCCESS);
    }
    let events = page["events"].as_array().cloned().unwrap_or_default();
    for event in &events {
        println!("{}", event_line(event));
    }
    if events.is_empty() {
        println!("no event matches");
    }
    if let Some(next) = page["next"].as_u64() {
        println!("more: --after {next}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(filters: &Filters, remote: &Remote) -> Result<ExitCode, Failure> {
    let client = Client::new(remote)?;
    let mut filters = filters.clone();
    let mut left = filters.limit.unwrap_or(usize::MAX);
    while left > 0 {
        filters.limit = Some(left.min(PAGE));
        let mut query = query(&filters);
        query.push(("order", "asc".to_owned()));
        let page = client.get("/v1/events", &query).await?;
        for event in page["events"].as_array().into_iter().flatten() {
            println!("{event}");
            left -= 1;
        }
        let Some(next) = page["next"].as_u64() else { break };
        filters.after = Some(next.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

async fn tail(filters: &Filters, remote: &Remote) -> Result<ExitCode, Failure> {
    let client = Client::new(remote)?;
    let query = query(filters);
    let mut last: Option<String> = None;
    loop {
        match client.stream("/v1/events/stream", &query, last.as_deref()).await {
            Ok(mut response) => {
                let mut pending = Vec::new();
                while let Ok(Some(chunk)) = response.chunk().await {
                    pending.extend_from_slice(&chunk);
                    while let Some(end) = pending.windows(2).position(|w| w == b"\n\n") {
                        let block: Vec<u8> = pending.drain(..end + 2).collect();
                        last = sse_field(&block, "id:").map(str::to_owned).or(last);
                        if let Some(event) = sse_event(&block) {
                            let line =
                                if remote.json { event.to_string() } else { event_line(&event) };
                            println!("{line}");
                        }
                    }
                }
                eprintln!("the hub closed the stream; trying again");
            }
            Err(error) if last.is_none() => return Err(error),
            Err(error) => eprintln!("{error}; trying again"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The data of one block of server-sent events, as the hub writes them: one `data:` line.
fn sse_event(block: &[u8]) -> Option<Value> {
    serde_json::from_str(sse_field(block, "data:")?).ok()
}

fn sse_field<'a>(block: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(block).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start)
}

async fn trace(id: &str, remote: &Remote) -> Result<ExitCode, Failure> {
    let trace = Client::new(remote)?.get(&format!("/v1/events/{id}/trace"), &[]).await?;
    if remote.json {
        println!("{trace}");
        return Ok(ExitCode::SUCCESS);
    }
    let causes = trace["causes"].as_array().cloned().unwrap_or_default();
    let mut depth = 0;
    for cause in causes.iter().rev() {
        println!("{}{}", "  ".repeat(depth), event_line(cause));
        depth += 1;
    }
    println!("{}{}   <---", "  ".repeat(depth), event_line(&trace["event"]));
    fn effects(of: &Value, depth: usize) {
        for effect in of["effects"].as_array().into_iter().flatten() {
            println!("{}{}", "  ".repeat(depth), event_line(&effect["event"]));
            effects(effect, depth + 1);
        }
    }
    effects(&trace, depth + 1);
    if trace["truncated"] == true {
        println!("(there is more)");
    }
    Ok(ExitCode::SUCCESS)
}

async fn stats(remote: &Remote) -> Result<ExitCode, Failure> {
    let counts = Client::new(remote)?.get("/v1/stats", &[]).await?;
    if remote.json {
        println!("{counts}");
        return Ok(ExitCode::SUCCESS);
    }
    let counts: BTreeMap<String, u64> =
        serde_json::from_value(counts["types"].clone()).unwrap_or_default();
    let rows: Vec<Vec<String>> =
        counts.iter().map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
    println!("{}", table(&["type", "events"], &rows));
    println!("total  {}", counts.values().sum::<u64>());
    Ok(ExitCode::SUCCESS)
}
