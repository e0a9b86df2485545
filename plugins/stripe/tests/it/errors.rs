//! The class of every way in which Stripe does not answer with what was asked.
use crate::payment::{pay, wanted};
use connector_stripe::Stripe;
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Seen, call, json as answer};
use serde_json::{Value, json};

fn error(vendor: impl FnMut(&Seen) -> Reply) -> Error {
    pay(wanted(), vendor).result.unwrap_err()
}

fn with_retry_after(status: u16, seconds: &str) -> Reply {
    let Reply::Response(mut response) = answer(status, json!({})) else { unreachable!() };
    response.headers.push(("retry-after".to_owned(), seconds.as_bytes().to_vec()));
    Reply::Response(response)
}

#[test]
fn errors_have_the_class_that_decides_on_a_retry() {
    let body = json!({"error": {"type": "invalid_request_error", "code": "parameter_missing",
        "param": "amount", "message": "Missing required param: amount."}});
    for status in [401, 403] {
        let said = error(|_| answer(status, body.clone()));
        assert!(matches!(said, Error::Unauthorised(_)), "{status}: {said:?}");
    }
    for status in [409, 424, 429, 500, 502, 503, 504] {
        let said = error(|_| answer(status, body.clone()));
        assert!(matches!(said, Error::Transient { .. }), "{status}: {said:?}");
        let said = error(|_| with_retry_after(status, "7"));
        assert!(
            matches!(said, Error::Transient { retry_after_ms: Some(7_000), .. }),
            "{status}: {said:?}"
        );
    }
    for status in [400, 404] {
        let Error::InvalidRequest(why) = error(|_| answer(status, body.clone())) else {
            panic!("{status}")
        };
        for part in ["pay_01", "parameter_missing", "amount", "Missing required param"] {
            assert!(why.contains(part), "{part:?} is not in {why:?}");
        }
    }
}

#[test]
fn a_request_that_may_have_moved_money_has_an_unknown_outcome() {
    let lost = error(|_| Reply::NoAnswer("reset".to_owned()));
    assert!(matches!(lost, Error::UnknownOutcome(_)), "{lost:?}");
    let unsent = error(|_| Reply::NotSent("refused".to_owned()));
    assert!(matches!(unsent, Error::Transient { .. }), "{unsent:?}");
    // The hub takes what follows a money request as unknown: never as a decline or a wrong request.
    for garbled in [json!("?"), json!({"id": "pi_1"}), Value::Null] {
        let said = error(|_| answer(200, garbled.clone()));
        assert!(matches!(said, Error::Transient { .. }), "{said:?}");
    }
}

#[test]
fn the_key_of_a_401_is_not_repeated() {
    let body = json!({"error": {"type": "invalid_request_error",
        "message": "Invalid API Key provided: sk_test_***1234"}});
    let said = error(|_| answer(401, body.clone())).to_string();
    assert!(!said.contains("sk_test"), "{said}");
}

#[test]
fn the_probe_tells_a_key_of_the_wrong_mode() {
    let probe = |body: Value| {
        let settings = json!({"api_base": "http://127.0.0.1:9/"});
        call(&settings, 0, Stripe::probe, |_| answer(200, body.clone()))
    };
    let done = probe(json!({"object": "balance", "livemode": false}));
    assert!(done.result.is_ok());
    assert_eq!(done.requests[0].url, "http://127.0.0.1:9/v1/balance");
    assert!(!done.requests[0].unsafe_to_repeat);
    let done = probe(json!({"object": "balance", "livemode": true}));
    assert!(matches!(done.result, Err(Error::InvalidRequest(why)) if why.contains("live mode")));
}
