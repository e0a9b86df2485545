//! The index is derived: thrown away or damaged, it comes back by itself, and no question shows a
//! hole meanwhile.
use crate::harness::setup::said;
use crate::harness::{Hub, Setup, wait_for};
use serde_json::Value;
use std::fs;

async fn registered(hub: &Hub, client: &str) -> Vec<Value> {
    hub.api.events(&format!("client={client}")).await
}

fn damage(dir: &std::path::Path) {
    for entry in fs::read_dir(dir).expect("the index") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        let mut bytes = fs::read(&path).expect("it");
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 0xff;
        }
        fs::write(&path, bytes).expect("it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_damaged_index_is_built_again_and_answers_the_same() {
    let mut hub = Setup::new().start().await;
    for n in 0..150 {
        hub.api.register(&format!("cl-{n}"), "acme").await.expect(201);
    }
    let before = registered(&hub, "cl-77").await;
    assert_eq!(before.len(), 1);
    let dir = hub.setup.data().join("index");
    assert!(dir.exists());
    for what in ["damaged", "gone", "rebuilt"] {
        assert!(hub.stop().await.success());
        match what {
            "damaged" => damage(&dir),
            "gone" => fs::remove_dir_all(&dir).expect("it"),
            _ => {
                damage(&dir);
                let output = hub.setup.run(&["rebuild", "--json"]);
                assert!(output.status.success(), "{}", said(&output));
            }
        }
        hub.start_again().await;
        assert_eq!(registered(&hub, "cl-77").await, before, "{what}");
        let last = hub.api.json("/readyz").await["last"].clone();
        wait_for("the index to catch up", async || {
            let ready = hub.api.json("/readyz").await;
            (ready["index_position"] == last).then_some(())
        })
        .await;
        assert_eq!(registered(&hub, "cl-77").await, before, "{what}");
        let metrics = hub.api.get("/metrics").await.expect(200).text();
        assert!(metrics.contains("hub_index_lag_events 0"), "{what}: {metrics}");
    }
}

/// Right after its acknowledgement an event is found, in whatever way it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_found_at_once() {
    let hub = Setup::new().start().await;
    for n in 0..60 {
        let client = format!("cl-{n}");
        hub.api.register(&client, "acme").await.expect(201);
        for query in [
            format!("client={client}"),
            format!("subject=client/{client}"),
            format!("correlation={client}"),
            format!("text={client}"),
            format!("entity=acme&type=client.registered&client={client}"),
        ] {
            let found = hub.api.events(&query).await;
            assert_eq!(found.len(), 1, "{query}: {found:#?}");
        }
        let path = "/v1/events?limit=1&order=desc&type=client.registered";
        assert_eq!(hub.api.json(path).await["events"][0]["subject"], format!("client/{client}"));
    }
}
