//! Stripe's API as a plain form-encoding client sees it.

use std::time::Duration;

use hub_simulators::stripe::{StripeConfig, StripeSim};
use hub_simulators::{Clock, Fault, Rule};
use serde_json::Value;

use crate::support::{PATIENCE, Receiver, client};

type Form<'a> = &'a [(&'a str, &'a str)];

const CARD: Form<'_> = &[
    ("amount", "1000"),
    ("currency", "eur"),
    ("confirm", "true"),
    ("payment_method", "pm_card_visa"),
    ("return_url", "https://shop.example/back"),
];

struct Api(StripeSim);

impl Api {
    async fn start() -> Self {
        Self(StripeSim::start(StripeConfig::default()).await.unwrap())
    }

    async fn post(&self, path: &str, form: Form<'_>) -> (u16, Value) {
        let url = format!("{}{path}", self.0.base_url());
        let response =
            client().post(url).bearer_auth("sk_test_simulated").form(form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.0.base_url());
        let response =
            client().get(url).basic_auth("sk_test_simulated", Some("")).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Pays with changes to [`CARD`]: another value for a field, or one more field.
    async fn pay(&self, changes: Form<'_>) -> (u16, Value) {
        let kept =
            CARD.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let form: Vec<_> =
            kept.chain(changes).copied().filter(|(_, value)| *value != "<none>").collect();
        self.post("/v1/payment_intents", &form).await
    }

    async fn paid(&self, changes: Form<'_>) -> String {
        let (status, payment) = self.pay(changes).await;
        assert_eq!((status, &payment["status"]), (200, &"succeeded".into()), "{payment}");
        payment["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn pays_by_card_and_can_be_read_back() {
    let api = Api::start().await;
    let id = api.paid(&[("metadata[payment_id]", "pay_1"), ("description", "Deposit")]).await;
    let (status, payment) = api.get(&format!("/v1/payment_intents/{id}")).await;
    assert_eq!(status, 200);
    assert_eq!(payment["amount_received"], 1000);
    assert_eq!(payment["metadata"]["payment_id"], "pay_1");
    assert_eq!(payment["last_payment_error"], Value::Null);
    let books = api.0.books();
    assert_eq!(books.payments_with("payment_id", "pay_1").next().unwrap().times_charged(), 1);
    assert_eq!(books.balance["eur"], 1_000_001_000);
}

#[tokio::test]
async fn refuses_a_missing_and_a_wrong_key_and_never_shows_it() {
    let api = Api::start().await;
    let url = format!("{}/v1/balance", api.0.base_url());
    for request in [client().get(&url), client().get(&url).bearer_auth("sk_live_ofsomeoneelse")] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let body = response.text().await.unwrap();
        assert!(body.contains("invalid_request_error") && !body.contains("sk_live"), "{body}");
    }
    assert!(api.0.books().calls.is_empty());
}

#[tokio::test]
async fn is_as_strict_as_stripe_about_parameters() {
    let api = Api::start().await;
    for (changes, code, param) in [
        (&[("amount", "10.00")][..], "parameter_invalid_integer", "amount"),
        (&[("amount", "0")], "parameter_invalid_integer", "amount"),
        (&[("amount", "49")], "amount_too_small", "amount"),
        (&[("amount", "100000000")], "amount_too_large", "amount"),
        (&[("amount", "<none>")], "parameter_missing", "amount"),
        (&[("currency", "")], "parameter_invalid_empty", "currency"),
        (&[("amonut", "1000")], "parameter_unknown", "amonut"),
        (&[("payment_method", "pm_nonsense")], "resource_missing", "payment_method"),
        (&[("currency", "kwd"), ("amount", "1234")], "parameter_invalid_integer", "amount"),
    ] {
        let (status, body) = api.pay(changes).await;
        assert_eq!(status, 400, "{changes:?}: {body}");
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["code"], code, "{changes:?}: {body}");
        assert_eq!(body["error"]["param"], param, "{changes:?}: {body}");
    }
    for changes in [
        &[("currency", "xyz")][..],
        &[("confirm", "yes")],
        &[("return_url", "<none>")],
        &[("metadata[open", "x")],
        &[("metadata[a][b]", "x")],
    ] {
        assert_eq!(api.pay(changes).await.0, 400, "{changes:?}");
    }
    let json = client()
        .post(format!("{}/v1/payment_intents", api.0.base_url()))
        .bearer_auth("sk_test_simulated")
        .json(&serde_json::json!({"amount": 1000, "currency": "eur"}));
    assert_eq!(json.send().await.unwrap().status(), 400, "JSON is not taken");
    assert_eq!(api.get("/v1/payment_intents/pi_none").await.0, 404);
    assert_eq!(api.get("/v1/nonsense").await.0, 404);
    assert!(api.0.books().payments.is_empty());
}

#[tokio::test]
async fn a_decline_is_a_402_with_the_payment_in_it() {
    let api = Api::start().await;
    for (method, code, decline) in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ] {
        let (status, body) = api.pay(&[("payment_method", method)]).await;
        let error = &body["error"];
        assert_eq!(status, 402);
        assert_eq!((&error["type"], &error["code"]), (&"card_error".into(), &code.into()));
        assert_eq!(error["decline_code"], decline);
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
        assert_eq!(error["payment_intent"]["last_payment_error"]["decline_code"], decline);
    }
    assert!(api.0.books().payments.iter().all(|payment| payment.times_charged() == 0));

    api.0.faults().add(Rule::next(
        "create-payment",
        1,
        Fault::Decline { code: "do_not_honor".into() },
    ));
    let (_, body) = api.pay(&[]).await;
    assert_eq!(body["error"]["decline_code"], "do_not_honor");

    // The same payment may be tried again with another card.
    let id = body["error"]["payment_intent"]["id"].as_str().unwrap();
    let confirm = format!("/v1/payment_intents/{id}/confirm");
    assert_eq!(api.post(&confirm, &[]).await.0, 400, "the declined card is detached");
    let (status, payment) = api.post(&confirm, &[("payment_method", "pm_card_visa")]).await;
    assert_eq!((status, &payment["status"]), (200, &"succeeded".into()));
    assert_eq!(
        api.post(&confirm, &[("payment_method", "pm_card_visa")]).await.0,
        400,
        "and not paid twice"
    );
}

#[tokio::test]
async fn three_d_secure_redirects_and_comes_back() {
    let api = Api::start().await;
    for (outcome, end, redirect) in
        [("succeed", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")]
    {
        let (_, payment) = api.pay(&[("payment_method", "pm_card_authenticationRequired")]).await;
        assert_eq!(payment["status"], "requires_action");
        assert_eq!(payment["next_action"]["type"], "redirect_to_url");
        let url = payment["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
        let back = client().get(format!("{url}?outcome={outcome}")).send().await.unwrap();
        assert_eq!(back.status(), 303);
        let to = back.headers()["location"].to_str().unwrap();
        assert!(to.starts_with("https://shop.example/back?payment_intent=pi_"), "{to}");
        assert!(to.ends_with(&format!("redirect_status={redirect}")), "{to}");
        let (_, now) =
            api.get(&format!("/v1/payment_intents/{}", payment["id"].as_str().unwrap())).await;
        assert_eq!(now["status"], end);
        assert_eq!(client().get(url).send().await.unwrap().status(), 409, "once only");
    }
    let off_session =
        [("payment_method", "pm_card_authenticationRequired"), ("off_session", "true")];
    let (status, body) = api.pay(&off_session).await;
    assert_eq!((status, &body["error"]["code"]), (402, &"authentication_required".into()));
}

#[tokio::test]
async fn an_idempotency_key_replays_for_a_day_and_is_bound_to_its_parameters() {
    let clock = Clock::manual("2026-01-05T10:00:00Z".parse().unwrap());
    let sim = StripeSim::start(StripeConfig { clock: clock.clone(), ..StripeConfig::default() })
        .await
        .unwrap();
    let send = |path: &str, amount: &'static str| {
        let form = [("currency", "eur"), ("amount", amount)];
        let request =
            client().post(format!("{}{path}", sim.base_url())).bearer_auth("sk_test_simulated");
        request.header("idempotency-key", "k1").form(&form).send()
    };
    let first: Value = send("/v1/payment_intents", "1000").await.unwrap().json().await.unwrap();
    let again = send("/v1/payment_intents", "1000").await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), first);

    for (path, amount) in [("/v1/payment_intents", "1001"), ("/v1/payouts", "1000")] {
        let other = send(path, amount).await.unwrap();
        assert_eq!(other.status(), 400);
        assert_eq!(other.json::<Value>().await.unwrap()["error"]["type"], "idempotency_error");
    }
    assert_eq!(
        (sim.books().payments.len(), sim.books().payouts.len(), sim.books().replays),
        (1, 0, 1)
    );

    clock.advance(Duration::from_secs(24 * 3600 + 1));
    assert_eq!(
        send("/v1/payment_intents", "1001").await.unwrap().status(),
        200,
        "a day later the key is free"
    );
    assert_eq!(sim.books().payments.len(), 2);
}

#[tokio::test]
async fn a_decline_is_replayed_and_a_refused_request_is_not_kept() {
    let api = Api::start().await;
    let send = |form: Vec<(&'static str, &'static str)>| {
        let request = client().post(format!("{}/v1/payment_intents", api.0.base_url()));
        request.bearer_auth("sk_test_simulated").header("idempotency-key", "k").form(&form).send()
    };
    assert_eq!(send(vec![("amount", "1000")]).await.unwrap().status(), 400);
    let mut declined = CARD.to_vec();
    declined[3].1 = "pm_card_chargeDeclined";
    assert_eq!(send(declined.clone()).await.unwrap().status(), 402, "the key was not used up");
    let again = send(declined).await.unwrap();
    assert!(again.status() == 402 && again.headers().contains_key("idempotent-replayed"));
    assert_eq!(api.0.books().payments[0].charges.len(), 1);
}

#[tokio::test]
async fn search_finds_by_metadata_after_its_lag() {
    let clock = Clock::manual("2026-01-05T10:00:00Z".parse().unwrap());
    let config = StripeConfig {
        clock: clock.clone(),
        search_lag: Duration::from_secs(60),
        ..StripeConfig::default()
    };
    let api = Api(StripeSim::start(config).await.unwrap());
    let id = api.paid(&[("metadata[payment_id]", "pay_1")]).await;
    api.paid(&[("metadata[payment_id]", "pay_2")]).await;
    let path = "/v1/payment_intents/search?query=metadata%5B'payment_id'%5D%3A'pay_1'";
    let (status, early) = api.get(path).await;
    assert_eq!((status, &early["data"]), (200, &Value::Array(vec![])), "not indexed yet");
    clock.advance(Duration::from_secs(60));
    let (_, found) = api.get(path).await;
    assert_eq!(found["object"], "search_result");
    let ids: Vec<_> =
        found["data"].as_array().unwrap().iter().map(|payment| &payment["id"]).collect();
    assert_eq!(ids, [id.as_str()]);
    assert_eq!(api.get("/v1/payment_intents/search?query=pay_1").await.0, 400);
}

#[tokio::test]
async fn lists_go_by_cursor_both_ways() {
    let api = Api::start().await;
    let mut ids = vec![];
    for _ in 0..5 {
        ids.insert(0, api.paid(&[]).await);
    }
    let page = |query: String| {
        let path = format!("/v1/payment_intents?{query}");
        let api = &api;
        async move {
            let (status, page) = api.get(&path).await;
            assert_eq!(status, 200, "{page}");
            let rows = page["data"].as_array().unwrap();
            let ids: Vec<String> =
                rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
            (ids, page["has_more"].as_bool().unwrap())
        }
    };
    assert_eq!(page("limit=2".into()).await, (ids[..2].to_vec(), true));
    assert_eq!(
        page(format!("limit=2&starting_after={}", ids[1])).await,
        (ids[2..4].to_vec(), true)
    );
    assert_eq!(
        page(format!("limit=2&starting_after={}", ids[3])).await,
        (ids[4..].to_vec(), false)
    );
    assert_eq!(page(format!("limit=2&ending_before={}", ids[3])).await, (ids[1..3].to_vec(), true));
    assert_eq!(page(format!("limit=3&ending_before={}", ids[2])).await, (ids[..2].to_vec(), false));
    for bad in ["limit=0", "limit=101", "starting_after=pi_none", "page=2"] {
        assert_eq!(api.get(&format!("/v1/payment_intents?{bad}")).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn refunds_up_to_what_was_paid() {
    let api = Api::start().await;
    let id = api.paid(&[]).await;
    let (status, refund) = api
        .post(
            "/v1/refunds",
            &[("payment_intent", &id), ("amount", "400"), ("metadata[refund_id]", "r1")],
        )
        .await;
    assert_eq!(
        (status, &refund["status"], &refund["amount"]),
        (200, &"succeeded".into(), &400.into())
    );
    let too_much = api.post("/v1/refunds", &[("payment_intent", &id), ("amount", "601")]).await;
    assert_eq!(too_much.0, 400);
    let (_, rest) = api.post("/v1/refunds", &[("payment_intent", &id)]).await;
    assert_eq!(rest["amount"], 600, "the rest by default");
    let (_, none) = api.post("/v1/refunds", &[("payment_intent", &id)]).await;
    assert_eq!(none["error"]["code"], "charge_already_refunded");
    assert_eq!(api.0.books().balance["eur"], 1_000_000_000);
    let (_, read) = api.get(&format!("/v1/refunds/{}", refund["id"].as_str().unwrap())).await;
    assert_eq!(read["metadata"]["refund_id"], "r1");
    let (_, list) = api.get(&format!("/v1/refunds?payment_intent={id}")).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_payout_settles_later_and_a_failed_one_returns_the_money() {
    let api = Api::start().await;
    let form = [("amount", "5000"), ("currency", "eur"), ("metadata[withdrawal_id]", "w1")];
    let (status, paid) = api.post("/v1/payouts", &form).await;
    assert_eq!((status, &paid["status"]), (200, &"pending".into()));
    api.0.faults().add(Rule::next(
        "create-payout",
        1,
        Fault::Decline { code: "account_closed".into() },
    ));
    let (_, failed) = api.post("/v1/payouts", &form).await;
    assert_eq!(api.0.books().balance["eur"], 999_990_000, "both are out at first");
    let receiver = Receiver::start().await;
    api.0.set_webhook_url(Some(receiver.url()));
    let early = api.0.quiesce(Duration::from_millis(1)).await.unwrap_err();
    assert!(early.pending >= 2, "what is yet to settle counts as pending");
    api.0.quiesce(PATIENCE).await.unwrap();

    let read = |payout: &Value| format!("/v1/payouts/{}", payout["id"].as_str().unwrap());
    assert_eq!(api.get(&read(&paid)).await.1["status"], "paid");
    let failed = api.get(&read(&failed)).await.1;
    assert_eq!(
        (&failed["status"], &failed["failure_code"]),
        (&"failed".into(), &"account_closed".into())
    );
    let (_, balance) = api.get("/v1/balance").await;
    let eur = balance["available"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["currency"] == "eur")
        .unwrap();
    assert_eq!(eur["amount"], 999_995_000);
    let (status, body) = api.post("/v1/payouts", &[("amount", "100"), ("currency", "pln")]).await;
    assert_eq!((status, &body["error"]["code"]), (400, &"amount_too_small".into()));
    let (_, body) = api.post("/v1/payouts", &[("amount", "1000"), ("currency", "pln")]).await;
    assert_eq!(body["error"]["code"], "balance_insufficient");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_identifiers() {
    let ids = |seed| async move {
        let api =
            Api(StripeSim::start(StripeConfig { seed, ..StripeConfig::default() }).await.unwrap());
        let ids = (api.paid(&[]).await, api.paid(&[]).await);
        let _ = tokio::time::timeout(PATIENCE, api.0.stop()).await;
        ids
    };
    assert_eq!(ids(5).await, ids(5).await);
    assert_ne!(ids(5).await, ids(6).await);
}
