//! Each fault as a plain client sees it, what it leaves in the books, and the control API.

use std::time::Duration;

use hub_simulators::stripe::{StripeConfig, StripeSim};
use hub_simulators::{Fault, Faults, Rule};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{PATIENCE, Receiver, client};

async fn sim() -> StripeSim {
    StripeSim::start(StripeConfig::default()).await.unwrap()
}

async fn pay(sim: &StripeSim, key: &str) -> reqwest::Result<reqwest::Response> {
    let form = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("return_url", "https://shop.example/back"),
        ("metadata[payment_id]", "pay_1"),
    ];
    let url = format!("{}/v1/payment_intents", sim.base_url());
    client()
        .post(url)
        .bearer_auth("sk_test_simulated")
        .header("idempotency-key", key)
        .form(&form)
        .send()
        .await
}

/// What a client gets, and how often the card was charged.
async fn outcome(fault: Fault) -> (Result<(u16, String), &'static str>, usize) {
    let sim = sim().await;
    sim.faults().add(Rule::next("create-payment", 1, fault));
    let got = match pay(&sim, "key").await {
        Err(_) => Err("no answer"),
        Ok(response) => {
            let status = response.status().as_u16();
            response.text().await.map(|body| (status, body)).map_err(|_| "no whole body")
        }
    };
    let charged =
        sim.books().payments.iter().map(hub_simulators::stripe::PaymentBook::times_charged).sum();

    // Whatever happened, the same key settles it: one payment, charged once.
    let retried = pay(&sim, "key").await.unwrap();
    assert_eq!(retried.headers().contains_key("idempotent-replayed"), charged == 1);
    assert_eq!(retried.status(), 200);
    assert_eq!(sim.books().payments.len(), 1);
    assert_eq!(sim.books().payments[0].times_charged(), 1);
    (got, charged)
}

#[tokio::test]
async fn faults_before_acting_leave_the_books_untouched() {
    let short = Duration::from_millis(30);
    assert_eq!(outcome(Fault::TimeoutBeforeActing(short)).await, (Err("no answer"), 0));
    assert_eq!(outcome(Fault::ResetConnection).await, (Err("no answer"), 0));
    let (got, charged) = outcome(Fault::Status { status: 503, retry_after_s: None }).await;
    let (status, body) = got.unwrap();
    assert_eq!((status, charged), (503, 0));
    assert!(body.contains(r#""type":"api_error""#), "the vendor's own error: {body}");
}

#[tokio::test]
async fn faults_after_acting_leave_the_books_as_a_success_does() {
    let short = Duration::from_millis(30);
    assert_eq!(outcome(Fault::TimeoutAfterActing(short)).await, (Err("no answer"), 1));
    assert_eq!(outcome(Fault::ResetAfterActing).await, (Err("no answer"), 1));
    assert_eq!(outcome(Fault::TruncatedBody).await, (Err("no whole body"), 1));
    let (got, charged) = outcome(Fault::StatusAfterActing { status: 502 }).await;
    assert_eq!((got.unwrap().0, charged), (502, 1));
    let (got, charged) = outcome(Fault::GarbageBody).await;
    let (status, body) = got.unwrap();
    assert_eq!((status, charged), (200, 1));
    assert!(serde_json::from_str::<Value>(&body).is_err());
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_truncated_body_is_shorter_than_it_says() {
    let exchange = async |fault| {
        let sim = sim().await;
        sim.faults().add(Rule::next("get-balance", 1, fault));
        let address = sim.base_url().replace("http://", "");
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "GET /v1/balance HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer sk_test_simulated\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = vec![];
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut got))
            .await
            .expect("the connection ends");
        (ended, String::from_utf8(got).unwrap())
    };
    let (ended, got) = exchange(Fault::ResetConnection).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(got, "");
    let (ended, got) = exchange(Fault::TruncatedBody).await;
    ended.unwrap();
    let (head, body) = got.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
}

#[tokio::test]
async fn a_slow_body_is_whole_in_the_end() {
    let start = tokio::time::Instant::now();
    let (got, charged) = outcome(Fault::SlowBody(Duration::from_millis(80))).await;
    let (status, body) = got.unwrap();
    assert_eq!((status, charged), (200, 1));
    assert!(start.elapsed() >= Duration::from_millis(80));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let sim = sim().await;
    sim.faults().add(Rule::next(
        "create-payment",
        1,
        Fault::Status { status: 429, retry_after_s: Some(7) },
    ));
    let response = pay(&sim, "key").await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "rate_limit");
}

#[test]
fn rules_count_what_matches() {
    let faults = Faults::new(7);
    let reset = || Fault::ResetConnection;
    let nth = faults.add(Rule::nth("pay", 2, reset()).containing("pay_9"));
    let picks: Vec<bool> = ["pay_9", "pay_1", "pay_9", "pay_9"]
        .iter()
        .map(|text| faults.pick("pay", text).is_some())
        .collect();
    assert_eq!(picks, [false, false, true, false]);
    assert_eq!((faults.call_rules()[0].seen, faults.call_rules()[0].applied), (3, 1));
    assert!(faults.pick("refund", "pay_9").is_none());
    assert!(faults.remove(nth) && !faults.remove(nth));

    faults.add(Rule::next("*", 2, reset()));
    let picks = (0..4).map(|_| faults.pick("anything", "").is_some()).collect::<Vec<_>>();
    assert_eq!(picks, [true, true, false, false]);
}

#[test]
fn chance_follows_the_seed() {
    let draw = |seed| {
        let faults = Faults::new(seed);
        faults.add(Rule::probability("pay", 0.3, Fault::GarbageBody));
        (0..1000).map(|_| faults.pick("pay", "").is_some()).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let share = draw(1).iter().filter(|hit| **hit).count();
    assert!((200..400).contains(&share), "{share} of 1000 at 0.3");
}

#[tokio::test]
async fn another_process_can_steer() {
    let sim = sim().await;
    let receiver = Receiver::start().await;
    let (http, base) = (client(), sim.base_url());
    let rule = json!({"call": {"operation": "create-payment", "when": {"next": 1},
        "fault": {"status": {"status": 500, "retry_after_s": null}}}});
    let added: Value = http
        .post(format!("{base}/_sim/faults"))
        .json(&rule)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let hook = json!({"webhook": {"operation": "payment_intent.succeeded", "when": "always",
        "fault": {"duplicate": {"times": 1}}}});
    http.post(format!("{base}/_sim/faults"))
        .json(&hook)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let url = json!({"url": receiver.url()});
    http.post(format!("{base}/_sim/webhook-url"))
        .json(&url)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();

    assert_eq!(pay(&sim, "a").await.unwrap().status(), 500);
    assert_eq!(pay(&sim, "a").await.unwrap().status(), 200);
    receiver
        .until("the duplicate", |all| {
            all.iter()
                .filter(|delivery| delivery.json()["type"] == "payment_intent.succeeded")
                .count()
                == 2
        })
        .await;

    let get = |path: &str| http.get(format!("{base}/_sim/{path}")).send();
    let books: Value = get("books").await.unwrap().json().await.unwrap();
    assert_eq!(books["payments"][0]["metadata"]["payment_id"], "pay_1");
    let rules: Value = get("faults").await.unwrap().json().await.unwrap();
    assert_eq!(rules["calls"][0]["id"], added["id"]);
    assert_eq!(rules["calls"][0]["applied"], 1);
    let deliveries: Value = get("deliveries").await.unwrap().json().await.unwrap();
    assert!(deliveries["sent"].as_u64().unwrap() >= 2);
    http.delete(format!("{base}/_sim/faults")).send().await.unwrap().error_for_status().unwrap();
    assert!(sim.faults().call_rules().is_empty() && sim.faults().webhook_rules().is_empty());
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let sim = sim().await;
    let base = sim.base_url();
    let address = base.trim_start_matches("http://").parse().unwrap();
    sim.stop().await;
    let again =
        StripeSim::start(StripeConfig { bind: address, ..StripeConfig::default() }).await.unwrap();
    assert_eq!(again.base_url(), base);
}
