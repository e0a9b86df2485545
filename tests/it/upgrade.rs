//! A data directory that an older version wrote is taken over as it is: nothing is lost, what was
//! sealed opens, and the chain still verifies.
use crate::harness::{Setup, count};
use serde_json::Value;

/// Of `hub/fixtures/data-v1`: what that hub had counted.
const EVENTS: usize = 247;
const CLIENTS: usize = 6;

fn unpack(setup: &Setup) {
    let packed = include_bytes!("../../hub/fixtures/data-v1/data.tar.zst");
    let archive = zstd::Decoder::new(&packed[..]).expect("zstd");
    tar::Archive::new(archive).unpack(setup.root()).expect("tar");
    let key = std::fs::read_to_string(setup.path("hub.key")).expect("it");
    setup.write_private("hub.key", &key);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_versions_data_is_taken_over_whole() {
    let setup = Setup::new();
    unpack(&setup);
    let mut hub = setup.start().await;
    for round in ["taken over", "started again"] {
        let events = hub.api.events("").await;
        assert!(events.len() >= EVENTS, "{round}: {} events", events.len());
        assert_eq!(count(&events, "client.registered"), CLIENTS, "{round}");
        let verified = hub.api.json("/v1/verify").await;
        assert_eq!(verified["ok"], true, "{round}: {verified}");
        // Sealed under keys that were elsewhere then.
        let clients = hub.api.json("/v1/clients").await;
        for client in clients["clients"].as_array().expect("a list") {
            let id = client["client"].as_str().expect("an id");
            let shown = hub.api.json(&format!("/v1/clients/{id}")).await;
            let text = shown.to_string();
            assert!(text.contains('@') && !text.contains("sealed:"), "{round}: {text}");
            assert!(!text.contains("[erased]"), "{round}: {text}");
            assert!(!hub.api.events(&format!("client={id}")).await.is_empty());
        }
        let ids = events.iter().filter_map(|e| e["deliveryid"].as_str());
        let mut bodies = 0;
        for id in ids.collect::<std::collections::BTreeSet<_>>() {
            let delivery: Value = hub.api.json(&format!("/v1/deliveries/{id}")).await;
            bodies += usize::from(delivery["body"].as_str().is_some_and(|b| b.len() > 20));
        }
        assert!(bodies > 20, "{round}: {bodies} raw deliveries open");
        let ledger = hub.api.json("/v1/ledger").await;
        assert!(!ledger["balances"].to_string().is_empty(), "{round}");
        assert!(hub.stop().await.success());
        hub.start_again().await;
    }
}
