//! A backup made while the hub works, restored elsewhere, is the same log; a damaged one is refused
//! by name, and leaves nothing that would pass for a hub's data.
use crate::harness::setup::said;
use crate::harness::vendors::{Vendors, deposit};
use crate::harness::{Hub, Setup};
use std::fs;
use std::path::Path;
use std::process::Output;

fn refused(output: &Output, says: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(says) && !said.contains("panicked"), "{says:?} is not in:\n{said}");
}

fn backup(hub: &Hub, file: &str) {
    let output = hub.setup.run(&["backup", file, "--url", &hub.base_url()]);
    assert!(output.status.success(), "{}", said(&output));
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_to_the_same_log() {
    let vendors = Vendors::start().await;
    let mut hub = vendors.hub_with_psps().await;
    for n in 1..=3 {
        let client = format!("cl-{n}");
        hub.api.register(&client, "acme").await.expect(201);
        let payment = deposit(&hub, &client, "pm_card_visa").await;
        hub.api.until_event("deposit.credited", |e| e["data"]["payment"] == *payment).await;
    }
    let api = hub.api.clone();
    let writing = tokio::spawn(async move {
        for n in 0..300 {
            api.register(&format!("cl-late-{n}"), "acme").await.expect(201);
        }
    });
    backup(&hub, "one.tar.zst");
    writing.await.expect("every registration");
    backup(&hub, "two.tar.zst");
    // What is there is not written over.
    refused(&hub.setup.run(&["backup", "two.tar.zst", "--url", &hub.base_url()]), "exists");
    let before = hub.api.events("").await;
    let clients = hub.api.get("/v1/clients?limit=500").await.expect(200).text();
    let card = hub.api.get("/v1/clients/cl-2/card").await.expect(200).text();
    let delivery = before.iter().find_map(|e| e["deliveryid"].as_str()).expect("a delivery");
    let raw = hub.api.get(&format!("/v1/deliveries/{delivery}")).await.expect(200).text();
    assert!(hub.stop().await.success());

    let data = hub.setup.data();
    refused(&hub.setup.run(&["restore", "two.tar.zst"]), "is not empty");
    fs::rename(&data, hub.setup.path("lost")).expect("it");
    let output = hub.setup.run(&["restore", "two.tar.zst"]);
    assert!(output.status.success(), "{}", said(&output));
    hub.start_again().await;
    let after = hub.api.events("").await;
    assert_eq!(after, before, "the restored log is another one");
    assert_eq!(hub.api.get("/v1/clients?limit=500").await.expect(200).text(), clients);
    assert_eq!(hub.api.get("/v1/clients/cl-2/card").await.expect(200).text(), card);
    assert_eq!(hub.api.get(&format!("/v1/deliveries/{delivery}")).await.expect(200).text(), raw);
    assert_eq!(hub.api.json("/v1/verify").await["ok"], true);
    // What was known stays known.
    hub.api.register("cl-1", "acme").await.expect(201);
    assert_eq!(hub.api.events("").await.len(), after.len(), "a known client was registered again");
    assert!(hub.stop().await.success());

    // The one made under load is whole too, up to where it was made.
    fs::remove_dir_all(&data).expect("it");
    let output = hub.setup.run(&["restore", "one.tar.zst"]);
    assert!(output.status.success(), "{}", said(&output));
    hub.start_again().await;
    assert_eq!(hub.api.json("/v1/verify").await["ok"], true);
    let early = hub.api.events("").await;
    let known: std::collections::BTreeSet<String> =
        before.iter().map(ToString::to_string).collect();
    let strangers: Vec<_> = early.iter().filter(|e| !known.contains(&e.to_string())).collect();
    assert!(strangers.is_empty(), "events that never were: {strangers:#?}");
    assert!(early.len() > 12, "{} events", early.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let mut hub = Setup::new().start().await;
    for n in 0..200 {
        hub.api.register(&format!("cl-{n}"), "acme").await.expect(201);
    }
    backup(&hub, "good.tar.zst");
    assert!(hub.stop().await.success());
    let data = hub.setup.data();
    fs::remove_dir_all(&data).expect("it");
    let good = fs::read(hub.setup.path("good.tar.zst")).expect("it");
    let cut = good[..good.len() / 2].to_vec();
    let plain = zstd_decoded(&good);
    let at = plain.windows(13).position(|w| w == b"manifest.json").expect("a manifest");
    let without_end = zstd_encoded(&plain[..at]);
    let mut flipped = plain.clone();
    let middle = at / 2;
    flipped[middle] ^= 1;
    for (what, file) in [
        ("cut", cut),
        ("a byte flipped", zstd_encoded(&flipped)),
        ("no manifest", without_end),
        ("not an archive", b"hello".to_vec()),
        ("nothing", Vec::new()),
    ] {
        fs::write(hub.setup.path("bad.tar.zst"), file).expect("it");
        let output = hub.setup.run(&["restore", "bad.tar.zst"]);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said(&output));
        assert!(!said(&output).contains("panicked"), "{what}: {}", said(&output));
        assert!(is_empty(&data), "{what}: something was left behind");
    }
    // Cut off by a crash, a restore is not taken for a hub's data.
    fs::write(data.join("restore-unfinished"), "").expect("it");
    refused(&hub.setup.run(&["serve", "--config", "hub.toml"]), "restore");
    fs::remove_file(data.join("restore-unfinished")).expect("it");
    let output = hub.setup.run(&["restore", "good.tar.zst"]);
    assert!(output.status.success(), "{}", said(&output));
    hub.start_again().await;
    assert_eq!(hub.api.json("/v1/verify").await["ok"], true);
}

fn zstd_decoded(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).expect("zstd")
}

fn zstd_encoded(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("zstd")
}
