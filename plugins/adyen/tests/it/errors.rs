//! The class of every way in which Adyen does not answer with what was asked.
use crate::payment::{pay, wanted};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Seen, json as answer};
use serde_json::{Value, json};

fn error(vendor: impl FnMut(&Seen) -> Reply) -> Error {
    pay(wanted(), vendor).result.unwrap_err()
}

fn said(status: u16, code: &str) -> Reply {
    answer(
        status,
        json!({"status": status, "errorCode": code, "errorType": "validation",
        "message": "Required field 'reference' is not provided."}),
    )
}

fn with_header(reply: Reply, name: &str, value: &str) -> Reply {
    let Reply::Response(mut response) = reply else { unreachable!() };
    response.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    Reply::Response(response)
}

#[test]
fn errors_have_the_class_that_decides_on_a_retry() {
    for status in [401, 403] {
        let error = error(|_| said(status, "000"));
        assert!(matches!(error, Error::Unauthorised(_)), "{status}: {error:?}");
    }
    for status in [409, 429, 500, 503] {
        let error = error(|_| with_header(said(status, "905"), "retry-after", "7"));
        let later = matches!(error, Error::Transient { retry_after_ms: Some(7_000), .. });
        assert!(later, "{status}: {error:?}");
    }
    for status in [400, 404, 422] {
        let Error::InvalidRequest(why) = error(|_| said(status, "130")) else { panic!("{status}") };
        for part in ["pay_01", "130", "validation", "'reference'"] {
            assert!(why.contains(part), "{part:?} is not in {why:?}");
        }
    }
    let transient = error(|_| with_header(said(422, "901"), "transient-error", "true"));
    assert!(matches!(transient, Error::Transient { .. }), "{transient:?}");
}

/// The first request with the key is under way: it may well succeed.
#[test]
fn a_request_that_adyen_is_still_at_work_on_has_an_unknown_outcome() {
    for status in [409, 422] {
        let error = error(|_| with_header(said(status, "704"), "transient-error", "true"));
        assert!(matches!(error, Error::UnknownOutcome(_)), "{status}: {error:?}");
    }
}

#[test]
fn a_request_that_may_have_moved_money_has_an_unknown_outcome() {
    let lost = error(|_| Reply::NoAnswer("reset".to_owned()));
    assert!(matches!(lost, Error::UnknownOutcome(_)), "{lost:?}");
    let unsent = error(|_| Reply::NotSent("refused".to_owned()));
    assert!(matches!(unsent, Error::Transient { .. }), "{unsent:?}");
    for garbled in [json!("?"), json!({"pspReference": "P1"}), Value::Null] {
        let error = error(|_| answer(200, garbled.clone()));
        assert!(matches!(error, Error::Transient { .. }), "{error:?}");
    }
}
