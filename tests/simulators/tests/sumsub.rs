//! The Sumsub simulator, driven over HTTP as a client drives Sumsub.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, Mac};
use hub_simulators::sumsub::{
    DigestAlg, NoSuchChange, Review, ReviewStatus, SumsubConfig, SumsubSim,
};
use hub_simulators::{Clock, Fault, Rule, SenderConfig, Server, WebhookFault, http_client};
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::Sha256;

const WAIT: Duration = Duration::from_secs(10);

/// Fast retries, for tests.
fn config() -> SumsubConfig {
    SumsubConfig {
        sender: SenderConfig {
            backoff_min: Duration::from_millis(10),
            backoff_max: Duration::from_millis(50),
            reorder_hold: Duration::from_secs(5),
            ..SenderConfig::default()
        },
        ..SumsubConfig::default()
    }
}

/// A client that signs as Sumsub documents, written for the test: nothing of the simulator's own signing is used.
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    secret: String,
    skew_s: i64,
}

impl Client {
    fn of(sim: &SumsubSim) -> Self {
        let config = config();
        Self {
            http: http_client(Duration::from_secs(5)).unwrap(),
            base: sim.base_url(),
            token: config.app_token,
            secret: config.secret_key,
            skew_s: 0,
        }
    }

    fn request(&self, method: Method, path: &str, body: &str) -> RequestBuilder {
        let ts = (Timestamp::now().as_second() + self.skew_s).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(format!("{ts}{method}{path}{body}").as_bytes());
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("X-App-Token", &self.token)
            .header("X-App-Access-Ts", ts)
            .header("X-App-Access-Sig", hex::encode(mac.finalize().into_bytes()))
            .header("Content-Type", "application/json")
            .body(body.to_owned())
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path, &body.to_string()).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, "").send().await.unwrap()
    }

    async fn create(&self, external_id: &str) -> Response {
        let body = json!({ "externalUserId": external_id, "email": "a@example.com",
            "fixedInfo": { "firstName": "Ann", "country": "CYP", "dob": "1990-02-28" } });
        self.post("/resources/applicants?levelName=basic-kyc-level", body).await
    }
}

async fn parts(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// A receiver of webhooks that keeps all it gets, and answers 200 or what it is told to.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Inbox {
    async fn start(&self, bind: SocketAddr, status: StatusCode) -> Server {
        let inbox = self.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            inbox.0.lock().unwrap().push((headers, body));
            status
        };
        Server::start(bind, Router::new().route("/hooks", post(take))).await.unwrap()
    }

    fn bodies(&self) -> Vec<Value> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter_map(|(_, body)| serde_json::from_slice(body).ok())
            .collect()
    }

    fn types(&self) -> Vec<String> {
        self.bodies().iter().map(|b| b["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether each delivery's digest is right, computed here from the raw body.
    fn valid(&self, secret: &str) -> Vec<bool> {
        let check = |(headers, body): &(HeaderMap, Bytes)| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(body);
            headers["x-payload-digest"] == hex::encode(mac.finalize().into_bytes())
        };
        self.0.lock().unwrap().iter().map(check).collect()
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Waits until `done`, and fails with `what` when it never is.
async fn until(what: &str, done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < WAIT, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn with_receiver() -> (SumsubSim, Client, Inbox, Server) {
    let sim = SumsubSim::start(config()).await.unwrap();
    let inbox = Inbox::default();
    let server = inbox.start(loopback(), StatusCode::OK).await;
    sim.set_webhook_url(format!("{}/hooks", server.base_url()));
    let client = Client::of(&sim);
    (sim, client, inbox, server)
}

#[tokio::test]
async fn an_applicant_from_creation_to_approval_and_back() {
    let (sim, client, inbox, _receiver) = with_receiver().await;
    let (status, created) = parts(client.create("acct:7/8 9").await).await;
    assert_eq!(status, 200);
    let id = created["id"].as_str().unwrap();
    assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    assert_eq!(created["review"]["reviewStatus"], "init");
    assert_eq!(created["externalUserId"], "acct:7/8 9");
    assert_eq!(created["fixedInfo"]["country"], "CYP");

    let (_, by_external) =
        parts(client.get("/resources/applicants/-;externalUserId=acct%3A7%2F8%209/one").await)
            .await;
    assert_eq!(by_external["id"], id);
    sim.pending("acct:7/8 9").unwrap();
    sim.review(id, Review::Green).unwrap();
    let (_, state) = parts(client.get(&format!("/resources/applicants/{id}/status")).await).await;
    assert_eq!(state["reviewStatus"], "completed");
    assert_eq!(state["reviewResult"], json!({ "reviewAnswer": "GREEN" }));

    sim.review(id, Review::RedFinal { labels: vec!["FORGERY".into()] }).unwrap();
    assert_eq!(sim.pending(id), Err(NoSuchChange::RejectedForGood(id.into())));
    sim.quiesce(WAIT).await.unwrap();

    let mut types = inbox.types();
    types.sort();
    assert_eq!(
        types,
        ["applicantCreated", "applicantPending", "applicantReviewed", "applicantReviewed"]
    );
    let secret = config().webhook_secret;
    assert_eq!(inbox.valid(&secret), [true; 4]);
    assert_eq!(inbox.valid("another secret"), [false; 4]);
    assert!(
        inbox.0.lock().unwrap().iter().all(|(h, _)| h["x-payload-digest-alg"] == "HMAC_SHA256_HEX")
    );
    let red =
        inbox.bodies().into_iter().find(|b| b["reviewResult"]["reviewAnswer"] == "RED").unwrap();
    assert_eq!(red["reviewResult"]["reviewRejectType"], "FINAL");
    assert_eq!(red["applicantId"], id);

    let books = sim.books();
    assert_eq!(books.applicant(id).unwrap().status, ReviewStatus::Completed);
    assert_eq!(books.applicants.len(), 1);
    assert_eq!(sim.deliveries().acknowledged, 4);
    sim.stop().await;
}

#[tokio::test]
async fn the_second_creation_is_a_conflict_that_names_the_first() {
    let sim = SumsubSim::start(config()).await.unwrap();
    let client = Client::of(&sim);
    let (_, first) = parts(client.create("x").await).await;
    let (status, second) = parts(client.create("x").await).await;
    assert_eq!(status, 409);
    assert_eq!(second["code"], 409);
    let expected = format!(
        "Applicant with external user id 'x' already exists: {}",
        first["id"].as_str().unwrap()
    );
    assert_eq!(second["description"], expected);
    assert!(second["correlationId"].is_string());
    let books = sim.books();
    assert_eq!((books.applicants.len(), books.applicants[0].create_calls), (1, 2));
}

#[tokio::test]
async fn only_a_right_signature_gets_in() {
    let sim = SumsubSim::start(config()).await.unwrap();
    let good = Client::of(&sim);
    let refused = |client: Client| async move { parts(client.create("x").await).await };

    let (status, body) = refused(Client { token: "sbx:other".into(), ..Client::of(&sim) }).await;
    assert_eq!((status, &body["errorName"]), (401, &json!("app-token-private-part-mismatch")));
    let (status, body) = refused(Client { secret: "other".into(), ..Client::of(&sim) }).await;
    assert_eq!((status, &body["errorName"]), (401, &json!("app-token-signature-mismatch")));
    for skew_s in [-70, 70] {
        let (status, body) = refused(Client { skew_s, ..Client::of(&sim) }).await;
        assert_eq!(
            (status, &body["errorName"]),
            (401, &json!("app-token-request-expired")),
            "{skew_s}"
        );
    }
    let unsigned =
        good.http.get(format!("{}/resources/applicants/x/one", good.base)).send().await.unwrap();
    assert_eq!(parts(unsigned).await.0, 401);

    // What is signed is the path with its query, and the body: changing either after signing is noticed.
    let path = "/resources/applicants?levelName=basic-kyc-level";
    let body = json!({ "externalUserId": "x" }).to_string();
    let tampered = good.request(Method::POST, path, &body).body(body.replace('x', "y"));
    assert_eq!(tampered.send().await.unwrap().status(), 401);
    let mut moved = good.request(Method::POST, path, &body).build().unwrap();
    moved.url_mut().set_query(Some("levelName=other"));
    assert_eq!(good.http.execute(moved).await.unwrap().status(), 401);

    assert_eq!(sim.books().applicants, []);
    let late = Client { skew_s: -50, ..Client::of(&sim) };
    assert_eq!(late.create("x").await.status(), 200);
}

#[tokio::test]
async fn malformed_requests_get_sumsubs_errors() {
    let sim = SumsubSim::start(config()).await.unwrap();
    let client = Client::of(&sim);
    let path = "/resources/applicants?levelName=basic-kyc-level";
    let cases = [
        ("/resources/applicants", json!({ "externalUserId": "x" }), 400),
        ("/resources/applicants?levelName=Basic-KYC-Level", json!({ "externalUserId": "x" }), 404),
        (path, json!({}), 400),
        (path, json!({ "externalUserId": 7 }), 400),
        (path, json!(["externalUserId"]), 400),
        (path, json!({ "externalUserId": "x", "fixedInfo": { "country": "CY" } }), 400),
        (path, json!({ "externalUserId": "x", "fixedInfo": { "dob": "28.02.1990" } }), 400),
        (path, json!({ "externalUserId": "x", "email": "nobody" }), 400),
        ("/resources/nowhere", json!({}), 404),
        ("/resources/applicants/5cb56e8e0a975a35f333cb83/status/pending", json!({}), 404),
    ];
    for (path, body, expected) in cases {
        let (status, answer) = parts(client.post(path, body.clone()).await).await;
        assert_eq!(
            (status, &answer["code"]),
            (expected, &json!(expected)),
            "{path} {body}: {answer}"
        );
    }
    let (status, _) =
        parts(client.get("/resources/applicants/-;externalUserId=nobody/one").await).await;
    assert_eq!(status, 404);
    let plain = client.request(Method::POST, path, "{").send().await.unwrap();
    assert_eq!(plain.status(), 400);
    assert_eq!(sim.books().applicants, []);
}

#[tokio::test]
async fn links_and_tokens_in_both_documented_forms() {
    let (sim, client, inbox, _receiver) = with_receiver().await;
    let body = json!({ "levelName": "basic-kyc-level", "userId": "u1", "ttlInSecs": 1800 });
    let (status, link) =
        parts(client.post("/resources/sdkIntegrations/levels/-/websdkLink", body.clone()).await)
            .await;
    assert_eq!(status, 200);
    let old = "/resources/sdkIntegrations/levels/basic-kyc-level/websdkLink?externalUserId=u1&ttlInSecs=60";
    assert!(parts(client.post(old, json!({})).await).await.1["url"].is_string());
    let (_, token) = parts(client.post("/resources/accessTokens/sdk", body).await).await;
    assert_eq!(token["userId"], "u1");
    let old = "/resources/accessTokens?userId=u1&levelName=basic-kyc-level&ttlInSecs=600";
    assert!(parts(client.post(old, json!({})).await).await.1["token"].is_string());
    let bad = json!({ "levelName": "basic-kyc-level", "userId": "u1", "ttlInSecs": -1 });
    assert_eq!(client.post("/resources/accessTokens/sdk", bad).await.status(), 400);

    // The client opens the link: the applicant is made, and hands in at once.
    let opened = client.http.get(link["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(opened.status(), 200);
    sim.quiesce(WAIT).await.unwrap();
    let mut types = inbox.types();
    types.sort();
    assert_eq!(types, ["applicantCreated", "applicantPending"]);
    assert_eq!(sim.books().applicant("u1").unwrap().status, ReviewStatus::Pending);
    let gone = client.http.get(format!("{}/websdk/p/_act-none", client.base)).send().await.unwrap();
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn the_sandbox_review_call_reviews() {
    let sim = SumsubSim::start(config()).await.unwrap();
    let client = Client::of(&sim);
    let (_, created) = parts(client.create("x").await).await;
    let path =
        format!("/resources/applicants/{}/status/testCompleted", created["id"].as_str().unwrap());
    let red = json!({ "reviewAnswer": "RED", "reviewRejectType": "RETRY", "rejectLabels": ["SCREENSHOTS"] });
    assert_eq!(client.post(&path, red).await.status(), 200);
    let expected = Review::RedRetry { labels: vec!["SCREENSHOTS".into()] };
    assert_eq!(sim.books().applicants[0].review, Some(expected));
    assert_eq!(client.post(&path, json!({ "reviewAnswer": "RED" })).await.status(), 400);
}

#[tokio::test]
async fn each_fault_leaves_the_books_as_it_says() {
    let sim = SumsubSim::start(config()).await.unwrap();
    let client = Client::of(&sim);
    let attempt = |external_id: &'static str| {
        let body = json!({ "externalUserId": external_id }).to_string();
        client
            .request(Method::POST, "/resources/applicants?levelName=basic-kyc-level", &body)
            .send()
    };
    let exists = |external_id: &str| sim.books().applicant(external_id).is_some();
    let fault = |fault: Fault| sim.faults().add(Rule::next("create-applicant", 1, fault));

    fault(Fault::Decline { code: "1009".into() });
    let (status, body) = parts(attempt("declined").await.unwrap()).await;
    assert_eq!((status, &body["errorCode"]), (409, &json!(1009)));
    assert!(!exists("declined"));

    sim.faults().clear();
    fault(Fault::Status { status: 429, retry_after_s: Some(3) });
    let busy = attempt("busy").await.unwrap();
    assert_eq!(
        (busy.status().as_u16(), &busy.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    assert!(!exists("busy"));

    for (name, rule, acted) in [
        ("reset", Fault::ResetConnection, false),
        ("before", Fault::TimeoutBeforeActing(Duration::from_millis(30)), false),
        ("after", Fault::TimeoutAfterActing(Duration::from_millis(30)), true),
        ("reset-after", Fault::ResetAfterActing, true),
    ] {
        sim.faults().clear();
        fault(rule);
        attempt(name).await.expect_err(name);
        assert_eq!(exists(name), acted, "{name}");
    }
    for (name, rule) in [("garbage", Fault::GarbageBody), ("truncated", Fault::TruncatedBody)] {
        sim.faults().clear();
        fault(rule);
        attempt(name).await.unwrap().json::<Value>().await.expect_err(name);
        assert!(exists(name), "{name}");
    }
    sim.faults().clear();
    fault(Fault::SlowBody(Duration::from_millis(40)));
    let (status, body) = parts(attempt("slow").await.unwrap()).await;
    assert_eq!((status, &body["externalUserId"]), (200, &json!("slow")));
}

#[tokio::test]
async fn webhooks_wait_for_a_receiver_that_is_down_or_failing() {
    let sim = SumsubSim::start(config()).await.unwrap();
    // A port that is free: its listener has just been closed.
    let inbox = Inbox::default();
    let port = inbox.start(loopback(), StatusCode::OK).await;
    let addr = port.addr();
    port.stop().await;

    sim.set_webhook_url(format!("http://{addr}/hooks"));
    Client::of(&sim).create("x").await;
    until("a refused attempt", || sim.deliveries().unanswered >= 2).await;
    assert!(sim.quiesce(Duration::from_millis(20)).await.is_err());

    let failing = inbox.start(addr, StatusCode::SERVICE_UNAVAILABLE).await;
    until("an attempt answered 503", || {
        sim.deliveries().by_status.get(&503).is_some_and(|n| *n >= 2)
    })
    .await;
    failing.stop().await;
    assert_eq!(sim.deliveries().acknowledged, 0);

    let _up = inbox.start(addr, StatusCode::OK).await;
    sim.quiesce(WAIT).await.unwrap();
    let deliveries = sim.deliveries();
    assert_eq!((deliveries.acknowledged, deliveries.pending, deliveries.given_up), (1, 0, 0));
    let ids: Vec<Value> = inbox.bodies().iter().map(|b| b["correlationId"].clone()).collect();
    assert!(
        ids.len() >= 3 && ids.iter().all(|id| *id == ids[0]),
        "the same message each time: {ids:?}"
    );
}

#[tokio::test]
async fn webhooks_duplicated_reordered_forged_and_dropped() {
    let (sim, client, inbox, _receiver) = with_receiver().await;
    let secret = config().webhook_secret;

    sim.faults().add_webhook(Rule::next("applicantCreated", 1, WebhookFault::Reorder));
    sim.faults().add_webhook(Rule::next(
        "applicantPending",
        1,
        WebhookFault::Duplicate { times: 1 },
    ));
    client.create("x").await;
    sim.pending("x").unwrap();
    sim.quiesce(WAIT).await.unwrap();
    assert_eq!(inbox.types()[0], "applicantPending", "the held one comes after");
    let twice =
        inbox.bodies().into_iter().filter(|b| b["type"] == "applicantPending").collect::<Vec<_>>();
    assert_eq!((twice.len(), &twice[0]), (2, &twice[1]));

    inbox.0.lock().unwrap().clear();
    sim.faults().clear();
    sim.faults().add_webhook(Rule::next("applicantReviewed", 1, WebhookFault::WrongSignature));
    sim.faults().add_webhook(Rule::next("applicantOnHold", 1, WebhookFault::Drop));
    sim.review("x", Review::Green).unwrap();
    sim.hold("x").unwrap();
    sim.quiesce(WAIT).await.unwrap();
    // This receiver checks nothing, so it acknowledged the forgery; the counters say so.
    assert_eq!(inbox.valid(&secret), [false]);
    let deliveries = sim.deliveries();
    assert_eq!((deliveries.damaged_acknowledged, deliveries.dropped), (1, 1));
}

#[tokio::test]
async fn digests_by_algorithm() {
    // RFC 4231 (SHA-2) and RFC 2202 (SHA-1), test case 2.
    let (key, data) = ("Jefe", b"what do ya want for nothing?");
    assert_eq!(DigestAlg::Sha1.digest(key, data), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_eq!(
        DigestAlg::Sha256.digest(key, data),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert!(
        DigestAlg::Sha512
            .digest(key, data)
            .starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610")
    );
}

#[tokio::test]
async fn another_process_can_steer_it() {
    let sim = SumsubSim::start(SumsubConfig { clock: Clock::system(), ..config() }).await.unwrap();
    let client = Client::of(&sim);
    client.create("x").await;
    let change = |body: Value| {
        client.http.post(format!("{}/_sim/applicants", client.base)).json(&body).send()
    };
    let review =
        json!({ "who": "x", "change": { "review": { "red_final": { "labels": ["FORGERY"] } } } });
    assert_eq!(change(review).await.unwrap().status(), 204);
    assert_eq!(change(json!({ "who": "x", "change": "pending" })).await.unwrap().status(), 409);
    assert_eq!(change(json!({ "who": "y", "change": "pending" })).await.unwrap().status(), 404);
    let books = client.http.get(format!("{}/_sim/books", client.base)).send().await.unwrap();
    let books: Value = books.json().await.unwrap();
    assert_eq!(books["applicants"][0]["status"], "completed");
}
