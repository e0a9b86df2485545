//! What a well-behaved call gives.
use crate::support::{GOOD, answer, context, delivery, hostile, receive, sandbox, told};
use hub_plugin_sdk::Connector as _;
use hub_sandbox::types::{Algorithm, Op, Part, Step};
use hub_sandbox::{CallError, Capability, Entry, Input};

#[test]
fn capabilities_are_read_off_the_component() {
    let connector = hostile();
    assert_eq!(connector.capability_names(), ["webhook", "psp", "probe"]);
    assert!(connector.has(Entry::PROBE) && !connector.has(Entry::POLL_NEXT));
    assert!(connector.receives_webhooks());
    assert!(!connector.capabilities().contains(&Capability::PspRefund));
    let own = |import: &String| {
        import.starts_with("hub:connector/log@") || import.starts_with("hub:connector/types@")
    };
    assert!(connector.imports().iter().all(own), "{:?}", connector.imports());
}

#[test]
fn the_manifest_is_what_the_author_wrote() {
    let native = serde_json::to_string(&hub_hostile::Hostile::manifest()).expect("JSON");
    assert_eq!(hostile().manifest_json(), native);
}

#[test]
fn a_delivery_becomes_an_event() {
    let Step::Done(outcome) = receive(&hostile(), GOOD, &[]).expect("it works") else {
        panic!("it needs no request")
    };
    let event = &outcome.events[0];
    assert_eq!((event.type_.as_str(), event.id.as_deref()), ("payment.succeeded", Some("evt_1")));
    let data: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
    let expected = serde_json::json!({
        "payment": "pay_1", "vendor_payment": "evt_1",
        "amount": { "amount": "12.50", "currency": "EUR" },
    });
    assert_eq!(data, expected);
}

#[test]
fn a_signature_is_described_and_never_made() {
    let checks = hostile().authenticate(&context(), &delivery(GOOD)).expect("it works");
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].expect, b"c0ffee");
    let secret = Op::Secret("webhook_secret".to_owned());
    assert_eq!(checks[0].recipe[..3], [secret, Op::Body, Op::Hmac(Algorithm::Sha256)]);
}

/// The connector is run again from its start after each request, and the history answers what it
/// has asked before.
#[test]
fn history_answers_what_was_asked_before() {
    let connector = hostile();
    let asked = |history: &[_]| match receive(&connector, "two-requests", history) {
        Ok(Step::Send(request)) => request.url,
        other => panic!("{other:?}"),
    };
    let url = |text: &str| vec![Part::Bytes(text.as_bytes().to_vec())];
    assert_eq!(asked(&[]), url("https://psp.test/first"));
    assert_eq!(asked(&[answer(200)]), url("https://psp.test/second"));
    let end = receive(&connector, "two-requests", &[answer(200), answer(201)]).expect("its end");
    assert_eq!(told(end), "200 201");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let again = sandbox().load(crate::support::hostile_bytes()).expect("it loads twice");
    assert_eq!(again.digest(), hostile().digest());
    for body in [GOOD, "leak-secrets", "two-requests", "nonsense"] {
        let first = receive(&hostile(), body, &[]);
        assert_eq!(first, receive(&hostile(), body, &[]), "{body}");
        assert_eq!(first, receive(&again, body, &[]), "{body}");
    }
}

#[test]
fn nothing_outlives_a_call() {
    for _ in 0..20 {
        let step = receive(&hostile(), "static-counter", &[]).expect("it works");
        assert_eq!(told(step), "1");
    }
}

#[test]
fn an_action_asks_with_its_secret_in_place() {
    let request = r#"{"payment":"pay_1","idempotency_key":"k","client":"cl_1","method":"card",
        "amount":{"amount":"1.00","currency":"EUR"}}"#;
    let entry = Entry::action("psp.create-payment").expect("an action");
    let input = Input::Request(request.to_owned());
    let Ok(Step::Send(request)) = hostile().call(entry, &context(), &input, &[]) else {
        panic!("it asks the vendor")
    };
    assert!(request.unsafe_to_repeat);
    let (_, authorization) = &request.headers[0];
    assert!(
        matches!(&authorization[1], Part::Secret(secret) if secret.name == "api_key"),
        "{authorization:?}"
    );
}

#[test]
fn what_it_does_not_export_is_said() {
    let none = hostile().call(Entry::POLL_NEXT, &context(), &Input::Cursor(None), &[]);
    assert_eq!(none, Err(CallError::NoSuchEntry("poll.next")));
    let wrong_input = hostile().call(Entry::PROBE, &context(), &Input::Cursor(None), &[]);
    assert_eq!(wrong_input, Err(CallError::NoSuchEntry("probe")));
}
