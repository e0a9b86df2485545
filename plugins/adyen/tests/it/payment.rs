//! `psp.create-payment` against scripted answers.
use crate::fixtures::context;
use connector_adyen::Adyen;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::actions::psp::{CreatePayment, PaymentResult, PaymentStatus};
use hub_plugin_sdk::bindings::psp::exports::hub::connector::psp::Guest;
use hub_plugin_sdk::bindings::types::{Failure, Step};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Finished, Seen, call, json as answer};
use serde_json::{Value, json};

pub fn settings() -> Value {
    json!({"merchant_account": "AcmeEU"})
}

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

pub fn pay(wanted: CreatePayment, vendor: impl FnMut(&Seen) -> Reply) -> Finished<PaymentResult> {
    call(&settings(), 0, |ctx| Adyen::create_payment(ctx, wanted.clone()), vendor)
}

fn result(answered: Value) -> PaymentResult {
    pay(wanted(), |_| answer(200, answered.clone())).result.unwrap()
}

#[test]
fn a_payment_is_sent_as_checkout_v71_wants_it() {
    let asked = CreatePayment {
        method_token: Some("M5N7TQ4TG5PFWR50".to_owned()),
        return_url: Some("https://broker.example/back".to_owned()),
        country: Some(Country::new("NL").unwrap()),
        ..wanted()
    };
    let done = pay(asked, |_| {
        answer(
            200,
            json!({"pspReference": "993617895204576J", "resultCode": "Authorised",
            "merchantReference": "pay_01", "additionalData": {"authCode": "044925"}}),
        )
    });
    let [request] = &done.requests[..] else { panic!("{:?}", done.requests) };
    assert_eq!(request.url, "https://checkout-test.adyen.com/v71/payments");
    assert_eq!(request.header("x-api-key"), Some("{secret:api_key}"));
    assert_eq!(request.header("idempotency-key"), Some("act_pay_01_1"));
    assert!(request.unsafe_to_repeat);
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({
            "amount": {"currency": "EUR", "value": 1099}, "merchantAccount": "AcmeEU",
            "reference": "pay_01", "returnUrl": "https://broker.example/back", "channel": "Web",
            "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "M5N7TQ4TG5PFWR50"},
            "shopperReference": "cl_1", "shopperInteraction": "ContAuth",
            "recurringProcessingModel": "CardOnFile", "countryCode": "NL",
        })
    );
    let result = done.result.unwrap();
    assert_eq!((result.status, result.amount), (PaymentStatus::Succeeded, money("10.99", "EUR")));
    assert_eq!(result.vendor_payment, "993617895204576J");
}

#[test]
fn amounts_go_in_adyens_units_and_come_back_as_adyen_says() {
    for (amount, currency, value) in
        [("500", "JPY", 500), ("1000", "CLP", 100_000), ("1.234", "KWD", 1234), ("70", "CVE", 70)]
    {
        let asked = CreatePayment { amount: money(amount, currency), ..wanted() };
        let done = pay(asked, |request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(body["amount"], json!({"currency": currency, "value": value}));
            answer(
                200,
                json!({"pspReference": "P1", "resultCode": "Authorised",
                               "amount": body["amount"]}),
            )
        });
        assert_eq!(done.result.unwrap().amount, money(amount, currency));
    }
    let part = result(json!({"pspReference": "P1", "resultCode": "PartiallyAuthorised",
        "amount": {"currency": "EUR", "value": 500}}));
    assert_eq!((part.status, part.amount), (PaymentStatus::Succeeded, money("5", "EUR")));
    let refused = pay(CreatePayment { amount: money("0.001", "EUR"), ..wanted() }, |_| panic!());
    assert!(matches!(refused.result, Err(Error::InvalidRequest(_))));
}

#[test]
fn every_result_code_has_a_meaning() {
    for (code, expected) in [
        ("Authorised", PaymentStatus::Succeeded),
        ("Pending", PaymentStatus::Pending),
        ("Received", PaymentStatus::Pending),
        ("RedirectShopper", PaymentStatus::RequiresAction),
        ("ChallengeShopper", PaymentStatus::RequiresAction),
        ("IdentifyShopper", PaymentStatus::RequiresAction),
        ("PresentToShopper", PaymentStatus::RequiresAction),
        ("Refused", PaymentStatus::Failed),
        ("Cancelled", PaymentStatus::Failed),
        ("Error", PaymentStatus::Failed),
    ] {
        let got = result(json!({"pspReference": "P1", "resultCode": code}));
        assert_eq!(got.status, expected, "{code}");
        assert_eq!(got.decline.is_some(), expected == PaymentStatus::Failed, "{code}");
    }
    for unsure in ["Teleported", "AuthenticationFinished", "PartiallyAuthorised"] {
        let body = json!({"pspReference": "P1", "resultCode": unsure});
        let done = pay(wanted(), |_| answer(200, body.clone()));
        assert!(matches!(done.result, Err(Error::UnknownOutcome(_))), "{unsure}");
    }
}

#[test]
fn a_client_who_must_act_is_sent_where_adyen_says() {
    let url = "https://checkoutshopper-test.adyen.com/checkoutshopper/threeDS/redirect";
    let got = result(json!({"resultCode": "RedirectShopper",
        "action": {"type": "redirect", "method": "GET", "url": url, "paymentMethodType": "scheme"}}));
    assert_eq!(got.redirect_url.as_deref(), Some(url));
    // Adyen has no pspReference before the client has acted.
    assert_eq!(got.vendor_payment, "pay_01");
}

#[test]
fn a_refusal_is_a_failed_payment_with_adyens_code() {
    for (code, reason, category, verdict) in [
        ("2", "Refused", "do_not_honour", Verdict::FallBack),
        ("12", "Not enough balance", "insufficient_funds", Verdict::RetryLater),
        ("6", "Expired Card", "expired_card", Verdict::Stop),
        ("20", "FRAUD", "fraud_suspected", Verdict::Stop),
        ("9", "Issuer Unavailable", "technical", Verdict::FallBack),
        ("999", "Moon phase", "unknown", Verdict::Stop),
    ] {
        let got = result(json!({"pspReference": "P1", "resultCode": "Refused",
            "refusalReason": reason, "refusalReasonCode": code}));
        let decline = got.decline.unwrap();
        assert_eq!(
            (json!(decline.category), decline.verdict),
            (json!(category), verdict),
            "{code}"
        );
        assert_eq!(
            (decline.vendor_code.as_str(), decline.message.as_deref()),
            (code, Some(reason))
        );
    }
    let long = result(json!({"pspReference": "P1", "resultCode": "Error",
        "refusalReason": "é".repeat(900)}));
    let decline = long.decline.unwrap();
    assert_eq!(decline.message.unwrap().chars().count(), 500);
    assert_eq!(
        (decline.category, decline.verdict),
        (DeclineCategory::Technical, Verdict::FallBack)
    );
}

/// Two keys must never become one: Adyen would answer the second request with the first's payment.
#[test]
fn a_key_that_is_too_long_is_hashed_and_stays_one_of_a_kind() {
    let sent = |key: String| {
        let asked = CreatePayment { idempotency_key: key, ..wanted() };
        let done = pay(asked, |_| Reply::NotSent("not reached".to_owned()));
        done.requests[0].header("idempotency-key").unwrap().to_owned()
    };
    let fits = "k".repeat(64);
    assert_eq!(sent(fits.clone()), fits);
    let (one, other) = (sent(format!("{fits}1")), sent(format!("{fits}2")));
    assert!(one.len() == 64 && one != other, "{one} {other}");
    assert_eq!(one, sent(format!("{fits}1")), "a retry has the same key");
}

/// The test card must never be charged with real money, nor a client be sent to nowhere.
#[test]
fn in_live_mode_a_card_and_an_address_must_be_given() {
    let ask = |settings: &Value, wanted: &CreatePayment| {
        let request = serde_json::to_string(wanted).unwrap();
        Exported::<Adyen>::create_payment(context(settings, true), request, Vec::new())
    };
    let card = CreatePayment { method_token: Some("M5N7TQ4TG5PFWR50".to_owned()), ..wanted() };
    for step in [ask(&settings(), &wanted()), ask(&settings(), &card)] {
        assert!(matches!(step, Step::Fail(Failure::InvalidRequest(_))), "{step:?}");
    }
    let with_address = json!({"merchant_account": "AcmeEU", "return_url": "https://b.example/"});
    assert!(matches!(ask(&with_address, &wanted()), Step::Fail(Failure::InvalidRequest(_))));
    assert!(matches!(ask(&with_address, &card), Step::Send(_)));
    let test = pay(wanted(), |_| Reply::NotSent("not reached".to_owned()));
    assert!(test.requests[0].body.contains("test_4111111111111111"));
}

#[test]
fn a_reference_that_adyen_would_cut_is_refused() {
    let long = PaymentId::new(format!("pay_{}", "1".repeat(77))).unwrap();
    let done = pay(CreatePayment { payment: long, ..wanted() }, |_| panic!());
    assert!(matches!(done.result, Err(Error::InvalidRequest(_))));
}
