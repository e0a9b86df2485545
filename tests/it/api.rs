//! The API's own promises: idempotency, paging, filters, the form of errors.
use crate::harness::{Connection, Hub, Setup, count, sign, stripe};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

async fn hub() -> Hub {
    Setup::new().start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_a_key_and_the_same_key_is_the_same_change() {
    let hub = hub().await;
    let before = hub.api.events("").await.len();
    let body = json!({ "entity": "acme", "country": "DE" });
    for path in [
        "/v1/clients",
        "/v1/deposits",
        "/v1/facts",
        "/v1/clients/cl-1/kyc",
        "/v1/quarantine/q_1/replay",
        "/v1/quarantine/q_1/discard",
        "/v1/accounts/a:1/credentials",
    ] {
        for key in [None, Some("")] {
            let mut request = hub.api.request(Method::POST, path).body(body.to_string());
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let answer = hub.api.send(request).await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.text());
            assert!(answer.text().contains("Idempotency-Key"), "{path}: {}", answer.text());
        }
    }
    assert_eq!(hub.api.events("").await.len(), before);

    let first = hub.api.post("/v1/clients", "key-1", &body).await.expect(201);
    let again = hub.api.post("/v1/clients", "key-1", &body).await.expect(201);
    assert_eq!(first.text(), again.text());
    assert_eq!(count(&hub.api.events("").await, "client.registered"), 1);

    let other = json!({ "entity": "acme", "country": "FR" });
    let refused = hub.api.post("/v1/clients", "key-1", &other).await.expect(422);
    assert_eq!(refused.json()["code"], "idempotency-key-reused");
    assert_eq!(count(&hub.api.events("").await, "client.registered"), 1);
    // The same key for another call is another thing.
    let second = hub.api.post("/v1/clients", "key-2", &body).await.expect(201);
    assert_ne!(first.json()["client"], second.json()["client"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_once_is_one_change_and_survives_a_crash() {
    let mut hub = hub().await;
    let body = json!({ "entity": "acme", "country": "DE" });
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (api, body) = (hub.api.clone(), body.clone());
        calls
            .spawn(async move { api.post("/v1/clients", "key-1", &body).await.expect(201).text() });
    }
    let answers: BTreeSet<String> = calls.join_all().await.into_iter().collect();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    hub.kill9().await;
    hub.start_again().await;
    let again = hub.api.post("/v1/clients", "key-1", &body).await.expect(201).text();
    assert!(answers.contains(&again), "{again}");
    assert_eq!(count(&hub.api.events("").await, "client.registered"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_problem_details() {
    let hub = hub().await;
    let post = |path: &'static str, body: &'static str| {
        let request = hub.api.request(Method::POST, path).header("idempotency-key", path);
        hub.api.send(request.body(body))
    };
    let cases = [
        (404, hub.api.get("/v1/clients/nobody").await),
        (404, hub.api.get("/v1/events/evt_999").await),
        (404, hub.api.get("/v1/events/nonsense").await),
        (404, hub.api.get("/v1/no/such/call").await),
        (404, hub.api.get("/nothing").await),
        (400, hub.api.get("/v1/events?colour=red").await),
        (400, hub.api.get("/v1/events?since=yesterday").await),
        (400, hub.api.get("/v1/events?after=nonsense").await),
        (400, post("/v1/clients", "{").await),
        (400, post("/v1/clients", r#"{"entity":"acme","country":"Germany"}"#).await),
        (400, post("/v1/clients", r#"{"entity":"acme","country":"DE","colour":1}"#).await),
        (
            400,
            post(
                "/v1/deposits",
                r#"{"client":"cl-1","amount":{"amount":"-1","currency":"EUR"},"method":"card"}"#,
            )
            .await,
        ),
        (400, post("/v1/facts", r#"{"type":"payment.succeeded","data":{}}"#).await),
        (422, post("/v1/facts", r#"{"type":"challenge.purchased","data":{}}"#).await),
    ];
    for (status, answer) in cases {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|t| !t.is_empty()), "{member}: {problem}");
        }
    }
}

/// Sequences of the pages of a query, in one order.
async fn walk(hub: &Hub, order: &str, limit: usize, query: &str) -> Vec<u64> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/events?order={order}&limit={limit}{after}&{query}");
        let page = hub.api.json(&path).await;
        let events = page["events"].as_array().expect("events");
        assert!(events.len() <= limit);
        all.extend(events.iter().map(|e| e["sequence"].as_u64().expect("a sequence")));
        match page["next"].as_u64() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_a_gap_or_a_double_both_ways() {
    let hub = hub().await;
    for n in 0..40 {
        hub.api.register(&format!("cl-{n}"), "acme").await.expect(201);
    }
    let last = hub.api.json("/readyz").await["last"].as_u64().expect("a position");
    let upwards: Vec<u64> = (1..=last).collect();
    let downwards: Vec<u64> = (1..=last).rev().collect();
    for limit in [1, 7, 50, 500] {
        assert_eq!(walk(&hub, "asc", limit, "").await, upwards, "{limit} a page");
        assert_eq!(walk(&hub, "desc", limit, "").await, downwards, "{limit} a page");
    }
    // The same through an index, as through the whole log.
    let all = hub.api.events("").await;
    let registered: Vec<u64> = all
        .iter()
        .filter(|e| e["type"] == "client.registered")
        .map(|e| e["sequence"].as_u64().expect("a sequence"))
        .collect();
    assert_eq!(registered.len(), 40);
    for limit in [1, 7, 40, 41] {
        assert_eq!(walk(&hub, "asc", limit, "type=client.registered").await, registered);
        let mut backwards = walk(&hub, "desc", limit, "type=client.registered").await;
        backwards.reverse();
        assert_eq!(backwards, registered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_give_what_they_name_and_nothing_else() {
    let connection = Connection::stripe("stripe-eu", "whsec_1").line("entity = \"acme-eu\"");
    let hub = Setup::new().with(connection).start().await;
    for (client, entity) in [("cl-1", "acme-eu"), ("cl-2", "acme-uk")] {
        hub.api.register(client, entity).await.expect(201);
    }
    let middle = jiff::Timestamp::now();
    for n in 1..=2 {
        let body = stripe::succeeded(&format!("evt_{n}"), &format!("pay_{n}"), 100).to_string();
        hub.api.stripe_hook("stripe-eu", "whsec_1", body.as_bytes()).await.expect(200);
    }
    let types = async |query: &str| -> Vec<String> {
        let events = hub.api.events(query).await;
        events.iter().map(|e| e["type"].as_str().expect("a type").to_owned()).collect()
    };
    assert_eq!(types("type=payment.succeeded").await, ["payment.succeeded"; 2]);
    assert_eq!(types("type=payment.").await, ["payment.succeeded"; 2]);
    assert_eq!(types("type=payment.*").await, ["payment.succeeded"; 2]);
    assert!(types("type=payment").await.is_empty(), "the beginning of a word is not a type");
    assert_eq!(types("subject=payment/pay_2").await, ["payment.succeeded"]);
    assert_eq!(types("connection=stripe-eu&type=payment.").await.len(), 2);
    assert!(types("connection=nobody").await.is_empty());
    assert_eq!(types("text=EVT_2&type=payment.").await.len(), 1, "in any case");
    let of_client = hub.api.events("client=cl-1").await;
    assert!(!of_client.is_empty() && of_client.iter().all(|e| !e.to_string().contains("cl-2")));
    let of_entity = hub.api.events("entity=acme-uk").await;
    assert!(of_entity.iter().all(|e| e["entity"] == "acme-uk") && !of_entity.is_empty());
    assert_eq!(count(&hub.api.events("entity=acme-eu").await, "payment.succeeded"), 2);
    assert_eq!(types(&format!("until={middle}&type=client.registered")).await.len(), 2);
    assert!(types(&format!("since={middle}&type=client.registered")).await.is_empty());
    let path = "/v1/clients/cl-1/events?type=client.registered";
    assert_eq!(hub.api.json(path).await["events"].as_array().expect("a list").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_events_causes_and_effects_are_told() {
    let hub = hub().await;
    hub.api.register("cl-1", "acme").await.expect(201);
    let body = json!({ "client": "cl-1", "amount": { "amount": "5", "currency": "EUR" }, "method": "card" });
    hub.api.post("/v1/deposits", "d-1", &body).await.expect(201);
    // With no route, the decision says so, and the deposit fails.
    let failed = hub.api.until_event("deposit.failed", |_| true).await;
    let id = failed["id"].as_str().expect("an id");
    let trace = hub.api.json(&format!("/v1/events/{id}/trace")).await;
    let causes = trace["causes"].as_array().expect("causes");
    let root = causes.last().expect("a cause");
    assert_eq!(root["type"], "deposit.requested", "{trace:#}");
    let root_id = root["id"].as_str().expect("an id");
    let effects = hub.api.json(&format!("/v1/events/{root_id}/trace")).await["effects"].to_string();
    assert!(effects.contains("payment.routed") && effects.contains("deposit.failed"), "{effects}");
    let one = hub.api.json(&format!("/v1/events/{id}")).await;
    assert_eq!(one, failed);
    let time: jiff::Timestamp = one["time"].as_str().expect("a time").parse().expect("RFC 3339");
    assert!((time.as_second() - sign::now_s()).abs() < 120, "{time}");
}
