//! Actions against scripted answers.
use connector_sumsub::Sumsub;
use hub_plugin_sdk::actions::kyc::{AccessLink, CreateApplicant, GetResult, KycResult};
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Finished, Seen, call, json as answer};
use serde_json::{Value, json};

const NOW_MS: i64 = 1_741_149_708_704;
const APPLICANT: &str = "5cb56e8e0a975a35f333cb83";

fn client() -> ClientId {
    ClientId::new("cl_1:eu@x").unwrap()
}

fn new_applicant() -> CreateApplicant {
    CreateApplicant {
        client: client(),
        level: "basic-kyc-level".to_owned(),
        country: Some(Country::new("DE").unwrap()),
        email: Some("a@example.com".to_owned()),
        phone: None,
        first_name: Some("Zoë".to_owned()),
        last_name: None,
    }
}

fn create(vendor: impl FnMut(&Seen) -> Reply) -> Finished<hub_plugin_sdk::actions::kyc::Applicant> {
    call(&json!({}), NOW_MS, |ctx| Sumsub::create_applicant(ctx, new_applicant()), vendor)
}

fn result(vendor: impl FnMut(&Seen) -> Reply) -> Finished<KycResult> {
    let of = || GetResult { client: client(), applicant: APPLICANT.to_owned() };
    call(&json!({}), NOW_MS, |ctx| Sumsub::get_result(ctx, of()), vendor)
}

#[test]
fn a_new_applicant_is_made_with_what_is_known_of_the_client() {
    let done = create(|_| answer(201, json!({"id": APPLICANT})));
    assert_eq!(done.result.unwrap().applicant, APPLICANT);
    let [request] = &done.requests[..] else { panic!("{:?}", done.requests) };
    assert_eq!(request.method, "POST");
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({"externalUserId": "cl_1:eu@x", "email": "a@example.com",
               "fixedInfo": {"firstName": "Zoë"}})
    );
}

#[test]
fn asking_twice_gives_the_same_applicant() {
    let done = create(|request| match request.method.as_str() {
        "POST" => answer(409, json!({"code": 409, "description": "already exists"})),
        _ => answer(200, json!({"id": APPLICANT, "email": "a@example.com"})),
    });
    assert_eq!(done.result.unwrap().applicant, APPLICANT);
    assert_eq!(
        done.requests[1].url,
        "https://api.sumsub.com/resources/applicants/-;externalUserId=cl_1%3Aeu%40x/one"
    );
    // The first answer was lost: Sumsub's 409 makes a second try harmless, so that it is no
    // unknown outcome.
    let lost = create(|_| Reply::NoAnswer("reset".to_owned()));
    assert!(matches!(lost.result, Err(Error::Transient { .. })));
    assert!(!lost.requests[0].unsafe_to_repeat);
}

#[test]
fn a_link_is_made_for_the_client_and_the_level() {
    let link = || AccessLink { client: client(), level: "l 1".to_owned(), ttl_s: 600 };
    let done = call(
        &json!({"api_base": "http://127.0.0.1:9/"}),
        NOW_MS,
        |ctx| Sumsub::access_link(ctx, link()),
        |_| answer(200, json!({"url": "https://in.sumsub.com/websdk/p/x"})),
    );
    assert_eq!(done.result.unwrap().url, "https://in.sumsub.com/websdk/p/x");
    assert_eq!(
        done.requests[0].url,
        "http://127.0.0.1:9/resources/sdkIntegrations/levels/-/websdkLink"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&done.requests[0].body).unwrap(),
        json!({"levelName": "l 1", "userId": "cl_1:eu@x", "ttlInSecs": 600})
    );
}

#[test]
fn every_documented_status_has_a_meaning() {
    let green = json!({"reviewAnswer": "GREEN"});
    let red = json!({"reviewAnswer": "RED", "reviewRejectType": "FINAL",
                     "rejectLabels": ["FORGERY"]});
    for (status, review, expected) in [
        ("init", Value::Null, KycResult::Started),
        // A result of an earlier round does not count while the next one runs.
        ("init", red.clone(), KycResult::Started),
        ("pending", green.clone(), KycResult::InReview),
        ("prechecked", Value::Null, KycResult::InReview),
        ("queued", Value::Null, KycResult::InReview),
        ("onHold", Value::Null, KycResult::InReview),
        ("completed", green, KycResult::Approved),
        (
            "completed",
            red,
            KycResult::Rejected { r#final: true, reasons: vec!["FORGERY".to_owned()] },
        ),
    ] {
        let body = json!({"reviewStatus": status, "reviewResult": review});
        let done = result(|_| answer(200, body.clone()));
        assert_eq!(done.result.unwrap(), expected, "{body}");
        assert!(done.requests[0].url.ends_with(&format!("/applicants/{APPLICANT}/status")));
    }
    let odd = result(|_| answer(200, json!({"reviewStatus": "sleeping"})));
    assert!(matches!(odd.result, Err(Error::Unsupported(why)) if why.contains("sleeping")));
}

#[test]
fn errors_have_the_class_that_decides_on_a_retry() {
    let body = json!({"description": "secret@example.com", "code": 401, "errorCode": 4003,
                      "errorName": "app-token-signature mismatch", "correlationId": "c0b2"});
    let error = |status| result(|_| answer(status, body.clone())).result.unwrap_err();
    for status in [401, 403] {
        let Error::Unauthorised(why) = error(status) else { panic!("{status}") };
        assert!(why.contains("app-token-signature mismatch") && why.contains("c0b2"), "{why}");
        assert!(!why.contains("secret@example.com"), "personal data in {why}");
    }
    for status in [429, 500, 503] {
        assert!(matches!(error(status), Error::Transient { .. }), "{status}");
    }
    for status in [400, 404] {
        assert!(matches!(error(status), Error::InvalidRequest(_)), "{status}");
    }
    let later = result(|_| match answer(429, json!({})) {
        Reply::Response(mut response) => {
            response.headers.push(("retry-after".to_owned(), b"7".to_vec()));
            Reply::Response(response)
        }
        other => other,
    });
    assert!(matches!(later.result, Err(Error::Transient { retry_after_ms: Some(7000), .. })));
    let never = result(|_| Reply::NotSent("refused".to_owned()));
    assert!(matches!(never.result, Err(Error::Transient { .. })));
    let garbled = create(|_| answer(200, json!({"url": "?"})));
    assert!(matches!(garbled.result, Err(Error::Transient { .. })));
}

#[test]
fn the_probe_succeeds_on_a_404_and_fails_on_a_wrong_key() {
    let probe =
        |status| call(&json!({}), NOW_MS, Sumsub::probe, |_| answer(status, json!({}))).result;
    assert!(probe(404).is_ok());
    assert!(matches!(probe(401), Err(Error::Unauthorised(_))));
    assert!(matches!(probe(502), Err(Error::Transient { .. })));
}
