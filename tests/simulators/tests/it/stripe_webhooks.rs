//! Stripe's events: signed as documented, and the same by webhook and by list.

use std::time::Duration;

use hmac::{Hmac, Mac};
use hub_simulators::stripe::{StripeConfig, StripeSim};
use hub_simulators::{Fault, Rule, WebhookFault};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{Delivery, PATIENCE, Receiver, client, quick};

const SECRET: &str = "whsec_of_the_test";

async fn start() -> (StripeSim, Receiver) {
    let receiver = Receiver::start().await;
    let config = StripeConfig {
        webhook_secret: SECRET.into(),
        webhooks: quick(Some(receiver.url())),
        settle_after: Duration::from_millis(10),
        ..StripeConfig::default()
    };
    (StripeSim::start(config).await.unwrap(), receiver)
}

async fn pay(sim: &StripeSim, method: &str) -> Value {
    let form = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("confirm", "true"),
        ("payment_method", method),
        ("return_url", "https://shop.example/back"),
        ("metadata[payment_id]", "pay_1"),
    ];
    let request = client()
        .post(format!("{}/v1/payment_intents", sim.base_url()))
        .bearer_auth("sk_test_simulated");
    request.form(&form).send().await.unwrap().json().await.unwrap()
}

async fn post(sim: &StripeSim, path: &str, form: &[(&str, &str)]) -> Value {
    let request =
        client().post(format!("{}{path}", sim.base_url())).bearer_auth("sk_test_simulated");
    request.form(form).send().await.unwrap().json().await.unwrap()
}

/// The check that Stripe documents, written from the raw body.
fn authentic(delivery: &Delivery) -> bool {
    let header = delivery.header("stripe-signature");
    let (time, signature) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let age_s = jiff::Timestamp::now().as_second() - time.parse::<i64>().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(&delivery.body);
    age_s.abs() <= 300 && hex::decode(signature).is_ok_and(|given| mac.verify_slice(&given).is_ok())
}

fn kinds(all: &[Delivery]) -> Vec<String> {
    let mut kinds: Vec<String> =
        all.iter().map(|delivery| delivery.json()["type"].as_str().unwrap().to_owned()).collect();
    kinds.sort_unstable();
    kinds
}

/// What arrives when `method` is charged and all has settled.
async fn events_of(method: &str) -> Vec<String> {
    let (sim, receiver) = start().await;
    pay(&sim, method).await;
    sim.quiesce(PATIENCE).await.unwrap();
    kinds(&receiver.received())
}

#[tokio::test]
async fn a_payment_sends_signed_events() {
    let (sim, receiver) = start().await;
    let payment = pay(&sim, "pm_card_visa").await;
    sim.quiesce(PATIENCE).await.unwrap();
    let all = receiver.received();
    assert!(all.iter().all(authentic), "each is signed over the bytes sent");
    assert_eq!(
        kinds(&all),
        ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"]
    );
    let event = all
        .iter()
        .map(Delivery::json)
        .find(|event| event["type"] == "payment_intent.succeeded")
        .unwrap();
    assert_eq!(event["object"], "event");
    assert_eq!(event["data"]["object"], payment, "the object as the API gave it");
}

#[tokio::test]
async fn each_outcome_has_its_events() {
    let created = "payment_intent.created".to_owned();
    for (method, expected) in [
        ("pm_card_chargeDeclined", &["charge.failed", "payment_intent.payment_failed"][..]),
        ("pm_card_authenticationRequired", &["payment_intent.requires_action"]),
        (
            "pm_usBankAccount_success",
            &["charge.succeeded", "payment_intent.processing", "payment_intent.succeeded"],
        ),
        (
            "pm_usBankAccount_insufficientFunds",
            &["charge.failed", "payment_intent.payment_failed", "payment_intent.processing"],
        ),
        (
            "pm_card_createDispute",
            &["charge.dispute.created", "charge.succeeded", "payment_intent.succeeded"],
        ),
    ] {
        let mut expected: Vec<String> = expected.iter().map(|kind| (*kind).to_owned()).collect();
        expected.push(created.clone());
        expected.sort_unstable();
        assert_eq!(events_of(method).await, expected, "{method}");
    }
}

#[tokio::test]
async fn refunds_and_payouts_tell_what_became_of_them() {
    let (sim, receiver) = start().await;
    let id = pay(&sim, "pm_card_refundFail").await["id"].as_str().unwrap().to_owned();
    post(&sim, "/v1/refunds", &[("payment_intent", &id)]).await;
    post(&sim, "/v1/payouts", &[("amount", "100"), ("currency", "eur")]).await;
    sim.faults()
        .add(Rule::always("create-payout", Fault::Decline { code: "account_closed".into() }));
    post(&sim, "/v1/payouts", &[("amount", "100"), ("currency", "eur")]).await;
    sim.quiesce(PATIENCE).await.unwrap();
    let kinds = kinds(&receiver.received());
    for kind in [
        "charge.refunded",
        "payout.failed",
        "payout.paid",
        "refund.created",
        "refund.failed",
        "refund.updated",
    ] {
        assert!(kinds.iter().any(|sent| sent == kind), "{kind} in {kinds:?}");
    }
    let books = sim.books();
    assert_eq!(books.refunds[0].failure_reason.as_deref(), Some("expired_or_canceled_card"));
    assert_eq!(
        books.payments[0].charges[0].amount_refunded, 0,
        "a failed refund gave nothing back"
    );
}

#[tokio::test]
async fn the_list_of_events_fills_the_gap_that_lost_webhooks_leave() {
    let (sim, receiver) = start().await;
    pay(&sim, "pm_card_visa").await;
    sim.quiesce(PATIENCE).await.unwrap();
    let get = |query: String| {
        let request = client()
            .get(format!("{}/v1/events?{query}", sim.base_url()))
            .bearer_auth("sk_test_simulated");
        async { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let newest = get("limit=1".into()).await["data"][0]["id"].as_str().unwrap().to_owned();

    sim.faults().add_webhook(Rule::always("*", WebhookFault::Drop));
    pay(&sim, "pm_card_visa").await;
    sim.quiesce(PATIENCE).await.unwrap();
    assert_eq!(receiver.received().len(), 3, "nothing of the second payment arrived");
    assert_eq!(sim.deliveries().dropped, 3);
    let missed = get(format!("ending_before={newest}&type=charge.succeeded")).await;
    assert_eq!(
        missed["data"].as_array().unwrap().len(),
        1,
        "the cursor may be of another type: {missed}"
    );
    let missed = get(format!("ending_before={newest}")).await;
    let kinds: Vec<_> =
        missed["data"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(
        kinds,
        ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"],
        "newest first"
    );
    assert_eq!(get("type=charge.*".into()).await["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_forged_and_a_stale_delivery_fail_the_documented_check_and_the_retry_passes() {
    for fault in [
        WebhookFault::WrongSignature,
        WebhookFault::StaleTimestamp(301),
        WebhookFault::TruncatedBody,
    ] {
        let (sim, receiver) = start().await;
        receiver.reply(|delivery| if authentic(delivery) { (200, "") } else { (401, "") });
        sim.faults().add_webhook(Rule::always("payment_intent.succeeded", fault.clone()));
        pay(&sim, "pm_card_visa").await;
        sim.quiesce(PATIENCE).await.unwrap();
        let verdicts = receiver.received().iter().filter(|delivery| !authentic(delivery)).count();
        assert_eq!(verdicts, 1, "{fault:?}");
        let counters = sim.deliveries();
        assert_eq!((counters.damaged_sent, counters.damaged_acknowledged), (1, 0), "{fault:?}");
        assert_eq!(counters.acknowledged, 3);
    }
}

#[tokio::test]
async fn only_the_subscribed_types_are_sent() {
    let receiver = Receiver::start().await;
    let config = StripeConfig {
        webhooks: quick(Some(receiver.url())),
        enabled_events: vec!["payment_intent.succeeded".into()],
        ..StripeConfig::default()
    };
    let sim = StripeSim::start(config).await.unwrap();
    pay(&sim, "pm_card_visa").await;
    sim.quiesce(PATIENCE).await.unwrap();
    assert_eq!(kinds(&receiver.received()), ["payment_intent.succeeded"]);
}
