//! The live log as server-sent events: what is appended arrives, once, across reconnects.
use crate::harness::{Api, Setup};
use reqwest::{Method, Response};
use serde_json::Value;
use std::time::Duration;

const CLIENTS: usize = 200;
/// Events after which the follower hangs up and comes back.
const EVENTS_A_CONNECTION: usize = 37;

/// Reads events off a stream until there are `events_max`, or none comes for a second.
async fn take(response: &mut Response, events_max: usize) -> Vec<(u64, Value)> {
    let mut text = String::new();
    let mut events = Vec::new();
    while events.len() < events_max {
        let chunk = tokio::time::timeout(Duration::from_secs(1), response.chunk()).await;
        let Ok(Ok(Some(chunk))) = chunk else { break };
        text += std::str::from_utf8(&chunk).expect("UTF-8, never cut within a character here");
        while events.len() < events_max
            && let Some((block, rest)) = text.split_once("\n\n")
        {
            let field = |name: &str| {
                block.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
            };
            if let (Some(id), Some(data)) = (field("id:"), field("data:")) {
                let data = serde_json::from_str(&data).expect("JSON");
                events.push((id.parse().expect("a sequence"), data));
            }
            text = rest.to_owned();
        }
    }
    events
}

async fn connect(api: &Api, query: &str, last_id: Option<u64>) -> Response {
    let mut request = api.request(Method::GET, &format!("/v1/events/stream{query}"));
    if let Some(id) = last_id {
        request = request.header("last-event-id", id.to_string());
    }
    let response = request.send().await.expect("a stream");
    assert_eq!(response.status(), 200);
    let content_type = response.headers()["content-type"].to_str().expect("text");
    assert!(content_type.starts_with("text/event-stream"), "{content_type}");
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_reconnects_misses_nothing_and_sees_nothing_twice() {
    let hub = Setup::new().start().await;
    hub.api.register("cl-before", "acme").await.expect(201);
    let start = hub.api.json("/readyz").await["last"].as_u64().expect("a position");
    let api = hub.api.clone();
    let writing = tokio::spawn(async move {
        for n in 0..CLIENTS {
            api.register(&format!("cl-{n}"), "acme").await.expect(201);
        }
    });
    let mut seen: Vec<(u64, Value)> = Vec::new();
    loop {
        let last = seen.last().map_or(start, |(id, _)| *id);
        let mut response = connect(&hub.api, "", Some(last)).await;
        let events = take(&mut response, EVENTS_A_CONNECTION).await;
        if events.is_empty() && writing.is_finished() {
            break;
        }
        seen.extend(events);
    }
    writing.await.expect("every client registered");
    let all = hub.api.events("").await;
    let places = all.iter().map(|e| e["sequence"].as_u64().expect("a place"));
    let told: Vec<u64> = places.filter(|at| *at > start).collect();
    assert!(told.len() >= CLIENTS);
    assert_eq!(seen.iter().map(|(id, _)| *id).collect::<Vec<_>>(), told);
    for (id, event) in &seen {
        assert_eq!(event["sequence"], *id);
        assert!(all.contains(event), "the stream's event is not the list's: {event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_the_filters_of_the_list() {
    let hub = Setup::new().start().await;
    let mut response = connect(&hub.api, "?type=client.registered&client=cl-7", None).await;
    for n in 0..10 {
        hub.api.register(&format!("cl-{n}"), "acme").await.expect(201);
    }
    let events = take(&mut response, 10).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0].1["subject"], "client/cl-7");
}
