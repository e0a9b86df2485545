//! Views are nothing but the log, folded: a replay from nothing gives them byte for byte.
use crate::harness::setup::said;
use crate::harness::vendors::{Vendors, deposit};
use crate::harness::{Hub, count};
use hub_simulators::{Fault, Rule};
use serde_json::Value;
use std::fs;

/// What integrators see of the state, as it is sent.
async fn views(hub: &Hub) -> Vec<(String, String)> {
    let mut views = Vec::new();
    for path in [
        "/v1/clients?limit=500",
        "/v1/ledger",
        "/v1/accounts",
        "/v1/breaches",
        "/v1/clients/cl-1/card",
        "/v1/clients/cl-2/card",
        "/v1/clients/cl-3",
    ] {
        views.push((path.to_owned(), hub.api.get(path).await.expect(200).text()));
    }
    views
}

/// A hub with some traffic behind it: one deposit taken, one declined softly, one for good.
async fn busy() -> (Vendors, Hub) {
    let vendors = Vendors::start().await;
    let hub = vendors.hub_with_psps().await;
    let decline = Fault::Decline { code: "do_not_honor".to_owned() };
    vendors.stripe.faults().add(Rule::always("create-payment", decline).containing("cl-2"));
    let cards = ["pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclinedStolenCard"];
    for (n, card) in cards.into_iter().enumerate() {
        let client = format!("cl-{}", n + 1);
        hub.api.register(&client, "acme").await.expect(201);
        let payment = deposit(&hub, &client, card).await;
        let ended = ["deposit.credited", "deposit.credited", "deposit.failed"][n];
        hub.api.until_event(ended, |e| e["data"]["payment"] == payment.as_str()).await;
    }
    for sim in [
        vendors.stripe.quiesce(crate::harness::PATIENCE).await,
        vendors.adyen.quiesce(crate::harness::PATIENCE).await,
    ] {
        sim.expect("every webhook acknowledged");
    }
    (vendors, hub)
}

fn rebuild(hub: &Hub, args: &[&str]) -> Value {
    let args = [&["rebuild", "--json"], args].concat();
    let output = hub.setup.run(&args);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)))
}

#[tokio::test(flavor = "multi_thread")]
async fn replaying_the_log_gives_the_same_views_byte_for_byte() {
    let (_vendors, mut hub) = busy().await;
    let before = views(&hub).await;
    let events = hub.api.events("").await;
    assert!(count(&events, "deposit.credited") == 2 && count(&events, "deposit.failed") == 1);
    assert!(hub.stop().await.success());
    let snapshot = hub.setup.data().join("snapshots/engine.snap");
    assert!(snapshot.exists(), "a stop leaves a snapshot");

    let first = rebuild(&hub, &[]);
    assert_eq!(first["same"], true, "{first:#}");
    assert!(first["snapshot"].is_string() && first["events"] == events.len(), "{first:#}");

    fs::remove_file(&snapshot).expect("it");
    let second = rebuild(&hub, &[]);
    assert_eq!(second["digest"], first["digest"]);
    assert!(second["snapshot"].is_null(), "{second:#}");
    assert!(snapshot.exists(), "rebuild writes a new one");
    hub.start_again().await;
    assert_eq!(views(&hub).await, before);
    assert_eq!(hub.api.events("").await, events, "a rebuild adds nothing to the log");

    // Without any snapshot at all, the start replays.
    assert!(hub.stop().await.success());
    fs::remove_file(&snapshot).expect("it");
    hub.start_again().await;
    assert_eq!(views(&hub).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_ignored() {
    let (_vendors, mut hub) = busy().await;
    let before = views(&hub).await;
    assert!(hub.stop().await.success());
    let path = hub.setup.data().join("snapshots/engine.snap");
    let whole = fs::read(&path).expect("a snapshot");
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 0xff;
    let cut = whole[..whole.len() - 10].to_vec();
    let mut another_place = String::from_utf8_lossy(&whole[..]).into_owned().into_bytes();
    another_place.truncate(40);
    for (what, damaged) in [
        ("a byte flipped", flipped),
        ("cut", cut),
        ("nothing", Vec::new()),
        ("text", another_place),
    ] {
        fs::write(&path, damaged).expect("it");
        let said_before = hub.stderr().matches("snapshot does not fit").count();
        hub.start_again().await;
        assert_eq!(views(&hub).await, before, "{what}");
        let said_now = hub.stderr().matches("snapshot does not fit").count();
        assert_eq!(said_now, said_before + 1, "{what}: it was not said");
        assert!(hub.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_has_the_same_views_after_the_restart() {
    let (_vendors, mut hub) = busy().await;
    let before = views(&hub).await;
    hub.kill9().await;
    hub.start_again().await;
    assert_eq!(views(&hub).await, before);
    let verified = hub.api.json("/v1/verify").await;
    assert_eq!(verified["ok"], true, "{verified}");
}
