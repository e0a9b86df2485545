//! Where a connector's requests may go, and how much may come back.
use crate::harness::echo::Vendor;
use crate::harness::{Connection, Hub, Setup};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use serde_json::{Value, json};
use std::net::ToSocketAddrs as _;

const ID: &str = "hostile";
const SECRET: &str = "whsec_1";
/// Above what the hub takes of an answer (4 MiB).
const TOO_LARGE_BYTES: usize = 5 * 1024 * 1024;

async fn hub(connection: Connection) -> Hub {
    Setup::new().with(connection.secret("api_key", "sk_1")).start().await
}

/// The connector's harmless call, and what the hub says of it.
async fn probe(hub: &Hub, key: &str) -> Value {
    hub.api.post(&format!("/v1/connections/{ID}/test"), key, &json!({})).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_granted_is_not_asked_and_is_named() {
    let vendor = Vendor::echo().await;
    let hub = hub(Connection::hostile(ID, SECRET, &vendor.base_url())).await;
    hub.api.hostile_hook(ID, SECRET, b"send-elsewhere").await.expect(202);
    let quarantine = hub.api.json("/v1/quarantine").await;
    let entry = &quarantine["entries"][0];
    assert_eq!(entry["class"], "refused", "{quarantine:#}");
    let reason = entry["reason"].as_str().expect("a reason");
    for part in ["https://elsewhere.invalid", "not granted", "grants.hosts"] {
        assert!(reason.contains(part), "{reason}");
    }
    // The granted one is asked.
    assert_eq!(probe(&hub, "probe-1").await["ok"], true);
    assert!(vendor.asked().iter().all(|asked| asked.target == "/ping"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let elsewhere = Vendor::echo().await;
    let target = format!("{}/stolen", elsewhere.base_url());
    let vendor = Vendor::start(move |_| Redirect::temporary(&target).into_response()).await;
    let hub = hub(Connection::hostile(ID, SECRET, &vendor.base_url())).await;
    let probed = probe(&hub, "probe-1").await;
    assert_eq!(probed["ok"], false, "{probed}");
    assert!(probed["error"].as_str().expect("why").contains("307"), "{probed}");
    assert_eq!(vendor.asked().len(), 1);
    assert!(elsewhere.asked().is_empty(), "the redirect was followed: {:?}", elsewhere.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_within_the_vendor_is_not_followed_either() {
    let vendor = Vendor::start(|asked| match asked.target.as_str() {
        "/ping" => Redirect::permanent("/other").into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let hub = hub(Connection::hostile(ID, SECRET, &vendor.base_url())).await;
    assert_eq!(probe(&hub, "probe-1").await["ok"], false);
    let targets: Vec<String> = vendor.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(targets, ["/ping"]);
}

/// A name of this machine that is not `localhost` and resolves to an address that is not public.
fn private_name() -> Option<String> {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    [host.as_str(), "ip6-localhost"].into_iter().find_map(|name| {
        let mut found = (name, 0).to_socket_addrs().ok()?;
        let own = |ip: std::net::IpAddr| match ip {
            std::net::IpAddr::V4(a) => a.is_loopback() || a.is_private(),
            std::net::IpAddr::V6(a) => a.is_loopback() || (a.segments()[0] & 0xfe00) == 0xfc00,
        };
        (!name.is_empty() && found.len() > 0 && found.all(|a| own(a.ip()))).then(|| name.to_owned())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_points_inwards_is_refused_unless_that_is_granted() {
    let Some(name) = private_name() else {
        eprintln!("skipped: this machine has no name of its own for a private address");
        return;
    };
    let vendor = Vendor::echo().await;
    let base = format!("https://{name}:{}", vendor.port());
    let refusing = hub(Connection::hostile(ID, SECRET, &base)).await;
    let probed = probe(&refusing, "probe-1").await;
    assert_eq!(probed["ok"], false, "{probed}");
    let said = probed["error"].as_str().expect("why");
    assert!(said.contains("private address") && said.contains(&name), "{said}");
    assert!(said.contains("private_addresses = true"), "{said}");

    let mut connection = Connection::hostile(ID, SECRET, &base);
    connection.private_addresses = true;
    let granting = hub(connection).await;
    let said = probe(&granting, "probe-2").await.to_string();
    // It got as far as TLS, which the vendor of this test does not speak.
    assert!(!said.contains("private address"), "{said}");
    assert!(vendor.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_not_taken() {
    let vendor = Vendor::start(|_| vec![b'x'; TOO_LARGE_BYTES].into_response()).await;
    let mut hub = hub(Connection::hostile(ID, SECRET, &vendor.base_url())).await;
    let probed = probe(&hub, "probe-1").await;
    assert_eq!(probed["ok"], false, "{probed}");
    let said = probed["error"].as_str().expect("why");
    assert!(said.contains("larger than") && said.contains("4194304"), "{said}");
    assert!(hub.is_up());
}
