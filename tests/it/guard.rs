//! Who may call: a token's holder, or, with none configured, programs of this machine.
use crate::harness::{Hub, Setup};
use reqwest::Method;
use serde_json::json;

const TOKEN: &str = "tok_5b1f";

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_configured_nothing_works_without_one() {
    let setup = Setup::new().rules("[[token]]\nname = \"back-office\"\ntoken = \"file:token\"\n");
    setup.write_private("token", TOKEN);
    let hub: Hub = setup.start().await;
    let with = |token: &str| hub.api.with_token(token);
    let body = json!({ "client": "cl-1", "entity": "acme", "country": "DE" });
    for api in [hub.api.clone(), with("tok_5b1"), with("tok_5b1f0"), with("")] {
        for path in ["/v1/events", "/v1/clients", "/v1/deliveries/dlv_1", "/v1/events/stream"] {
            let answer = api.get(path).await.expect(401);
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        api.post("/v1/clients", "key-1", &body).await.expect(401);
    }
    let api = with(TOKEN);
    api.post("/v1/clients", "key-1", &body).await.expect(201);
    let events = api.events("type=client.registered").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["actor"], "back-office");
    // Health and webhooks are for those who cannot have one.
    hub.api.get("/healthz").await.expect(200);
    hub.api.get("/readyz").await.expect(200);
    assert!(!hub.stderr().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_a_web_page_of_elsewhere_cannot_call() {
    let hub = Setup::new().start().await;
    let own = hub.base_url();
    let port = own.rsplit_once(':').expect("a port").1.to_owned();
    let local = format!("127.0.0.1:{port}");
    // DNS rebinding: the page's own name resolves to this machine.
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"] {
        let request = hub.api.request(Method::GET, "/v1/events").header("host", host);
        hub.api.send(request).await.expect(403);
    }
    for origin in
        ["https://evil.example", "null", "http://127.0.0.1:1", &format!("https://{local}.x")]
    {
        let request = hub.api.request(Method::GET, "/v1/events").header("origin", origin);
        hub.api.send(request).await.expect(403);
        let body = r#"{"entity":"acme","country":"DE"}"#;
        let request = hub.api.request(Method::POST, "/v1/clients").header("origin", origin);
        hub.api.send(request.header("idempotency-key", "key-1").body(body)).await.expect(403);
    }
    for (name, value) in [("host", format!("localhost:{port}")), ("origin", own.clone())] {
        let request = hub.api.request(Method::GET, "/v1/events").header(name, value);
        hub.api.send(request).await.expect(200);
    }
    assert!(hub.api.events("type=client.registered").await.is_empty());
}
