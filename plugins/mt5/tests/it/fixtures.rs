//! `fixtures/<case>`: the connection's settings, the cursor, what the server answers to each path
//! (a list is used up in order), and what a poll must give. `UPDATE_EXPECT=1` rewrites what it
//! must give.
use crate::hub::{Server, run_with};
use connector_mt5::Mt5;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::poll::exports::hub::connector::poll::Guest;
use hub_plugin_sdk::bindings::types::{Context, Reply, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn poll(case: &Path, cut: Option<(&str, usize)>) -> Value {
    let answers: BTreeMap<String, Value> =
        serde_json::from_value(json_of(&case.join("answers.json"))).unwrap();
    let cursor = std::fs::read_to_string(case.join("cursor.json")).ok();
    let step = |ctx: Context, history| Exported::<Mt5>::next(ctx, cursor.clone(), history);
    let settings = json_of(&case.join("settings.json"));
    let ended = run_with(&mut Server::default(), &settings, step, &mut |asked| {
        let mut body = answers[&asked.path].to_string().into_bytes();
        if let Some((path, length)) = cut
            && path == asked.path
        {
            body.truncate(length);
        }
        Reply::Response(Response { status: 200, headers: Vec::new(), body })
    });
    match ended {
        Ok(outcome) => json!({
            "more": outcome.more,
            "cursor": serde_json::from_str::<Value>(&outcome.cursor.unwrap()).unwrap(),
            "events": outcome.events.iter().map(|event| json!({
                "type": event.type_, "id": event.id, "time_ms": event.time_ms,
                "data": serde_json::from_str::<Value>(&event.data).unwrap(),
            })).collect::<Vec<_>>(),
        }),
        Err(failure) => json!({ "fails": format!("{failure:?}") }),
    }
}

fn cases() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 4, "the fixtures are gone");
    cases
}

#[test]
fn every_poll_gives_what_is_expected() {
    for case in cases() {
        let got = poll(&case, None);
        let file = case.join("expected.json");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&file, serde_json::to_string_pretty(&got).unwrap() + "\n").unwrap();
        }
        assert_eq!(got, json_of(&file), "{}: {got:#}", case.display());
        let is_bad = case.file_name().unwrap().to_string_lossy().starts_with("bad-");
        assert_eq!(is_bad, got.get("fails").is_some(), "{}: {got:#}", case.display());
    }
}

#[test]
fn an_answer_cut_anywhere_fails_the_poll_and_tells_nothing() {
    for case in cases() {
        for (path, answer) in json_of(&case.join("answers.json")).as_object().unwrap() {
            let zone_is_known = case.join("cursor.json").exists()
                || json_of(&case.join("settings.json")).get("server_zone").is_some();
            for length in 0..answer.to_string().len() {
                let got = poll(&case, Some((path, length)));
                let asked = !got.to_string().contains("events");
                let unasked = path == "/api/time/get" && zone_is_known;
                assert!(asked || unasked, "{} {path} cut at {length}: {got:#}", case.display());
            }
        }
    }
}
