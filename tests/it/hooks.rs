//! Webhooks of Stripe: what is taken in, and what is not.
use crate::harness::{Connection, Hub, Setup, count, sign, stripe};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ID: &str = "stripe-eu";
const SECRET: &str = "whsec_of_the_endpoint";
/// Above the `body_bytes_max` that the tests' hub has.
const TOO_LARGE_BYTES: usize = 64 * 1024 + 1;

async fn hub() -> Hub {
    Setup::new().server("body_bytes_max = 65536").with(Connection::stripe(ID, SECRET)).start().await
}

/// Events that deliveries gave, without what the hub says of itself.
async fn told(hub: &Hub) -> Vec<Value> {
    hub.api.events(&format!("connection={ID}")).await
}

fn body(event: &str, payment: &str) -> Vec<u8> {
    stripe::succeeded(event, payment, 10_000).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_delivery_becomes_one_event_that_shows_where_it_came_from() {
    let hub = hub().await;
    let body = body("evt_1", "pay_1");
    let answer = hub.api.stripe_hook(ID, SECRET, &body).await.expect(200);
    assert!(answer.body.is_empty(), "Stripe wants no body: {}", answer.text());
    let events = told(&hub).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = &events[0];
    assert_eq!(event["type"], "payment.succeeded");
    assert_eq!(event["subject"], "payment/pay_1");
    assert_eq!(event["vendorevent"], "evt_1");
    assert_eq!(event["verified"], "signature");
    assert_eq!(event["source"], format!("/connections/{ID}"));
    assert_eq!(event["connection"], ID);
    assert_eq!(event["data"]["amount"], json!({ "amount": "100.00", "currency": "EUR" }));
    assert_eq!(event["specversion"], "1.0");

    let delivery = event["deliveryid"].as_str().expect("where it came from");
    let shown = hub.api.json(&format!("/v1/deliveries/{delivery}")).await;
    assert_eq!(shown["body"].as_str().expect("text").as_bytes(), body);
    assert_eq!(shown["events"], json!([event["id"]]));
    let headers = shown["headers"].as_array().expect("headers");
    assert!(headers.iter().any(|h| h[0] == "stripe-signature"), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_prove_itself_is_refused_and_leaves_nothing() {
    let hub = hub().await;
    let before = hub.api.events("").await.len();
    let now = sign::now_s();
    let body = body("evt_1", "pay_1");
    let right = sign::stripe(SECRET, now, &body);
    let mut changed = body.clone();
    let at = changed.iter().position(|b| *b == b'1').expect("a digit");
    changed[at] = b'2';
    let stale = sign::stripe(SECRET, now - 301 - 1, &body);
    let future = sign::stripe(SECRET, now + 301 + 2, &body);
    let other = sign::stripe("whsec_of_someone_else", now, &body);
    let v0 = right.replace("v1=", "v0=");
    // The signature of one moment, claimed for another.
    let moved = right.replace(&format!("t={now}"), &format!("t={}", now + 1));
    let cases: [(&str, Option<&str>, &[u8]); 9] = [
        ("one byte changed", Some(&right), &changed),
        ("stale", Some(&stale), &body),
        ("from the future", Some(&future), &body),
        ("another secret", Some(&other), &body),
        ("only a weaker scheme", Some(&v0), &body),
        ("another time than was signed", Some(&moved), &body),
        ("no signature", None, &body),
        ("an empty signature", Some(""), &body),
        ("nonsense", Some("t=,v1=zz"), &body),
    ];
    for (what, signature, body) in &cases {
        let headers: Vec<(&str, &str)> =
            signature.iter().map(|s| ("stripe-signature", *s)).collect();
        let answer = hub.api.hook(ID, &headers, body).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert_eq!(answer.json()["code"], "not-authentic", "{what}");
    }
    assert_eq!(hub.api.events("").await.len(), before, "a refused delivery left an event");
    let connection = hub.api.json(&format!("/v1/connections/{ID}")).await;
    assert_eq!(connection["refused"], cases.len());

    // Near the edges it is still taken, so the refusals above are not for another reason.
    for (event, signed_at) in [("evt_old", now - 285), ("evt_new", now + 285)] {
        let body = stripe::succeeded(event, "pay_1", 10_000).to_string().into_bytes();
        let signature = sign::stripe(SECRET, signed_at, &body);
        hub.api.hook(ID, &[("stripe-signature", &signature)], &body).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_signatures_and_a_rotated_secret_pass_if_one_is_right() {
    let mut stripe = Connection::stripe(ID, SECRET);
    stripe.secrets.retain(|(name, _)| name != "webhook_secret");
    let stripe = stripe.rotated("webhook_secret", &["whsec_new", "whsec_old"]);
    let hub = Setup::new().with(stripe).start().await;
    for (event, secret) in [("evt_new", "whsec_new"), ("evt_old", "whsec_old")] {
        hub.api.stripe_hook(ID, secret, &body(event, "pay_1")).await.expect(200);
    }
    hub.api.stripe_hook(ID, "whsec_older", &body("evt_older", "pay_1")).await.expect(401);

    let body = body("evt_both", "pay_2");
    let now = sign::now_s();
    let wrong = sign::stripe_v1("whsec_of_someone_else", now, &body);
    let right = sign::stripe_v1("whsec_new", now, &body);
    for (status, signatures) in [(401, [&wrong, &wrong]), (200, [&wrong, &right])] {
        let header = format!("t={now},v1={},v1={}", signatures[0], signatures[1]);
        hub.api.hook(ID, &[("stripe-signature", &header)], &body).await.expect(status);
    }
    let vendor_events: BTreeSet<_> =
        told(&hub).await.iter().map(|e| e["vendorevent"].as_str().unwrap().to_owned()).collect();
    assert_eq!(vendor_events, ["evt_both", "evt_new", "evt_old"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_call_gets_an_answer_that_says_why() {
    let hub = hub().await;
    let answer = hub.api.stripe_hook("no-such", SECRET, &body("evt_1", "pay_1")).await.expect(404);
    assert!(answer.json()["detail"].as_str().unwrap().contains("no-such"), "{}", answer.text());

    let large = vec![b' '; TOO_LARGE_BYTES];
    let answer = hub.api.stripe_hook(ID, SECRET, &large).await.expect(413);
    assert!(answer.json()["detail"].as_str().unwrap().contains("body_bytes_max"));

    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = hub.api.request(method, &format!("/hooks/{ID}"));
        hub.api.send(request).await.expect(405);
    }

    let pause = json!({ "reason": "incident 4711" });
    let path = format!("/v1/connections/{ID}/pause");
    hub.api.post(&path, "pause-1", &pause).await.expect(200);
    let answer = hub.api.stripe_hook(ID, SECRET, &body("evt_1", "pay_1")).await.expect(503);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    let path = format!("/v1/connections/{ID}/resume");
    hub.api.post(&path, "resume-1", &json!({})).await.expect(200);
    hub.api.stripe_hook(ID, SECRET, &body("evt_1", "pay_1")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_and_not_understood_is_quarantined_with_its_raw_bytes() {
    let hub = hub().await;
    let unknown = stripe::of_unknown_type("evt_unknown").to_string().into_bytes();
    let broken = br#"{"id":"evt_broken","object":"event","#.to_vec();
    let not_text = vec![0xff, 0xfe, 0x00, b'{'];
    let live = {
        let mut event = stripe::succeeded("evt_live", "pay_1", 100);
        event["livemode"] = true.into();
        event.to_string().into_bytes()
    };
    let deliveries = [unknown, broken, not_text, live];
    for body in &deliveries {
        hub.api.stripe_hook(ID, SECRET, body).await.expect(202);
        // Vendors send again what was not understood, too: it stays one entry.
        hub.api.stripe_hook(ID, SECRET, body).await.expect(202);
    }
    let listed = hub.api.json("/v1/quarantine").await;
    let entries = listed["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), deliveries.len(), "{listed:#}");
    let mut raw = BTreeSet::new();
    for entry in entries {
        assert_eq!(entry["class"], "not-understood", "{entry}");
        assert!(entry["connector"].as_str().unwrap().starts_with("stripe "), "{entry}");
        let delivery = hub.api.json(&format!("/v1/deliveries/dlv_{}", entry["delivery"])).await;
        assert_eq!(delivery["fate"], "quarantined");
        raw.insert(match delivery["body"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => {
                use base64::Engine as _;
                let text = delivery["body_base64"].as_str().expect("bytes");
                base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
            }
        });
    }
    assert_eq!(raw, deliveries.clone().into(), "the raw bytes are not what was sent");
    let reasons: Vec<&str> = entries.iter().filter_map(|e| e["reason"].as_str()).collect();
    assert!(reasons.iter().any(|r| r.contains("payment_intent.teleported")), "{reasons:?}");
    assert_eq!(count(&told(&hub).await, "delivery.quarantined"), deliveries.len());
    assert_eq!(count(&told(&hub).await, "payment.succeeded"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_is_one_event_twice_in_a_row_and_fifty_times_at_once() {
    let hub = hub().await;
    let first = body("evt_twice", "pay_1");
    for _ in 0..2 {
        hub.api.stripe_hook(ID, SECRET, &first).await.expect(200);
    }
    assert_eq!(told(&hub).await.len(), 1);

    let body = body("evt_fifty", "pay_2");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (api, body) = (hub.api.clone(), body.clone());
        calls.spawn(async move { api.stripe_hook(ID, SECRET, &body).await.status });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers, vec![200; 50]);
    let events = told(&hub).await;
    assert_eq!(events.iter().filter(|e| e["vendorevent"] == "evt_fifty").count(), 1);
    assert_eq!(events.len(), 2, "and nothing else: {events:#?}");
    let connection = hub.api.json(&format!("/v1/connections/{ID}")).await;
    assert_eq!((&connection["accepted"], &connection["duplicates"]), (&json!(2), &json!(50)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_event_with_another_content_is_flagged_and_not_applied() {
    let hub = hub().await;
    hub.api.stripe_hook(ID, SECRET, &body("evt_1", "pay_1")).await.expect(200);
    let other = stripe::succeeded("evt_1", "pay_1", 99_999).to_string().into_bytes();
    for _ in 0..2 {
        hub.api.stripe_hook(ID, SECRET, &other).await.expect(200);
    }
    let events = told(&hub).await;
    assert_eq!(count(&events, "payment.succeeded"), 1);
    assert_eq!(events[0]["data"]["amount"]["amount"], "100.00", "the first one stands");
    let conflicts: Vec<_> = events.iter().filter(|e| e["type"] == "delivery.conflict").collect();
    assert_eq!(conflicts.len(), 1, "said once: {events:#?}");
    assert_eq!(conflicts[0]["data"]["vendor_event"], "evt_1");
    assert_eq!(conflicts[0]["data"]["first"], events[0]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_allows_unsigned_says_so_in_its_events() {
    let stripe = Connection::stripe("unsigned", SECRET).line("allow_unsigned = true");
    let hub = Setup::new().with(stripe).start().await;
    hub.api.hook("unsigned", &[], &body("evt_1", "pay_1")).await.expect(200);
    let events = hub.api.events("connection=unsigned").await;
    assert_eq!(events[0]["verified"], "none");
    // A signature that is there must still be right.
    let wrong = sign::stripe("whsec_of_someone_else", sign::now_s(), b"x");
    hub.api
        .hook("unsigned", &[("stripe-signature", &wrong)], &body("evt_2", "pay_2"))
        .await
        .expect(401);
}
