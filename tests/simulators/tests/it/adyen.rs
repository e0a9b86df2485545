//! Adyen's API and notifications as a plain client and receiver see them.

use std::time::Duration;

use base64::Engine;
use hmac::{Hmac, Mac};
use hub_simulators::adyen::{AdyenConfig, AdyenSim};
use hub_simulators::{Fault, Rule, WebhookFault};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Delivery, PATIENCE, Receiver, client, quick};

const KEY_HEX: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";

struct Api {
    sim: AdyenSim,
    receiver: Receiver,
}

impl Api {
    async fn start(change: impl FnOnce(&mut AdyenConfig)) -> Self {
        let receiver = Receiver::start().await;
        let mut config = AdyenConfig {
            hmac_key_hex: KEY_HEX.into(),
            webhooks: quick(Some(receiver.url())),
            settle_after: Duration::from_millis(10),
            ..AdyenConfig::default()
        };
        change(&mut config);
        Self { sim: AdyenSim::start(config).await.unwrap(), receiver }
    }

    fn request(&self, path: &str) -> reqwest::RequestBuilder {
        client().post(format!("{}{path}", self.sim.base_url())).header("x-api-key", "AQE_simulated")
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.request(path).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn pay(&self, changes: Value) -> (u16, Value) {
        self.post("/v71/payments", &payment(changes)).await
    }

    /// All notification items once everything has settled.
    async fn items(&self) -> Vec<Value> {
        self.sim.quiesce(PATIENCE).await.unwrap();
        items(&self.receiver.received())
    }
}

/// A payment by card, with these fields changed, added, or (null) removed.
fn payment(changes: Value) -> Value {
    let mut body = json!({
        "amount": { "currency": "EUR", "value": 1000 }, "merchantAccount": "SimulatedECOM", "reference": "pay_1",
        "paymentMethod": { "type": "scheme", "number": "4111111111111111", "holderName": "John Smith" },
        "returnUrl": "https://shop.example/back", "shopperReference": "cli_1",
    });
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
        if value.is_null() {
            body.as_object_mut().unwrap().remove(field);
        }
    }
    body
}

fn items(all: &[Delivery]) -> Vec<Value> {
    let of_one =
        |delivery: &Delivery| delivery.json()["notificationItems"].as_array().unwrap().clone();
    all.iter().flat_map(of_one).map(|item| item["NotificationRequestItem"].clone()).collect()
}

/// The check that Adyen documents.
fn authentic(item: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let signed = [
        text(&item["pspReference"]),
        text(&item["originalReference"]),
        text(&item["merchantAccountCode"]),
        text(&item["merchantReference"]),
        item["amount"]["value"].as_i64().unwrap().to_string(),
        text(&item["amount"]["currency"]),
        text(&item["eventCode"]),
        text(&item["success"]),
    ]
    .join(":");
    let mut mac = Hmac::<Sha256>::new_from_slice(&hex::decode(KEY_HEX).unwrap()).unwrap();
    mac.update(signed.as_bytes());
    let given = item["additionalData"]["hmacSignature"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(given)
        .is_ok_and(|given| mac.verify_slice(&given).is_ok())
}

#[tokio::test]
async fn authorises_and_notifies() {
    let api = Api::start(|_| {}).await;
    let (status, body) = api.pay(json!({})).await;
    assert_eq!((status, &body["resultCode"]), (200, &"Authorised".into()));
    assert_eq!(body["merchantReference"], "pay_1");
    assert_eq!(body["pspReference"].as_str().unwrap().len(), 16);
    let items = api.items().await;
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert!(authentic(item));
    assert_eq!((&item["eventCode"], &item["success"]), (&"AUTHORISATION".into(), &"true".into()));
    assert_eq!(item["pspReference"], body["pspReference"]);
    assert_eq!(item["amount"], json!({"currency": "EUR", "value": 1000}));
    item["eventDate"].as_str().unwrap().parse::<jiff::Timestamp>().expect("a time with an offset");
    let books = api.sim.books();
    assert_eq!(books.payments_for("pay_1").next().unwrap().captured, 1000);
    assert_eq!(books.payments[0].amount().unwrap().to_string(), "10.00");
}

#[tokio::test]
async fn refuses_as_asked_by_a_test_card_or_a_fault() {
    let api = Api::start(|_| {}).await;
    let refused = |body: &Value| {
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        (text("resultCode"), text("refusalReasonCode"), text("refusalReason"))
    };
    let holder = json!({"paymentMethod": {"type": "scheme", "holderName": "NOT_ENOUGH_BALANCE"}});
    let (status, body) = api.pay(holder).await;
    assert_eq!(status, 200, "a refusal is not an HTTP error");
    assert_eq!(refused(&body), ("Refused".into(), "12".into(), "Not enough balance".into()));
    let (_, body) =
        api.pay(json!({"additionalData": {"RequestedTestAcquirerResponseCode": 6}})).await;
    assert_eq!(refused(&body), ("Refused".into(), "6".into(), "Expired Card".into()));
    api.sim.faults().add(Rule::next("create-payment", 1, Fault::Decline { code: "20".into() }));
    let (_, body) = api.pay(json!({})).await;
    assert_eq!(refused(&body), ("Refused".into(), "20".into(), "FRAUD".into()));

    let items = api.items().await;
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item["success"] == "false" && authentic(item)));
    assert!(api.sim.books().payments.iter().all(|payment| payment.captured == 0));
}

#[tokio::test]
async fn errors_are_adyens() {
    let api = Api::start(|_| {}).await;
    for (changes, status, code) in [
        (json!({"amount": null}), 422, "100"),
        (json!({"amount": {"currency": "EUR", "value": -5}}), 422, "137"),
        (json!({"amount": {"currency": "XXX", "value": 5}}), 422, "138"),
        (json!({"amount": {"currency": "EUR", "value": "10.00"}}), 400, "702"),
        (json!({"merchantAccount": "SomeoneElse"}), 403, "901"),
        (json!({"reference": null}), 422, "130"),
        (json!({"returnUrl": null}), 422, "14_030"),
        (json!({"paymentMethod": null}), 422, "100"),
        (json!({"colour": "red"}), 400, "702"),
    ] {
        let (got, body) = api.pay(changes.clone()).await;
        assert_eq!((got, &body["errorCode"]), (status, &code.into()), "{changes}: {body}");
        assert_eq!(body["status"], status);
    }
    let broken = api
        .request("/v71/payments")
        .header("content-type", "application/json")
        .body("{\"amount\":");
    assert_eq!(broken.send().await.unwrap().status(), 400);
    for key in [None, Some("AQE_wrong")] {
        let request =
            client().post(format!("{}/v71/payments", api.sim.base_url())).json(&payment(json!({})));
        let request =
            key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let expected = json!({"status": 401, "errorCode": "000", "errorType": "security",
            "message": "HTTP Status Response - Unauthorized"});
        assert_eq!(response.json::<Value>().await.unwrap(), expected);
    }
    assert!(api.sim.books().payments.is_empty());
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_the_same_key() {
    let api = Api::start(|_| {}).await;
    let send = |key: &'static str| {
        let request = api.request("/v71/payments").header("idempotency-key", key);
        request.json(&payment(json!({}))).send()
    };
    let hang = Fault::TimeoutAfterActing(Duration::from_millis(20));
    api.sim.faults().add(Rule::next("create-payment", 1, hang));
    send("k1").await.unwrap_err();
    let again = send("k1").await.unwrap();
    assert_eq!(again.headers()["idempotency-key"], "k1");
    let body: Value = again.json().await.unwrap();
    assert_eq!(body["resultCode"], "Authorised");
    let books = api.sim.books();
    assert_eq!((books.payments.len(), books.replays), (1, 1), "charged once");
    assert_eq!(body["pspReference"], books.payments[0].psp_reference);

    let busy = Fault::Status { status: 422, retry_after_s: None };
    api.sim.faults().add(Rule::next("create-payment", 1, busy));
    let busy = send("k2").await.unwrap();
    assert_eq!(busy.headers()["transient-error"], "true");
    assert_eq!(busy.json::<Value>().await.unwrap()["errorCode"], "704");
    let long = "k".repeat(65);
    let too_long =
        api.request("/v71/payments").header("idempotency-key", long).json(&payment(json!({})));
    assert_eq!(too_long.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_redirect_ends_at_the_shop_and_details_tell_the_result() {
    let api = Api::start(|_| {}).await;
    for (outcome, result, success) in
        [("Authorised", "Authorised", "true"), ("16", "Refused", "false")]
    {
        let (_, body) = api.pay(json!({"paymentMethod": {"type": "ideal"}})).await;
        assert_eq!(body["resultCode"], "RedirectShopper");
        assert!(body.get("pspReference").is_none(), "as in Adyen's iDEAL example");
        assert_eq!(
            (&body["action"]["type"], &body["action"]["method"]),
            (&"redirect".into(), &"GET".into())
        );
        let url = format!("{}?outcome={outcome}", body["action"]["url"].as_str().unwrap());
        let back = client().get(&url).send().await.unwrap();
        assert_eq!(back.status(), 303);
        let to = back.headers()["location"].to_str().unwrap();
        let given = to.strip_prefix("https://shop.example/back?redirectResult=").unwrap();
        let (_, details) =
            api.post("/v71/payments/details", &json!({"details": {"redirectResult": given}})).await;
        assert_eq!(details["resultCode"], result);
        let items = api.items().await;
        assert_eq!(items.last().unwrap()["success"], success);
    }
    let three_d = json!({"authenticationData": {"attemptAuthentication": "always"}});
    assert!(
        api.pay(three_d).await.1["pspReference"].is_string(),
        "a card's redirect has the reference"
    );
}

#[tokio::test]
async fn a_pending_payment_ends_by_webhook_alone() {
    let api = Api::start(|_| {}).await;
    api.sim.faults().add(Rule::next(
        "create-payment",
        1,
        Fault::Decline { code: "Pending".into() },
    ));
    let (_, body) = api.pay(json!({})).await;
    assert_eq!(body["resultCode"], "Pending");
    let items = api.items().await;
    assert_eq!((items.len(), &items[0]["success"]), (1, &"true".into()));
    assert_eq!(api.sim.books().payments[0].result_code, "Authorised");
}

#[tokio::test]
async fn modifications_are_received_and_decided_later() {
    let api = Api::start(|_| {}).await;
    let manual = json!({"additionalData": {"manualCapture": "true"}});
    let psp = api.pay(manual).await.1["pspReference"].as_str().unwrap().to_owned();
    let amount = |value: i64| {
        json!({"merchantAccount": "SimulatedECOM", "reference": "mod",
        "amount": {"currency": "EUR", "value": value}})
    };
    let modify = async |verb: &str, body: &Value| {
        let (status, body) = api.post(&format!("/v71/payments/{psp}/{verb}"), body).await;
        assert_eq!((status, &body["status"]), (201, &"received".into()));
        assert_eq!(body["paymentPspReference"], psp.as_str());
        let own = body["pspReference"].clone();
        let item = api.items().await.into_iter().find(|item| item["pspReference"] == own).unwrap();
        assert!(authentic(&item) && item["originalReference"] == psp.as_str());
        assert_eq!(item["merchantReference"], "mod");
        let text = |field: &str| item[field].as_str().unwrap().to_owned();
        (text("eventCode"), text("success"), text("reason"))
    };
    let ok = |event: &str| (event.to_owned(), "true".to_owned(), String::new());
    let failed =
        |event: &str, reason: &str| (event.to_owned(), "false".to_owned(), reason.to_owned());
    let not_captured = "Transaction hasn't been captured, refund not possible";
    assert_eq!(modify("refunds", &amount(10)).await, failed("REFUND", not_captured));
    assert_eq!(
        modify("captures", &amount(1001)).await,
        failed("CAPTURE", "Insufficient balance on payment")
    );
    assert_eq!(modify("captures", &amount(1000)).await, ok("CAPTURE"));
    assert_eq!(modify("refunds", &amount(600)).await, ok("REFUND"));
    assert_eq!(
        modify("refunds", &amount(600)).await,
        failed("REFUND", "Insufficient balance on payment")
    );
    let cancel = json!({"merchantAccount": "SimulatedECOM", "reference": "mod"});
    assert_eq!(
        modify("cancels", &cancel).await,
        failed("CANCELLATION", "Transaction cannot be cancelled")
    );
    let book = &api.sim.books().payments[0];
    assert_eq!((book.captured, book.refunded, book.cancelled), (1000, 600, false));

    let (status, body) = api.post("/v71/payments/NONE/refunds", &amount(10)).await;
    assert_eq!((status, &body["errorCode"]), (422, &"167".into()));
}

#[tokio::test]
async fn payouts_and_chargebacks() {
    let api = Api::start(|config| config.payouts_need_review = true).await;
    let submit = json!({"merchantAccount": "SimulatedECOM", "reference": "w1", "shopperEmail": "a@b.example",
        "shopperReference": "cli_1", "recurring": {"contract": "PAYOUT"}, "selectedRecurringDetailReference": "LATEST",
        "amount": {"currency": "EUR", "value": 500}});
    let mut references = vec![];
    for _ in 0..2 {
        let (status, body) = api.post("/pal/servlet/Payout/v68/submitThirdParty", &submit).await;
        assert_eq!((status, &body["resultCode"]), (200, &"[payout-submit-received]".into()));
        references.push(body["pspReference"].clone());
    }
    assert!(api.items().await.is_empty(), "both wait for review");
    for (verb, reference) in ["confirm", "decline"].into_iter().zip(&references) {
        let body = json!({"merchantAccount": "SimulatedECOM", "originalReference": reference});
        let (_, answer) =
            api.post(&format!("/pal/servlet/Payout/v68/{verb}ThirdParty"), &body).await;
        assert_eq!(answer["response"], format!("[payout-{verb}-received]"));
        let again = api.post(&format!("/pal/servlet/Payout/v68/{verb}ThirdParty"), &body).await;
        assert_eq!(again.0, 422, "decided once");
    }
    let mut instant = submit.clone();
    instant.as_object_mut().unwrap().remove("recurring");
    api.sim.faults().add(Rule::next("create-payout", 1, Fault::Decline { code: "Refused".into() }));
    let (_, third) = api.post("/pal/servlet/Payout/v68/payout", &instant).await;
    let psp = api.pay(json!({})).await.1["pspReference"].as_str().unwrap().to_owned();
    let chargeback = api.sim.chargeback(&psp, "10.4").unwrap();
    assert!(api.sim.chargeback(&psp, "10.4").is_err(), "once only");

    let items = api.items().await;
    assert!(items.iter().all(authentic));
    let of = |event: &str, reference: &Value| {
        let found = items
            .iter()
            .find(|item| item["eventCode"] == event && item["pspReference"] == *reference);
        found.unwrap_or_else(|| panic!("no {event} for {reference} in {items:#?}"))["success"]
            .clone()
    };
    assert_eq!(of("PAYOUT_THIRDPARTY", &references[0]), "true");
    assert_eq!(of("PAYOUT_DECLINE", &references[1]), "true");
    assert_eq!(of("PAYOUT_THIRDPARTY", &third["pspReference"]), "false");
    assert_eq!(of("CHARGEBACK", &chargeback.into()), "true");
    let status: Vec<_> = api.sim.books().payouts.into_iter().map(|payout| payout.status).collect();
    assert_eq!(status, ["paid", "declined", "failed"]);
}

#[tokio::test]
async fn batches_hold_several_signed_items() {
    let api = Api::start(|config| {
        config.batch_items_max = 3;
        config.batch_window = Duration::from_millis(300);
        config.webhook_basic_auth = Some(("adyen".into(), "secret".into()));
    })
    .await;
    for n in 0..4 {
        api.pay(json!({"reference": format!("pay_{n}")})).await;
    }
    assert_eq!(api.items().await.len(), 4);
    let all = api.receiver.received();
    let sizes: Vec<usize> = all.iter().map(|one| items(std::slice::from_ref(one)).len()).collect();
    assert_eq!(sizes, [3, 1]);
    assert!(items(&all).iter().all(authentic));
    assert!(
        all.iter().all(|delivery| delivery.header("authorization") == "Basic YWR5ZW46c2VjcmV0")
    );
}

#[tokio::test]
async fn only_accepted_acknowledges_unless_set_up_otherwise() {
    for (any_2xx, attempts) in [(false, 3), (true, 2)] {
        let api = Api::start(|config| config.any_2xx_acknowledges = any_2xx).await;
        let mut replies = vec![(500, "[accepted]"), (200, "OK"), (200, "[accepted]")].into_iter();
        api.receiver.reply(move |_| replies.next().unwrap());
        api.pay(json!({})).await;
        api.sim.quiesce(PATIENCE).await.unwrap();
        assert_eq!(api.receiver.received().len(), attempts);
    }
}

#[tokio::test]
async fn a_forged_item_fails_the_documented_check_and_the_retry_passes() {
    let api = Api::start(|_| {}).await;
    api.receiver.reply(|delivery| {
        let good = items(std::slice::from_ref(delivery)).iter().all(authentic);
        if good { (200, "[accepted]") } else { (401, "") }
    });
    api.sim.faults().add_webhook(Rule::next("AUTHORISATION", 1, WebhookFault::WrongSignature));
    api.pay(json!({})).await;
    let verdicts: Vec<bool> = api.items().await.iter().map(authentic).collect();
    assert_eq!(verdicts, [false, true]);
    assert_eq!(api.sim.deliveries().damaged_acknowledged, 0);
}
