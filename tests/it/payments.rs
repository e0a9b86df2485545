//! Deposits against simulated PSPs that fail in every way: charged once, credited once.
use crate::harness::setup::NOWHERE;
use crate::harness::vendors::{ADYEN, SILENCE, STRIPE, Vendors, deposit, wallet};
use crate::harness::{Hub, count, wait_for};
use hub_simulators::{Fault, Rule};
use serde_json::Value;
use std::time::{Duration, Instant};

const CHARGE: &str = "create-payment";
const CARD: &str = "pm_card_visa";

async fn ready() -> (Vendors, Hub) {
    let vendors = Vendors::start().await;
    let hub = vendors.hub_with_psps().await;
    hub.api.register("cl-1", "acme").await.expect(201);
    (vendors, hub)
}

/// The deposit's events, once it was credited.
async fn credited(hub: &Hub, payment: &str) -> Vec<Value> {
    let of = |e: &Value| e["data"]["payment"] == payment;
    hub.api.until_event("deposit.credited", of).await;
    hub.api.events(&format!("correlation={payment}")).await
}

/// Stripe took the money once, and the client has it once.
async fn once_at_stripe(vendors: &Vendors, hub: &Hub, payment: &str) {
    // Whatever else the vendor has to tell has been told by then.
    vendors.stripe.quiesce(Duration::from_secs(10)).await.expect("every webhook acknowledged");
    let charges = vendors.stripe_charges(payment);
    assert_eq!(charges.len(), 1, "Stripe took the money {} times", charges.len());
    assert_eq!(charges[0].times_charged(), 1);
    assert!(vendors.adyen.books().payments.is_empty(), "Adyen was asked, too");
    let credits = hub.api.events("type=deposit.credited").await;
    assert_eq!(credits.len(), 1, "{credits:#?}");
    assert_eq!(wallet(hub, "cl-1", "EUR").await, "100.00");
    let ledger = hub.api.json("/v1/ledger").await;
    let total = ledger["total"]["EUR"].as_str().expect("a total").parse::<f64>();
    assert_eq!(total, Ok(0.0), "{ledger:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_whose_answer_is_lost_is_looked_up_and_not_repeated() {
    for fault in [Fault::TimeoutAfterActing(SILENCE), Fault::ResetAfterActing] {
        let (vendors, hub) = ready().await;
        // What the webhook would tell is the look-up's to find out here.
        vendors.stripe.set_webhook_url(None);
        vendors.stripe.faults().add(Rule::next(CHARGE, 1, fault.clone()));
        let payment = deposit(&hub, "cl-1", CARD).await;
        let events = credited(&hub, &payment).await;
        let completed = events.iter().find(|e| e["type"] == "action.completed").expect("it");
        assert_eq!(completed["data"]["found"], true, "{fault:?}: {completed:#}");
        let retrying = events.iter().find(|e| e["type"] == "action.retrying").expect("it");
        assert_eq!(retrying["data"]["error"]["class"], "unknown_outcome", "{retrying:#}");
        assert_eq!(vendors.stripe.books().calls.get(CHARGE), Some(&1), "it was sent again");
        vendors.stripe.set_webhook_url(Some(format!("{}/hooks/{STRIPE}", hub.base_url())));
        once_at_stripe(&vendors, &hub, &payment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_never_arrived_is_made_once_by_the_retry() {
    let (vendors, hub) = ready().await;
    vendors.stripe.faults().add(Rule::next(CHARGE, 1, Fault::TimeoutBeforeActing(SILENCE)));
    let payment = deposit(&hub, "cl-1", CARD).await;
    let events = credited(&hub, &payment).await;
    let completed = events.iter().find(|e| e["type"] == "action.completed").expect("it");
    assert_eq!(completed["data"]["found"], false, "{completed:#}");
    assert!(completed["data"]["attempts"].as_u64() >= Some(2), "{completed:#}");
    once_at_stripe(&vendors, &hub, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cannot_be_read_do_not_charge_twice() {
    for fault in
        [Fault::GarbageBody, Fault::TruncatedBody, Fault::StatusAfterActing { status: 500 }]
    {
        let (vendors, hub) = ready().await;
        vendors.stripe.faults().add(Rule::next(CHARGE, 1, fault.clone()));
        let payment = deposit(&hub, "cl-1", CARD).await;
        credited(&hub, &payment).await;
        once_at_stripe(&vendors, &hub, &payment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_decline_falls_back_to_the_next_psp_and_says_why() {
    let (vendors, hub) = ready().await;
    let decline = Fault::Decline { code: "do_not_honor".to_owned() };
    vendors.stripe.faults().add(Rule::always(CHARGE, decline));
    let payment = deposit(&hub, "cl-1", CARD).await;
    credited(&hub, &payment).await;
    let shown = hub.api.json(&format!("/v1/deposits/{payment}")).await;
    assert_eq!(shown["credited"]["connection"], ADYEN, "{shown:#}");
    let routes = shown["routes"].as_array().expect("decisions");
    assert_eq!(routes.len(), 2, "{routes:#?}");
    assert_eq!((&routes[0]["chosen"], &routes[1]["chosen"]), (&STRIPE.into(), &ADYEN.into()));
    for route in routes {
        let candidates = route["candidates"].as_array().expect("candidates");
        assert_eq!(candidates.len(), 2, "every candidate is explained: {route:#}");
        assert!(candidates.iter().all(|c| c["reason"].as_str().is_some_and(|r| !r.is_empty())));
    }
    assert!(vendors.stripe_charges(&payment).is_empty());
    let taken: Vec<_> = vendors.adyen.books().payments;
    assert_eq!(taken.len(), 1, "{taken:#?}");
    assert_eq!(wallet(&hub, "cl-1", "EUR").await, "100.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_decline_ends_the_deposit_and_nobody_else_is_asked() {
    let (vendors, hub) = ready().await;
    let payment = deposit(&hub, "cl-1", "pm_card_visa_chargeDeclinedStolenCard").await;
    let of = |e: &Value| e["data"]["payment"] == payment.as_str();
    let failed = hub.api.until_event("deposit.failed", of).await;
    assert_eq!(failed["data"]["decline"]["category"], "lost_or_stolen", "{failed:#}");
    vendors.stripe.quiesce(Duration::from_secs(10)).await.expect("every webhook acknowledged");
    assert!(vendors.adyen.books().payments.is_empty(), "Adyen was asked");
    let events = hub.api.events(&format!("correlation={payment}")).await;
    assert_eq!(count(&events, "deposit.failed"), 1);
    assert_eq!(count(&events, "deposit.credited"), 0);
    let shown = hub.api.json(&format!("/v1/deposits/{payment}")).await;
    assert_eq!(shown["status"], "failed", "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_psp_that_cannot_be_reached_is_passed_over_since_nothing_was_sent() {
    let vendors = Vendors::start().await;
    let setup = vendors.setup_with_psps(NOWHERE).env("HUB__DISPATCH__ATTEMPTS_MAX", "3");
    let hub = setup.start().await;
    vendors.adyen.set_webhook_url(Some(format!("{}/hooks/{ADYEN}", hub.base_url())));
    hub.api.register("cl-1", "acme").await.expect(201);
    let payment = deposit(&hub, "cl-1", CARD).await;
    credited(&hub, &payment).await;
    let shown = hub.api.json(&format!("/v1/deposits/{payment}")).await;
    assert_eq!(shown["credited"]["connection"], ADYEN, "{shown:#}");
    assert_eq!(shown["attempts"][0]["status"], "errored", "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_is_refused_leaves_the_outcome_unknown_and_nobody_else_is_asked() {
    let vendors = Vendors::start().await;
    let setup = vendors.setup_with_psps(&vendors.stripe.base_url());
    let hub = setup.env("HUB__DISPATCH__ATTEMPTS_MAX", "3").start().await;
    vendors.adyen.set_webhook_url(Some(format!("{}/hooks/{ADYEN}", hub.base_url())));
    hub.api.register("cl-1", "acme").await.expect(201);
    // A restricted key that may charge and not list.
    let forbidden = Fault::Status { status: 403, retry_after_s: None };
    vendors.stripe.faults().add(Rule::always("list-payments", forbidden));
    vendors.stripe.faults().add(Rule::next(CHARGE, 1, Fault::ResetAfterActing));
    let payment = deposit(&hub, "cl-1", CARD).await;
    let failed = hub.api.until_event("action.failed", |_| true).await;
    assert_eq!(failed["data"]["error"]["class"], "unknown_outcome", "{failed:#}");
    assert_eq!(vendors.stripe_charges(&payment).len(), 1);
    assert!(vendors.adyen.books().payments.is_empty(), "the client was charged twice");
    assert!(hub.api.events("type=deposit.failed").await.is_empty(), "it was told failed");
    // The webhook, when it comes, settles it.
    vendors.stripe.set_webhook_url(Some(format!("{}/hooks/{STRIPE}", hub.base_url())));
    credited(&hub, &payment).await;
    once_at_stripe(&vendors, &hub, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for_as_long_as_the_vendor_says() {
    let (vendors, hub) = ready().await;
    let limit = Fault::Status { status: 429, retry_after_s: Some(2) };
    vendors.stripe.faults().add(Rule::next(CHARGE, 1, limit));
    let started = Instant::now();
    let payment = deposit(&hub, "cl-1", CARD).await;
    let events = credited(&hub, &payment).await;
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(2), "it came back after {waited:?}");
    assert_eq!(count(&events, "action.retrying"), 1, "{events:#?}");
    once_at_stripe(&vendors, &hub, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_killed_between_the_charge_and_its_answer_finds_it_after_the_restart() {
    let (vendors, mut hub) = ready().await;
    // Nothing but the look-up tells the hub that the money was taken.
    vendors.stripe.set_webhook_url(None);
    vendors.stripe.faults().add(Rule::next(CHARGE, 1, Fault::TimeoutAfterActing(SILENCE)));
    let api = hub.api.clone();
    let asked = tokio::spawn(async move {
        let body = serde_json::json!({
            "client": "cl-1", "amount": { "amount": "100.00", "currency": "EUR" },
            "method": "card", "return_url": "https://cashier.example/return",
        });
        let request = api.request(reqwest::Method::POST, "/v1/deposits");
        let request = request.header("idempotency-key", "deposit-cl-1").body(body.to_string());
        api.try_send(request).await
    });
    wait_for("a charge at Stripe", async || {
        (!vendors.stripe.books().payments.is_empty()).then_some(())
    })
    .await;
    assert_eq!(hub.api.events("type=action.started").await.len(), 1);
    hub.kill9().await;
    assert!(asked.await.expect("the caller").is_none(), "the caller got no answer");
    vendors.stripe.faults().clear();
    hub.start_again().await;

    let credit = hub.api.until_event("deposit.credited", |_| true).await;
    let payment = credit["data"]["payment"].as_str().expect("a payment").to_owned();
    let completed = hub.api.events("type=action.completed").await;
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["data"]["found"], true, "{:#}", completed[0]);
    // The caller tries again with the same key, and is told of the same deposit.
    assert_eq!(deposit_again(&hub).await, payment);
    vendors.stripe.set_webhook_url(Some(format!("{}/hooks/{STRIPE}", hub.base_url())));
    once_at_stripe(&vendors, &hub, &payment).await;
    assert_eq!(vendors.stripe.books().calls.get(CHARGE), Some(&1), "it was sent again");
}

/// As the caller before the crash: the same key and body.
async fn deposit_again(hub: &Hub) -> String {
    let body = serde_json::json!({
        "client": "cl-1", "amount": { "amount": "100.00", "currency": "EUR" },
        "method": "card", "return_url": "https://cashier.example/return",
    });
    let answer = hub.api.post("/v1/deposits", "deposit-cl-1", &body).await.expect(201);
    answer.json()["payment"].as_str().expect("a payment").to_owned()
}
