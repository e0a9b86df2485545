//! Signatures, inbound and outbound.
use crate::fixtures::context;
use crate::recipe::{SECRET, evaluate, hmac};
use connector_sumsub::Sumsub;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::kyc::exports::hub::connector::kyc::Guest as Kyc;
use hub_plugin_sdk::bindings::types::{Algorithm, Check, Delivery, Header, Part, Step};
use hub_plugin_sdk::bindings::webhook::exports::hub::connector::webhook::Guest as Webhook;
use serde_json::{Value, json};

fn checks(settings: Value, headers: &[(&str, &str)], body: &[u8]) -> Vec<Check> {
    let headers = headers
        .iter()
        .map(|(name, value)| Header { name: (*name).to_owned(), value: value.as_bytes().to_vec() })
        .collect();
    let delivery =
        Delivery { method: "POST".to_owned(), path: String::new(), headers, body: body.to_vec() };
    Exported::<Sumsub>::authenticate(context(&settings, true), delivery)
}

fn passes(check: &Check, body: &[u8]) -> bool {
    evaluate(&check.recipe, body) == check.expect
}

/// The example of docs.sumsub.com, "Webhooks, verify": this secret, this body, this digest.
#[test]
fn the_documented_example_passes_and_another_body_does_not() {
    let digest = "f6e92ffe371718694d46e28436f76589312df8db";
    let found = checks(json!({"digest": "sha1"}), &[("x-payload-digest", digest)], b"someText");
    assert!(passes(&found[0], b"someText"));
    assert!(!passes(&found[0], b"someText "));
    assert_eq!((found.len(), found[0].item, found[0].signed_at_s), (1, 0, None));
}

#[test]
fn the_algorithm_is_that_of_the_settings() {
    for (name, named, algorithm) in [
        ("sha1", "HMAC_SHA1_HEX", Algorithm::Sha1),
        ("sha256", "HMAC_SHA256_HEX", Algorithm::Sha256),
        ("sha512", "HMAC_SHA512_HEX", Algorithm::Sha512),
    ] {
        let digest = hex::encode(hmac(algorithm, SECRET.as_bytes(), b"{}")).to_uppercase();
        let headers = [("x-payload-digest", digest.as_str()), ("x-payload-digest-alg", named)];
        let found = checks(json!({"digest": name}), &headers, b"{}");
        assert!(passes(&found[0], b"{}"), "{name}");

        // The same valid signature, where the settings want another algorithm.
        let other = if name == "sha256" { "sha512" } else { "sha256" };
        assert!(checks(json!({"digest": other}), &headers, b"{}").is_empty(), "{name}");
        // Without the header that gives it away, the check is made and fails.
        let silent = checks(json!({"digest": other}), &headers[..1], b"{}");
        assert!(!passes(&silent[0], b"{}"), "{name}");
    }
}

#[test]
fn without_a_signature_there_is_nothing_to_check() {
    for headers in [
        &[][..],
        &[("x-payload-digest", "")][..],
        &[("x-payload-digest", "not hex")][..],
        &[("x-payload-digest", "abc")][..],
        &[("x-payload-digest", "00"), ("x-payload-digest-alg", "none")][..],
    ] {
        for check in checks(json!({}), headers, b"{}") {
            assert!(!passes(&check, b"{}"), "{headers:?}");
        }
    }
    assert!(checks(json!({}), &[], b"{}").is_empty());
    assert!(checks(json!({"digest": "md5"}), &[("x-payload-digest", "00")], b"{}").is_empty());
}

#[test]
fn a_request_is_signed_over_seconds_method_path_query_and_body() {
    let request = json!({"client": "cl_1", "level": "basic kyc+1"}).to_string();
    let step = Exported::<Sumsub>::create_applicant(context(&json!({}), true), request, Vec::new());
    let Step::Send(request) = step else { panic!("{step:?}") };
    let [Part::Bytes(url)] = &request.url[..] else { panic!("{:?}", request.url) };
    let path = "/resources/applicants?levelName=basic%20kyc%2B1";
    assert_eq!(String::from_utf8_lossy(url), format!("https://api.sumsub.com{path}"));
    let header = |name: &str| &request.headers.iter().find(|(n, _)| n == name).unwrap().1;
    let [Part::Recipe(recipe)] = &header("x-app-access-sig")[..] else { panic!() };
    let [Part::Bytes(body)] = &request.body[..] else { panic!() };
    assert_eq!(body, br#"{"externalUserId":"cl_1"}"#);
    let signed = [format!("1741149708POST{path}").as_bytes(), body].concat();
    assert_eq!(
        evaluate(recipe, body),
        hex::encode(hmac(Algorithm::Sha256, SECRET.as_bytes(), &signed)).into_bytes()
    );
    assert!(matches!(&header("x-app-token")[..], [Part::Secret(s)] if s.name == "app_token"));
    assert!(matches!(&header("x-app-access-ts")[..], [Part::Bytes(b)] if b == b"1741149708"));
}
