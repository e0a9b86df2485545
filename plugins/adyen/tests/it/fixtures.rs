//! `fixtures/<case>`: a delivery's body, the connection's settings and environment, and what must
//! come of it. `UPDATE_EXPECT=1` rewrites what must come of it.
//!
//! The items are the examples of `adyen/Webhooks-v1.json` (github.com/Adyen/adyen-openapi), with
//! the fields changed that the case is named after, signed with the key of `hmac_vector.json`.
use connector_adyen::Adyen;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::types::{Context, Delivery, Step};
use hub_plugin_sdk::bindings::webhook::exports::hub::connector::webhook::Guest;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub fn context(settings: &Value, live: bool) -> Context {
    Context {
        connection: "adyen-eu".to_owned(),
        settings: settings.to_string(),
        now_ms: 1_741_149_708_704,
        nonce: vec![7; 16],
        live,
    }
}

pub fn delivery(body: Vec<u8>) -> Delivery {
    Delivery { method: "POST".to_owned(), path: String::new(), headers: Vec::new(), body }
}

fn receive(case: &Path, body: Vec<u8>) -> Step {
    let setup: Value =
        serde_json::from_slice(&std::fs::read(case.join("settings.json")).unwrap()).unwrap();
    let live = setup["live"].as_bool().unwrap();
    Exported::<Adyen>::receive(context(&setup["settings"], live), delivery(body), Vec::new())
}

fn shown(step: Step) -> Value {
    match step {
        Step::Done(outcome) => json!({
            "events": outcome.events.iter().map(|event| json!({
                "type": event.type_, "id": event.id, "time_ms": event.time_ms,
                "data": serde_json::from_str::<Value>(&event.data).unwrap(),
            })).collect::<Vec<_>>(),
            "acknowledged": outcome.acknowledgement.map(|answer| json!({
                "status": answer.status, "body": String::from_utf8(answer.body).unwrap(),
            })),
        }),
        Step::Fail(failure) => json!({ "fails": format!("{failure:?}") }),
        Step::Send(request) => panic!("an Adyen webhook asks nothing, but this: {request:?}"),
    }
}

pub fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 40, "the fixtures are gone");
    cases
}

fn check(case: &Path) -> Result<(), String> {
    let got = shown(receive(case, std::fs::read(case.join("delivery.json")).unwrap()));
    let file = case.join("expected.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&got).unwrap() + "\n").unwrap();
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let name = case.file_name().unwrap().to_string_lossy();
    let failed = got["fails"].as_str().is_some_and(|why| why.contains("NotUnderstood"));
    let silent = got["events"].as_array().is_some_and(Vec::is_empty);
    if got != expected {
        return Err(format!("{name}: expected {expected:#}, got {got:#}"));
    }
    if name.starts_with("bad-") != failed || name.starts_with("ignored-") != silent {
        return Err(format!("{name} is not what its name says: {got:#}"));
    }
    Ok(())
}

#[test]
fn every_delivery_gives_what_is_expected() {
    let wrong: Vec<_> = cases().iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_body_cut_anywhere_is_not_understood_and_never_a_panic() {
    for case in cases() {
        let body = std::fs::read(case.join("delivery.json")).unwrap();
        let whole = body.trim_ascii_end().len();
        for cut in 0..whole {
            let got = shown(receive(&case, body[..cut].to_vec()));
            assert!(
                got["fails"].as_str().is_some_and(|why| why.starts_with("Failure::NotUnderstood")),
                "{} cut at {cut}: {got}",
                case.display()
            );
        }
    }
}
