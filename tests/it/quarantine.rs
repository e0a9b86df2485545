//! What could not be understood is not lost: replayed through a better connector, or discarded
//! with a trace.
use crate::harness::setup::NOWHERE;
use crate::harness::{Connection, Hub, Setup, count, sign, stripe};
use serde_json::{Value, json};

const ID: &str = "psp";
const SECRET: &str = "whsec_1";

/// A connector that reads another vendor's deliveries: it proves them, and understands none.
fn old_version() -> Connection {
    Connection::hostile(ID, SECRET, NOWHERE)
}

/// The one that reads them.
fn new_version() -> Connection {
    Connection::stripe(ID, SECRET)
}

async fn entries(hub: &Hub) -> Vec<Value> {
    hub.api.json("/v1/quarantine").await["entries"].as_array().expect("entries").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_upgrade_what_was_set_aside_is_replayed_and_applied_once() {
    let mut hub = Setup::new().with(old_version()).start().await;
    let bodies: Vec<Vec<u8>> = (1..=3)
        .map(|n| stripe::succeeded(&format!("evt_{n}"), &format!("pay_{n}"), 10_000))
        .map(|event| event.to_string().into_bytes())
        .collect();
    for body in &bodies {
        hub.api.hostile_hook(ID, SECRET, body).await.expect(202);
    }
    let waiting = entries(&hub).await;
    assert_eq!(waiting.len(), 3);
    let id = waiting[0]["id"].as_str().expect("an id").to_owned();
    // The same connector understands it no better, and says so.
    let path = format!("/v1/quarantine/{id}/replay");
    let still = hub.api.post(&path, "replay-0", &json!({})).await.expect(409);
    assert!(still.json()["detail"].as_str().expect("why").contains("still not understood"));
    assert_eq!(entries(&hub).await, waiting);

    assert!(hub.stop().await.success());
    hub.setup.connections = vec![new_version()];
    hub.start_again().await;
    assert_eq!(entries(&hub).await, waiting, "an upgrade alone changes nothing");
    // By then one of them came again, to the new version.
    let signature = sign::stripe(SECRET, sign::now_s(), &bodies[2]);
    hub.api.hook(ID, &[("stripe-signature", &signature)], &bodies[2]).await.expect(200);

    let output = hub.setup.run(&["quarantine", "replay", "--all", "--url", &hub.base_url()]);
    assert!(output.status.success(), "{}", crate::harness::setup::said(&output));
    assert!(entries(&hub).await.is_empty());
    let events = hub.api.events(&format!("connection={ID}")).await;
    assert_eq!(count(&events, "payment.succeeded"), 3, "each once: {events:#?}");
    assert_eq!(count(&events, "quarantine.released"), 3);
    assert_eq!(count(&events, "delivery.quarantined"), 3, "that it was set aside stays told");
    let replayed = events.iter().find(|e| e["vendorevent"] == "evt_1").expect("it");
    assert_eq!(replayed["verified"], "signature");
    let delivery = replayed["deliveryid"].as_str().expect("where it came from");
    let shown = hub.api.json(&format!("/v1/deliveries/{delivery}")).await;
    assert_eq!(shown["body"].as_str().expect("text").as_bytes(), bodies[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_leaves_who_and_why() {
    let hub = Setup::new().with(old_version()).start().await;
    hub.api.hostile_hook(ID, SECRET, b"panic").await.expect(202);
    let id = entries(&hub).await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/quarantine/{id}/discard");
    let reason = json!({ "reason": "a test of the vendor" });
    hub.api.post(&path, "discard-1", &reason).await.expect(200);
    assert!(entries(&hub).await.is_empty());
    hub.api.post(&path, "discard-2", &reason).await.expect(404);
    let events = hub.api.events("type=quarantine.discarded").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["reason"], "a test of the vendor");
    assert_eq!(events[0]["actor"], "loopback");
    // The raw bytes stay.
    let told = hub.api.events("type=delivery.quarantined").await;
    let delivery = told[0]["deliveryid"].as_str().expect("it");
    assert_eq!(hub.api.json(&format!("/v1/deliveries/{delivery}")).await["body"], "panic");
    // Sent again, and still not understood, it is there again: 202 means kept.
    hub.api.hostile_hook(ID, SECRET, b"panic").await.expect(202);
    hub.api.hostile_hook(ID, SECRET, b"panic").await.expect(202);
    let again = entries(&hub).await;
    assert_eq!(again.len(), 1, "{again:#?}");
    let delivery = again[0]["delivery"].as_u64().expect("a place");
    assert_eq!(hub.api.json(&format!("/v1/deliveries/dlv_{delivery}")).await["body"], "panic");
    assert!(!hub.stderr().contains("a test of the vendor"), "reasons stay out of the log file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_misbehaves_is_contained_and_the_next_delivery_is_taken() {
    let mut hub = Setup::new().with(old_version()).start().await;
    let misdeeds =
        ["loop", "alloc", "flood", "deluge", "events", "panic", "recurse", "send-forever"];
    for misdeed in misdeeds {
        hub.api.hostile_hook(ID, SECRET, misdeed.as_bytes()).await.expect(202);
        let good = json!({ "id": format!("evt_{misdeed}"), "payment": "pay_1",
            "amount": { "amount": "12.50", "currency": "EUR" } });
        hub.api.hostile_hook(ID, SECRET, good.to_string().as_bytes()).await.expect(200);
    }
    let classes: Vec<String> =
        entries(&hub).await.iter().map(|e| format!("{}: {}", e["class"], e["reason"])).collect();
    assert_eq!(classes.len(), misdeeds.len(), "{classes:#?}");
    assert_eq!(count(&hub.api.events("").await, "payment.succeeded"), misdeeds.len());
    // Nothing of one call is there in the next.
    for n in 0..3 {
        let body = format!("static-counter {n}");
        hub.api.hostile_hook(ID, SECRET, body.as_bytes()).await.expect(200);
    }
    let counted = hub.api.events("type=payment.foreign").await;
    assert!(counted.iter().all(|e| e["data"]["vendor_payment"] == "1"), "{counted:#?}");
    assert!(hub.is_up());
}
