//! `psp.refund` and `psp.payout` against scripted answers.
use crate::payment::{field, money};
use connector_stripe::Stripe;
use hub_plugin_sdk::actions::psp::{PaymentStatus, Payout, Refund};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{call, json as answer};
use serde_json::{Value, json};

fn refund() -> Refund {
    serde_json::from_value(json!({
        "payment": "pay_01", "refund": "act_r", "idempotency_key": "act_r",
        "vendor_payment": "pi_1", "amount": {"amount": "1.00", "currency": "EUR"},
        "reason": "taken twice",
    }))
    .unwrap()
}

fn payout() -> Payout {
    serde_json::from_value(json!({
        "payment": "wd_01", "idempotency_key": "act_wd_01", "client": "cl_1",
        "destination": "ba_1", "amount": {"amount": "11.00", "currency": "EUR"},
    }))
    .unwrap()
}

fn body(id: &str, status: Value) -> Value {
    json!({"id": id, "amount": 100, "currency": "eur", "status": status, "payment_intent": "pi_1"})
}

#[test]
fn a_refund_names_the_payment_and_the_amount() {
    let done = call(
        &json!({}),
        0,
        |ctx| Stripe::refund(ctx, refund()),
        |_| answer(200, body("re_1", json!("succeeded"))),
    );
    let result = done.result.unwrap();
    assert_eq!((result.vendor_refund.as_str(), result.amount), ("re_1", money("1.00", "EUR")));
    let [request] = &done.requests[..] else { panic!("{:?}", done.requests) };
    assert!(request.url.ends_with("/v1/refunds") && request.unsafe_to_repeat);
    assert_eq!(request.header("idempotency-key"), Some("act_r"));
    for (name, value) in [
        ("payment_intent", "pi_1"),
        ("amount", "100"),
        ("metadata[payment_id]", "pay_01"),
        ("metadata[refund_id]", "act_r"),
        ("metadata[reason]", "taken twice"),
    ] {
        assert_eq!(field(request, name).as_deref(), Some(value), "{name}");
    }
    let of_charge = || Refund { vendor_payment: "ch_1".to_owned(), ..refund() };
    let done = call(
        &json!({}),
        0,
        |ctx| Stripe::refund(ctx, of_charge()),
        |_| answer(200, body("re_1", json!("pending"))),
    );
    assert_eq!(field(&done.requests[0], "charge").as_deref(), Some("ch_1"));
}

#[test]
fn every_status_of_a_refund_and_a_payout_has_a_meaning() {
    for (status, expected) in [
        (json!("succeeded"), PaymentStatus::Succeeded),
        (json!("pending"), PaymentStatus::Pending),
        (Value::Null, PaymentStatus::Pending),
        (json!("requires_action"), PaymentStatus::RequiresAction),
        (json!("failed"), PaymentStatus::Failed),
        (json!("canceled"), PaymentStatus::Failed),
    ] {
        let done = call(
            &json!({}),
            0,
            |ctx| Stripe::refund(ctx, refund()),
            |_| answer(200, body("re_1", status.clone())),
        );
        assert_eq!(done.result.unwrap().status, expected, "{status}");
    }
    for (status, expected) in [
        ("paid", PaymentStatus::Succeeded),
        ("pending", PaymentStatus::Pending),
        ("in_transit", PaymentStatus::Pending),
        ("failed", PaymentStatus::Failed),
        ("canceled", PaymentStatus::Failed),
    ] {
        let done = call(
            &json!({}),
            0,
            |ctx| Stripe::payout(ctx, payout()),
            |_| answer(200, body("po_1", json!(status))),
        );
        assert_eq!(done.result.unwrap().status, expected, "{status}");
    }
}

#[test]
fn a_payout_goes_to_the_destination_in_steps_that_stripe_pays() {
    let done = call(
        &json!({}),
        0,
        |ctx| Stripe::payout(ctx, payout()),
        |_| answer(200, body("po_1", json!("in_transit"))),
    );
    let [request] = &done.requests[..] else { panic!("{:?}", done.requests) };
    assert!(request.url.ends_with("/v1/payouts") && request.unsafe_to_repeat);
    for (name, value) in [
        ("amount", "1100"),
        ("currency", "eur"),
        ("destination", "ba_1"),
        ("metadata[payment_id]", "wd_01"),
    ] {
        assert_eq!(field(request, name).as_deref(), Some(value), "{name}");
    }
    let fraction = || Payout { amount: money("800.45", "TWD"), ..payout() };
    let done = call(&json!({}), 0, |ctx| Stripe::payout(ctx, fraction()), |_| panic!());
    assert!(matches!(done.result, Err(Error::InvalidRequest(_))));
}
