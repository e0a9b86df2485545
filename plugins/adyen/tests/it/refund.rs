//! `psp.refund` and the probe against scripted answers.
use crate::payment::{money, settings};
use connector_adyen::Adyen;
use hub_plugin_sdk::actions::psp::{PaymentStatus, Refund, RefundResult};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Finished, Seen, call, json as answer};
use serde_json::{Value, json};

fn wanted() -> Refund {
    serde_json::from_value(json!({
        "payment": "pay_01", "refund": "act_r", "idempotency_key": "act_r",
        "vendor_payment": "993617894903480A", "amount": {"amount": "25.00", "currency": "EUR"},
        "reason": "taken twice",
    }))
    .unwrap()
}

fn refund(wanted: Refund, vendor: impl FnMut(&Seen) -> Reply) -> Finished<RefundResult> {
    call(&settings(), 0, |ctx| Adyen::refund(ctx, wanted.clone()), vendor)
}

#[test]
fn a_refund_is_received_and_ends_by_webhook() {
    let done = refund(wanted(), |_| {
        answer(
            201,
            json!({"merchantAccount": "AcmeEU", "paymentPspReference": "993617894903480A",
            "reference": "pay_01", "pspReference": "993617894906488A", "status": "received",
            "amount": {"currency": "EUR", "value": 2500}}),
        )
    });
    let [request] = &done.requests[..] else { panic!("{:?}", done.requests) };
    let url = "https://checkout-test.adyen.com/v71/payments/993617894903480A/refunds";
    assert_eq!(request.url, url);
    assert_eq!(request.header("idempotency-key"), Some("act_r"));
    assert!(request.unsafe_to_repeat);
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({"merchantAccount": "AcmeEU", "reference": "pay_01",
               "amount": {"currency": "EUR", "value": 2500}})
    );
    let result = done.result.unwrap();
    assert_eq!((result.status, result.amount), (PaymentStatus::Pending, money("25", "EUR")));
    assert_eq!(result.vendor_refund, "993617894906488A");
}

#[test]
fn what_is_no_psp_reference_never_becomes_part_of_a_path() {
    for bad in ["", "../../x", "a/b", "pay_01", "a?b", "é"] {
        let done = refund(Refund { vendor_payment: bad.to_owned(), ..wanted() }, |_| panic!());
        assert!(matches!(done.result, Err(Error::InvalidRequest(_))), "{bad:?}");
    }
}

#[test]
fn a_lost_refund_is_an_unknown_outcome() {
    let lost = refund(wanted(), |_| Reply::NoAnswer("reset".to_owned())).result;
    assert!(matches!(lost, Err(Error::UnknownOutcome(_))), "{lost:?}");
}

#[test]
fn the_probe_asks_for_payment_methods_and_moves_nothing() {
    let base = json!({"merchant_account": "AcmeEU", "api_base": "http://127.0.0.1:9/v71/"});
    let probe =
        |status| call(&base, 0, Adyen::probe, |_| answer(status, json!({"paymentMethods": []})));
    let done = probe(200);
    assert!(done.result.is_ok());
    assert_eq!(done.requests[0].url, "http://127.0.0.1:9/v71/paymentMethods");
    assert_eq!(done.requests[0].body, r#"{"merchantAccount":"AcmeEU"}"#);
    assert!(!done.requests[0].unsafe_to_repeat);
    assert!(matches!(probe(401).result, Err(Error::Unauthorised(_))));
    assert!(matches!(probe(403).result, Err(Error::Unauthorised(_))));
}
