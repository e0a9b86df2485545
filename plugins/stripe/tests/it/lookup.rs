//! `psp.find-payment`: did it reach Stripe?
use crate::payment::{intent, wanted};
use connector_stripe::Stripe;
use hub_plugin_sdk::actions::psp::{FindPayment, FoundPayment, PaymentStatus};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Finished, Seen, call, json as answer};
use serde_json::{Value, json};

const SENT_MS: i64 = 1_741_149_708_704;

fn find(vendor: impl FnMut(&Seen) -> Reply) -> Finished<FoundPayment> {
    let asked = || FindPayment { request: wanted(), sent_ms: SENT_MS };
    call(&json!({}), SENT_MS + 5_000, |ctx| Stripe::find_payment(ctx, asked()), vendor)
}

fn other(id: usize) -> Value {
    let mut other = intent("succeeded");
    other["id"] = json!(format!("pi_other_{id}"));
    other["metadata"] = json!({"payment_id": "pay_01", "attempt": "act_pay_01_2"});
    other
}

fn page(data: &[Value], has_more: bool) -> Reply {
    answer(200, json!({"object": "list", "data": data, "has_more": has_more}))
}

#[test]
fn it_is_found_by_its_key_wherever_it_stands_in_the_list() {
    let mut mine = intent("succeeded");
    mine["amount_received"] = json!(1099);
    let done = find(|request| match request.url.contains("starting_after") {
        false => page(
            &[
                other(1),
                json!({"id": "pi_2", "amount": 1, "currency": "eur",
            "status": "canceled", "metadata": null}),
            ],
            true,
        ),
        true => page(&[other(3), mine.clone()], true),
    });
    let found = done.result.unwrap().found.unwrap();
    assert_eq!((found.vendor_payment.as_str(), found.status), ("pi_1", PaymentStatus::Succeeded));
    let [first, second] = &done.requests[..] else { panic!("{:?}", done.requests) };
    assert_eq!(first.method, "GET");
    // From a little before it was sent: clocks differ.
    assert!(first.url.contains("created%5Bgte%5D=1741149408"), "{}", first.url);
    assert!(second.url.contains("starting_after=pi_2"), "{}", second.url);
}

#[test]
fn a_decline_that_was_never_heard_is_found_with_its_reason() {
    let mut mine = intent("requires_payment_method");
    mine["last_payment_error"] = json!({"type": "card_error", "code": "card_declined",
        "decline_code": "lost_card", "message": "Your card was declined."});
    let found = find(|_| page(&[mine.clone()], false)).result.unwrap().found.unwrap();
    assert_eq!(found.status, PaymentStatus::Failed);
    assert_eq!(found.decline.unwrap().verdict, Verdict::Stop);
}

#[test]
fn only_a_complete_list_without_it_says_that_it_never_arrived() {
    assert_eq!(find(|_| page(&[], false)).result.unwrap().found, None);
    // Another attempt of the same payment is not this one.
    assert_eq!(find(|_| page(&[other(1)], false)).result.unwrap().found, None);
    for unsure in [
        find(|_| answer(503, json!({}))),
        find(|_| answer(200, json!({"data": []}))),
        find(|_| Reply::NoAnswer("reset".to_owned())),
    ] {
        assert!(matches!(unsure.result, Err(Error::Transient { .. })), "{:?}", unsure.result);
    }
    let mut id = 0;
    let endless = find(|_| {
        id += 1;
        page(&[other(id)], true)
    });
    assert!(matches!(endless.result, Err(Error::Transient { .. })), "{:?}", endless.result);
    assert!(endless.requests.len() < 16);
}
