//! The HMAC of each item, with the recipe evaluated as the hub does.
use crate::fixtures::{cases, context, delivery};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_adyen::Adyen;
use hmac::{Hmac, Mac};
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::types::{Algorithm, Check, Encoding, Op};
use hub_plugin_sdk::bindings::webhook::exports::hub::connector::webhook::Guest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `adyen/hmac_vector.json`: the sample of Adyen's documentation, which its own library verifies.
const KEY_HEX: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const SIGNATURE: &str = "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=";

fn sample() -> Value {
    json!({"pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant",
           "merchantReference": "TestPayment-1407325143704", "eventCode": "AUTHORISATION",
           "amount": {"currency": "EUR", "value": 1130}, "success": "true",
           "additionalData": {"hmacSignature": SIGNATURE}})
}

fn evaluate(recipe: &[Op]) -> Vec<u8> {
    let mut stack: Vec<Vec<u8>> = Vec::new();
    for op in recipe {
        let next = match op {
            Op::Push(bytes) => bytes.clone(),
            Op::Secret(name) => {
                assert_eq!(name, "hmac_key");
                KEY_HEX.as_bytes().to_vec()
            }
            Op::Decode(Encoding::Hex) => hex::decode(stack.pop().unwrap()).unwrap(),
            Op::Hmac(Algorithm::Sha256) => {
                let message = stack.pop().unwrap();
                let key = stack.pop().unwrap();
                let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
                mac.update(&message);
                mac.finalize().into_bytes().to_vec()
            }
            other => panic!("Adyen's signature does not need {other:?}"),
        };
        stack.push(next);
    }
    assert_eq!(stack.len(), 1, "a recipe leaves one value");
    stack.pop().unwrap()
}

fn body(items: &[Value]) -> Vec<u8> {
    let items: Vec<Value> =
        items.iter().map(|item| json!({"NotificationRequestItem": item})).collect();
    json!({"live": "false", "notificationItems": items}).to_string().into_bytes()
}

fn checks(body: Vec<u8>) -> Vec<Check> {
    Exported::<Adyen>::authenticate(context(&json!({}), false), delivery(body))
}

fn passes(check: &Check) -> bool {
    evaluate(&check.recipe) == check.expect
}

/// As the hub decides: there is a check, and every item that one names has one that passes.
fn authentic(checks: &[Check]) -> bool {
    let items: BTreeSet<u32> = checks.iter().map(|check| check.item).collect();
    let good: BTreeSet<u32> = checks.iter().filter(|c| passes(c)).map(|c| c.item).collect();
    !checks.is_empty() && items == good
}

#[test]
fn the_documented_sample_passes_and_no_signed_field_can_be_changed() {
    let found = checks(body(&[sample()]));
    assert_eq!((found.len(), found[0].item, found[0].signed_at_s), (1, 0, None));
    assert!(authentic(&found));
    for (pointer, value) in [
        ("/pspReference", json!("7914073381342285")),
        ("/originalReference", json!("7914073381342284")),
        ("/merchantAccountCode", json!("OtherMerchant")),
        ("/merchantReference", json!("pay_of_another")),
        ("/amount/value", json!(113_000)),
        ("/amount/currency", json!("USD")),
        ("/eventCode", json!("REFUND")),
        ("/success", json!("false")),
        ("/additionalData/hmacSignature", json!(STANDARD.encode([0; 32]))),
    ] {
        let mut forged = sample();
        match forged.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => forged[&pointer[1..]] = value,
        }
        assert!(!authentic(&checks(body(&[forged]))), "{pointer}");
    }
}

/// The fixtures were signed by another implementation.
#[test]
fn every_fixture_that_can_be_read_is_authentic() {
    let mut read = 0;
    for case in cases() {
        let found = checks(std::fs::read(case.join("delivery.json")).unwrap());
        read += usize::from(!found.is_empty());
        assert!(found.is_empty() || authentic(&found), "{}", case.display());
    }
    assert!(read > 40, "{read}");
}

#[test]
fn every_item_of_a_delivery_needs_its_own_signature() {
    let mut forged = sample();
    forged["amount"]["value"] = json!(1);
    let found = checks(body(&[sample(), forged]));
    assert_eq!(found.iter().map(|check| check.item).collect::<Vec<_>>(), [0, 1]);
    assert!(!authentic(&found));
    // An item that no check names would be taken as it is.
    let mut unsigned = sample();
    unsigned["additionalData"] = json!({});
    assert!(checks(body(&[sample(), unsigned])).is_empty());
}

/// `a:b` and `c` are signed as `a` and `b:c` are: one signed item must not be read as another.
#[test]
fn a_colon_cannot_move_what_is_signed_into_another_field() {
    for (pointer, value) in [
        ("pspReference", json!("7914073381342284:")),
        ("originalReference", json!("x:y")),
        ("merchantAccountCode", json!("TestMerchant:TestPayment-1407325143704")),
        ("eventCode", json!("EUR:AUTHORISATION")),
        ("success", json!("AUTHORISATION:true")),
    ] {
        let mut shifted = sample();
        shifted[pointer] = value;
        assert!(checks(body(&[shifted])).is_empty(), "{pointer}");
    }
    // Our own reference may hold one: what is on its two sides leaves one way to read it.
    let mut ours = sample();
    ours["merchantReference"] = json!("pay_1:2");
    assert_eq!(checks(body(&[ours])).len(), 1);
}

#[test]
fn what_is_no_signature_gives_nothing_to_check() {
    for signature in [
        json!(""),
        json!("not base64!"),
        json!(STANDARD.encode([0; 31])),
        json!(hex::encode([0; 32])),
        json!(null),
        json!(7),
    ] {
        let mut item = sample();
        item["additionalData"]["hmacSignature"] = signature.clone();
        assert!(checks(body(&[item])).is_empty(), "{signature}");
    }
    let mut without = sample();
    without.as_object_mut().unwrap().remove("additionalData");
    assert!(checks(body(&[without])).is_empty());
    assert!(checks(body(&[])).is_empty());
    assert!(checks(b"{".to_vec()).is_empty());
    // Two values of one field: which is signed?
    let twice = String::from_utf8(body(&[sample()])).unwrap();
    let twice = twice.replace(r#""success":"true""#, r#""success":"true","success":"false""#);
    assert!(checks(twice.into_bytes()).is_empty());
}

#[test]
fn a_delivery_cut_anywhere_has_nothing_to_check_and_never_panics() {
    for case in cases() {
        let whole = std::fs::read(case.join("delivery.json")).unwrap();
        for cut in 0..whole.trim_ascii_end().len() {
            assert!(checks(whole[..cut].to_vec()).is_empty(), "{} at {cut}", case.display());
        }
    }
}
