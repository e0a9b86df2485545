//! No byte of a secret, and no personal data in clear, in anything that the hub puts out.
use crate::harness::echo::Vendor;
use crate::harness::{Connection, Setup};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use std::path::Path;

const ID: &str = "hostile";
const WEBHOOK_SECRET: &str = "whsec_5f1c/93+ab=77&e0";
/// With characters that JSON, forms and URLs write in another way.
const API_KEY: &str = "sk_live_A+b/c=d&e%20f\"g\\h~7Qz";

/// A value in every form in which it could stand somewhere.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).expect("a string");
    let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
    let percent: String = form.replace('+', "%20");
    vec![
        ("raw", bytes.to_vec()),
        ("json", json.trim_matches('"').into()),
        ("form", form.clone().into()),
        ("form, lower case", form.to_lowercase().into()),
        ("percent", percent.into()),
        ("hex", hex::encode(bytes).into()),
        ("HEX", hex::encode_upper(bytes).into()),
        // Without the last characters, which depend on what follows.
        ("base64", STANDARD.encode(&bytes[..bytes.len() / 3 * 3]).into()),
        ("base64url", URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 3 * 3]).into()),
    ]
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Fails if the text has the secret in any form.
#[track_caller]
fn clean(place: &str, text: &[u8], secret: &str) {
    for (form, bytes) in forms(secret) {
        assert!(!holds(text, &bytes), "{place} holds a secret, {form}");
    }
}

fn files(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for (_, bytes) in forms(API_KEY) {
        let text = [b"before ".as_slice(), &bytes, b" after"].concat();
        assert!(std::panic::catch_unwind(|| clean("it", &text, API_KEY)).is_err());
    }
    clean("it", b"nothing of that kind", API_KEY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_tries_everything_puts_no_secret_anywhere() {
    let echo = Vendor::echo().await;
    let hostile =
        Connection::hostile(ID, WEBHOOK_SECRET, &echo.base_url()).secret("api_key", API_KEY);
    // An operator who looks for a fault switches everything on.
    let setup = Setup::new().with(hostile).env("HUB_LOG", "trace");
    let mut hub = setup.start().await;
    let mut answers: Vec<(String, Vec<u8>)> = Vec::new();
    for body in [
        "leak-secrets",
        "leak-secrets again",
        "send-elsewhere",
        "authenticate-guess",
        "log-flood",
        "panic",
        "two-requests",
        "no word of any kind",
    ] {
        let answer = hub.api.hostile_hook(ID, WEBHOOK_SECRET, body.as_bytes()).await;
        let headers = format!("{:?}", answer.headers).into_bytes();
        answers.push((format!("the headers of the answer to {body}"), headers));
        answers.push((format!("the answer to {body}"), answer.body));
    }
    let probed = hub.api.post(&format!("/v1/connections/{ID}/test"), "probe", &json!({})).await;
    answers.push(("the answer to a test call".to_owned(), probed.body));

    // The echo did get the secret, in every place where it was put, and the connector told what
    // came back: otherwise this test would show nothing.
    let asked: Vec<String> = echo.asked().iter().map(|asked| asked.shown()).collect();
    let leaked = asked.iter().find(|a| a.contains("/echo?key=")).expect("the leak's request");
    assert!(leaked.contains(API_KEY) && leaked.contains(&hex::encode(API_KEY)), "{leaked}");
    let told = hub.api.events("type=payment.foreign").await;
    assert!(told.iter().any(|e| e.to_string().contains("key=***")), "{told:#?}");

    for path in [
        "/v1/events?limit=500",
        "/v1/connections",
        "/v1/quarantine",
        "/v1/plugins",
        "/metrics",
        "/readyz",
        "/v1/stats",
        "/v1/ledger",
        "/",
    ] {
        answers.push((path.to_owned(), hub.api.get(path).await.body));
    }
    for n in 0..20 {
        let path = format!("/v1/deliveries/dlv_{n}");
        answers.push((path.clone(), hub.api.get(&path).await.body));
    }
    for entry in hub.api.json("/v1/quarantine").await["entries"].as_array().expect("entries") {
        let path = format!("/v1/quarantine/{}", entry["id"].as_str().expect("an id"));
        answers.push((path.clone(), hub.api.get(&path).await.body));
    }
    assert!(hub.stop().await.success());
    files(&hub.setup.data(), &mut answers);
    answers.push(("the hub's log".to_owned(), hub.stderr().into_bytes()));
    assert!(answers.len() > 40, "{}", answers.len());
    for (place, text) in &answers {
        clean(place, text, API_KEY);
        clean(place, text, WEBHOOK_SECRET);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_not_in_clear_on_disk_or_in_the_log_and_is_shown_to_who_may_ask() {
    let mut hub = Setup::new().env("HUB_LOG", "trace").start().await;
    let person = json!({
        "client": "cl-1", "entity": "acme", "country": "DE", "email": "anna.beispiel@example.org",
        "first_name": "Annegret-Zoe", "last_name": "Beispielhuber", "phone": "+4915112345678",
    });
    let personal = ["anna.beispiel@example.org", "Annegret-Zoe", "Beispielhuber", "+4915112345678"];
    hub.api.post("/v1/clients", "register-1", &person).await.expect(201);
    let shown = hub.api.json("/v1/clients/cl-1").await;
    for field in ["email", "first_name", "last_name", "phone"] {
        assert_eq!(shown["registered"][field], person[field], "{shown:#}");
    }
    let events = hub.api.get("/v1/events?limit=500").await.text();
    // Snapshots are written at the end, too.
    assert!(hub.stop().await.success());
    let mut places = vec![
        ("the list of events".to_owned(), events.into_bytes()),
        ("the hub's log".to_owned(), hub.stderr().into_bytes()),
    ];
    files(&hub.setup.data(), &mut places);
    assert!(places.iter().any(|(place, _)| place.contains("engine.snap")), "no snapshot");
    for (place, text) in &places {
        for part in personal {
            clean(place, text, part);
        }
    }
    hub.start_again().await;
    assert_eq!(hub.api.json("/v1/clients/cl-1").await, shown, "it opens again after a restart");
}
