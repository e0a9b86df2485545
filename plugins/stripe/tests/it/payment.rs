//! `psp.create-payment` against scripted answers.
use crate::fixtures::context;
use connector_stripe::Stripe;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::actions::psp::{CreatePayment, PaymentResult, PaymentStatus};
use hub_plugin_sdk::bindings::psp::exports::hub::connector::psp::Guest;
use hub_plugin_sdk::bindings::types::{Failure, Step};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Finished, Seen, call, json as answer};
use serde_json::{Value, json};

pub fn money(amount: &str, currency: &str) -> Money {
    serde_json::from_value(json!({"amount": amount, "currency": currency})).unwrap()
}

pub fn wanted() -> CreatePayment {
    serde_json::from_value(json!({
        "payment": "pay_01", "idempotency_key": "act_pay_01_1", "client": "cl_1", "method": "card",
        "amount": {"amount": "10.99", "currency": "EUR"},
    }))
    .unwrap()
}

pub fn intent(status: &str) -> Value {
    json!({"id": "pi_1", "object": "payment_intent", "amount": 1099, "amount_received": 0,
           "currency": "eur", "status": status, "livemode": false,
           "metadata": {"payment_id": "pay_01", "attempt": "act_pay_01_1"}})
}

pub fn pay(wanted: CreatePayment, vendor: impl FnMut(&Seen) -> Reply) -> Finished<PaymentResult> {
    call(&json!({}), 0, |ctx| Stripe::create_payment(ctx, wanted.clone()), vendor)
}

/// The form fields of a request, decoded.
pub fn fields(request: &Seen) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => {
                    let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                    out.extend(hex::decode(pair).unwrap());
                }
                b'+' => out.push(b' '),
                byte => out.push(byte),
            }
        }
        String::from_utf8(out).unwrap()
    };
    let body = request.body.split('&').map(|pair| pair.split_once('=').unwrap());
    body.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

pub fn field(request: &Seen, name: &str) -> Option<String> {
    fields(request).into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

#[test]
fn a_payment_is_one_form_with_the_key_and_our_references() {
    let done = pay(wanted(), |_| {
        let mut body = intent("succeeded");
        body["amount_received"] = json!(1099);
        answer(200, body)
    });
    let result = done.result.unwrap();
    assert_eq!((result.status, result.amount), (PaymentStatus::Succeeded, money("10.99", "EUR")));
    assert_eq!((result.vendor_payment.as_str(), result.decline), ("pi_1", None));

    let [request] = &done.requests[..] else { panic!("{:?}", done.requests) };
    assert_eq!(request.url, "https://api.stripe.com/v1/payment_intents");
    assert_eq!(request.header("authorization"), Some("Bearer {secret:api_key}"));
    assert_eq!(request.header("idempotency-key"), Some("act_pay_01_1"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(request.unsafe_to_repeat);
    let expected = [
        ("amount", "1099"),
        ("currency", "eur"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("automatic_payment_methods[enabled]", "true"),
        ("metadata[payment_id]", "pay_01"),
        ("metadata[client]", "cl_1"),
        ("metadata[attempt]", "act_pay_01_1"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ];
    assert_eq!(fields(request), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[test]
fn the_amount_is_the_vendors_and_in_its_units() {
    for (amount, currency, minor) in [
        ("500", "JPY", "500"),
        ("5", "UGX", "500"),
        ("5.12", "KWD", "5120"),
        ("1000", "MGA", "1000"),
    ] {
        let asked = CreatePayment { amount: money(amount, currency), ..wanted() };
        let done = pay(asked, |request| {
            let mut body = intent("succeeded");
            body["amount_received"] =
                serde_json::from_str(&field(request, "amount").unwrap()).unwrap();
            body["currency"] = json!(field(request, "currency").unwrap());
            answer(200, body)
        });
        assert_eq!(field(&done.requests[0], "amount").unwrap(), minor, "{currency}");
        assert_eq!(done.result.unwrap().amount, money(amount, currency));
    }
    // Stripe took less than was asked, and the result says so.
    let done = pay(wanted(), |_| {
        let mut body = intent("succeeded");
        body["amount_received"] = json!(1000);
        answer(200, body)
    });
    assert_eq!(done.result.unwrap().amount, money("10", "EUR"));
    let refused = pay(CreatePayment { amount: money("5.124", "KWD"), ..wanted() }, |_| panic!());
    assert!(matches!(refused.result, Err(Error::InvalidRequest(_))));
}

#[test]
fn a_client_who_must_act_is_sent_where_stripe_says() {
    let asked = CreatePayment {
        return_url: Some("https://broker.example/back?a=1&b=2".to_owned()),
        method_token: Some("pm_123".to_owned()),
        ..wanted()
    };
    let done = pay(asked, |_| {
        let mut body = intent("requires_action");
        body["next_action"] = json!({"type": "redirect_to_url", "redirect_to_url":
            {"url": "https://hooks.stripe.com/3d", "return_url": "https://broker.example/back"}});
        answer(200, body)
    });
    let request = &done.requests[0];
    assert_eq!(field(request, "payment_method").unwrap(), "pm_123");
    assert_eq!(field(request, "return_url").unwrap(), "https://broker.example/back?a=1&b=2");
    assert_eq!(field(request, "automatic_payment_methods[allow_redirects]"), None);
    let result = done.result.unwrap();
    assert_eq!(result.status, PaymentStatus::RequiresAction);
    assert_eq!(result.redirect_url.as_deref(), Some("https://hooks.stripe.com/3d"));
}

#[test]
fn every_documented_status_has_a_meaning() {
    for (status, expected) in [
        ("processing", PaymentStatus::Pending),
        ("requires_capture", PaymentStatus::Pending),
        ("requires_confirmation", PaymentStatus::Pending),
        ("requires_action", PaymentStatus::RequiresAction),
        ("requires_payment_method", PaymentStatus::Failed),
        ("canceled", PaymentStatus::Failed),
    ] {
        let result = pay(wanted(), |_| answer(200, intent(status))).result.unwrap();
        assert_eq!(result.status, expected, "{status}");
        assert_eq!(result.decline.is_some(), expected == PaymentStatus::Failed, "{status}");
    }
    assert!(pay(wanted(), |_| answer(200, intent("levitating"))).result.is_err());
}

#[test]
fn a_declined_card_is_a_failed_payment_with_the_issuers_code() {
    let decline = |code: &str, decline_code: Value| {
        let body = json!({"error": {"type": "card_error", "code": code,
            "decline_code": decline_code, "message": "x".repeat(900),
            "payment_intent": intent("requires_payment_method")}});
        let result = pay(wanted(), |_| answer(402, body.clone())).result.unwrap();
        assert_eq!(
            (result.status, result.vendor_payment.as_str()),
            (PaymentStatus::Failed, "pi_1")
        );
        assert_eq!(result.amount, money("10.99", "EUR"));
        result.decline.unwrap()
    };
    for (code, decline_code, category, verdict) in [
        ("card_declined", "insufficient_funds", "insufficient_funds", Verdict::RetryLater),
        ("card_declined", "generic_decline", "do_not_honour", Verdict::FallBack),
        ("card_declined", "do_not_honor", "do_not_honour", Verdict::FallBack),
        ("card_declined", "stolen_card", "lost_or_stolen", Verdict::Stop),
        ("card_declined", "fraudulent", "fraud_suspected", Verdict::Stop),
        ("card_declined", "never_heard_of", "unknown", Verdict::Stop),
        ("processing_error", "processing_error", "technical", Verdict::FallBack),
    ] {
        let decline = decline(code, json!(decline_code));
        assert_eq!(json!(decline.category), category, "{decline_code}");
        assert_eq!((decline.verdict, decline.vendor_code.as_str()), (verdict, decline_code));
        assert_eq!(decline.message.unwrap().chars().count(), 500);
    }
    let expired = decline("expired_card", Value::Null);
    assert_eq!((json!(expired.category), expired.verdict), (json!("expired_card"), Verdict::Stop));
}

#[test]
fn a_decline_without_a_payment_is_still_a_decline() {
    let body = json!({"error": {"type": "card_error", "code": "incorrect_number",
        "message": "Your card number is incorrect."}});
    let done = pay(wanted(), |_| answer(402, body.clone()));
    let Err(Error::Declined(decline)) = done.result else { panic!("{:?}", done.result) };
    assert_eq!((decline.category, decline.verdict), (DeclineCategory::InvalidData, Verdict::Stop));
}

/// The test card must never be charged with real money.
#[test]
fn in_live_mode_a_method_must_be_given() {
    let ask = |wanted: &CreatePayment| {
        let request = serde_json::to_string(wanted).unwrap();
        Exported::<Stripe>::create_payment(context(&json!({}), true), request, Vec::new())
    };
    let step = ask(&wanted());
    assert!(matches!(step, Step::Fail(Failure::InvalidRequest(_))), "{step:?}");
    let step = ask(&CreatePayment { method_token: Some("pm_1".to_owned()), ..wanted() });
    assert!(matches!(step, Step::Send(_)), "{step:?}");
}
