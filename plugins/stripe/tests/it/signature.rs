//! `Stripe-Signature`, with the recipe evaluated as the hub does.
use crate::fixtures::context;
use connector_stripe::Stripe;
use hmac::{Hmac, Mac};
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::types::{Algorithm, Check, Delivery, Header, Op};
use hub_plugin_sdk::bindings::webhook::exports::hub::connector::webhook::Guest;
use serde_json::json;

const SECRET: &str = "whsec_test_secret";
const BODY: &[u8] = b"{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn evaluate(recipe: &[Op], body: &[u8]) -> Vec<u8> {
    let mut stack: Vec<Vec<u8>> = Vec::new();
    for op in recipe {
        let next = match op {
            Op::Push(bytes) => bytes.clone(),
            Op::Secret(name) => {
                assert_eq!(name, "webhook_secret");
                SECRET.as_bytes().to_vec()
            }
            Op::Body => body.to_vec(),
            Op::Concat(n) => {
                let at = stack.len() - *n as usize;
                stack.split_off(at).concat()
            }
            Op::Hmac(Algorithm::Sha256) => {
                let message = stack.pop().unwrap();
                hmac(&stack.pop().unwrap(), &message)
            }
            other => panic!("Stripe's signature does not need {other:?}"),
        };
        stack.push(next);
    }
    assert_eq!(stack.len(), 1, "a recipe leaves one value");
    stack.pop().unwrap()
}

fn checks(header: Option<&str>, body: &[u8]) -> Vec<Check> {
    let headers = header
        .map(|value| Header { name: "stripe-signature".to_owned(), value: value.into() })
        .into_iter()
        .collect();
    let delivery =
        Delivery { method: "POST".to_owned(), path: String::new(), headers, body: body.to_vec() };
    Exported::<Stripe>::authenticate(context(&json!({}), false), delivery)
}

fn passing(checks: &[Check], body: &[u8]) -> usize {
    checks.iter().filter(|check| evaluate(&check.recipe, body) == check.expect).count()
}

/// Signed as docs.stripe.com/webhooks says: HMAC-SHA256 of `{t}.{body}` with the secret, in hex.
fn signature(time: &str) -> String {
    hex::encode(hmac(SECRET.as_bytes(), &[time.as_bytes(), b".", BODY].concat()))
}

#[test]
fn a_signed_body_passes_and_another_body_time_or_signature_does_not() {
    let good = signature("1741149708");
    let found = checks(Some(&format!("t=1741149708,v1={good}")), BODY);
    assert_eq!(passing(&found, BODY), 1);
    assert_eq!((found[0].item, found[0].signed_at_s), (0, Some(1_741_149_708)));
    assert_eq!(passing(&found, b"{}"), 0);
    assert_eq!(passing(&checks(Some(&format!("t=1741149709,v1={good}")), BODY), BODY), 0);
    let other = signature("1741149709");
    assert_eq!(passing(&checks(Some(&format!("t=1741149708,v1={other}")), BODY), BODY), 0);
}

#[test]
fn while_a_secret_is_rolled_any_v1_is_enough_and_other_schemes_do_not_count() {
    let good = signature("1741149708");
    let old = "00".repeat(32);
    let rolled = checks(Some(&format!("t=1741149708,v1={old},v1={good},v0={old}")), BODY);
    assert_eq!((rolled.len(), passing(&rolled, BODY)), (2, 1));
    assert!(checks(Some(&format!("t=1741149708,v0={good}")), BODY).is_empty());
}

#[test]
fn what_is_no_signature_gives_nothing_to_check() {
    let good = signature("1741149708");
    assert!(checks(None, BODY).is_empty());
    for header in [
        "",
        "t=1741149708",
        "nonsense",
        "t=1741149708,v1=",
        "t=1741149708,v1=zz",
        "t=1741149708,v1=00ff",
        &format!("v1={good}"),
        &format!("t=,v1={good}"),
        &format!("t=now,v1={good}"),
        &format!("t=99999999999999999999,v1={good}"),
        // Which of the two is signed?
        &format!("t=1741149708,t=1741149708,v1={good}"),
    ] {
        assert!(checks(Some(header), BODY).is_empty(), "{header}");
    }
    // The work that a stranger can ask for is bounded.
    let many = format!("t=1741149708{}", format!(",v1={}", "00".repeat(32)).repeat(1_000));
    assert!(checks(Some(&many), BODY).len() <= 8);
}
