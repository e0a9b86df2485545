//! Adyen's notifications: batches, each item signed on its own.
use crate::harness::vendors::{ADYEN, adyen_alone, adyen_batch, adyen_item};
use crate::harness::{Hub, Setup};
use serde_json::json;

async fn hub() -> (Hub, String) {
    let (connection, key) = adyen_alone();
    (Setup::new().with(connection).start().await, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_taken_whole_and_acknowledged_in_adyens_words() {
    let (hub, key) = hub().await;
    let items = ["pay_1", "pay_2", "pay_3"];
    let batch = adyen_batch(
        items.iter().map(|payment| adyen_item(&key, &format!("PSP-{payment}"), payment)).collect(),
    );
    for _ in 0..2 {
        let answer = hub.api.hook(ADYEN, &[], &batch).await.expect(200);
        assert_eq!(answer.text(), "[accepted]");
    }
    let events = hub.api.events(&format!("connection={ADYEN}")).await;
    let subjects: Vec<&str> = events.iter().filter_map(|e| e["subject"].as_str()).collect();
    assert_eq!(subjects, items.map(|payment| format!("payment/{payment}")), "{events:#?}");
    assert!(
        events.iter().all(|e| e["type"] == "payment.succeeded" && e["verified"] == "signature")
    );
    assert!(events.iter().all(|e| e["deliveryid"] == events[0]["deliveryid"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_item_with_a_wrong_signature_refuses_the_whole_batch() {
    let (hub, key) = hub().await;
    let before = hub.api.events("").await.len();
    let mut raised = adyen_item(&key, "PSP2", "pay_2");
    raised["NotificationRequestItem"]["amount"]["value"] = 99_999_999.into();
    let other_key = key.replace('4', "5");
    let mut unsigned = adyen_item(&key, "PSP2", "pay_2");
    unsigned["NotificationRequestItem"]["additionalData"] = json!({});
    for bad in [raised, adyen_item(&other_key, "PSP2", "pay_2"), unsigned] {
        let good = |n: u32| adyen_item(&key, &format!("PSP-{n}"), &format!("pay_{n}"));
        let batch = adyen_batch(vec![good(1), bad, good(3)]);
        let answer = hub.api.hook(ADYEN, &[], &batch).await.expect(401);
        assert_ne!(answer.text(), "[accepted]");
    }
    assert_eq!(hub.api.events("").await.len(), before, "a part of a refused batch was stored");
}
