//! Erasing a client: with the master key at hand and every byte on the disk, nothing personal can
//! be read, and everything else stays and verifies.
use crate::harness::setup::said;
use crate::harness::vendors::{STRIPE, SUMSUB, Vendors, deposit, wallet};
use crate::harness::{Connection, Hub, sign, stripe, wait_for};
use hub::ingest::{DeliveryError, DeliveryStore};
use hub::journal::{Draft, Journal};
use hub::stored::Source;
use hub::vault::key_file::{KeyFile, key_file_path};
use hub::vault::{MasterKey, Sealer};
use hub_log::{EventLog, LogOptions, SledLog, Table};
use hub_schemas::ClientId;
use hub_schemas::events::client::ClientErased;
use hub_simulators::stripe::StripeConfig;
use hub_simulators::sumsub::{Review, SumsubConfig};
use hub_simulators::{Fault, Rule};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const CLIENT: &str = "cl-1";
/// In every personal text, in the API's calls and in the vendors' webhooks.
const MARKER: &str = "Zq7Marker";
const EMAIL: &str = "zq7marker@example.com";
const PHONE: &str = "+4930778899001";

async fn ready() -> (Vendors, Hub) {
    let vendors = Vendors::start().await;
    let sumsub = SumsubConfig::default();
    let setup = vendors
        .setup_with_psps(&vendors.stripe.base_url())
        .with(
            Connection::new(SUMSUB, "sumsub")
                .api_base(&vendors.sumsub.base_url())
                .secret("app_token", &sumsub.app_token)
                .secret("secret_key", &sumsub.secret_key)
                .secret("webhook_secret", &sumsub.webhook_secret),
        )
        .rules(&format!(
            "[[kyc]]\nname = \"everyone\"\nconnection = \"{SUMSUB}\"\n\
             level = \"basic-kyc-level\"\nat_registration = true\n"
        ));
    let hub = setup.start().await;
    vendors.stripe.set_webhook_url(Some(format!("{}/hooks/{STRIPE}", hub.base_url())));
    vendors.sumsub.set_webhook_url(format!("{}/hooks/{SUMSUB}", hub.base_url()));
    register(&hub, CLIENT).await;
    (vendors, hub)
}

async fn register(hub: &Hub, client: &str) {
    let body = json!({
        "client": client, "entity": "acme", "country": "DE", "email": EMAIL, "phone": PHONE,
        "first_name": format!("{MARKER}First"), "last_name": format!("{MARKER}Last"),
    });
    hub.api.post("/v1/clients", &format!("register-{client}"), &body).await.expect(201);
}

async fn found(hub: &Hub, query: &str) -> Vec<String> {
    let page = hub.api.json(&format!("/v1/clients?{query}")).await;
    let clients = page["clients"].as_array().expect("clients").iter();
    clients.map(|c| c["client"].as_str().expect("an id").to_owned()).collect()
}

async fn no_open_action(hub: &Hub) {
    wait_for("no open action", async || {
        (hub.api.json("/readyz").await["open_actions"] == 0).then_some(())
    })
    .await;
}

/// A webhook of Sumsub about the client, with more in it than the connector reads.
async fn sumsub_hook(hub: &Hub, at: &str) -> Value {
    let body = json!({
        "type": "applicantPending", "applicantId": "a-1", "externalUserId": CLIENT,
        "levelName": "basic-kyc-level", "createdAtMs": at, "correlationId": at,
        "clientComment": format!("{MARKER} lives in Berlin"),
    })
    .to_string();
    let secret = SumsubConfig::default().webhook_secret;
    let digest = hex::encode(sign::hmac_sha256(secret.as_bytes(), body.as_bytes()));
    let headers =
        [("x-payload-digest", digest.as_str()), ("x-payload-digest-alg", "HMAC_SHA256_HEX")];
    hub.api.hook(SUMSUB, &headers, body.as_bytes()).await.expect(200);
    let events = hub.api.events("type=kyc.review.started").await;
    // The simulator tells of its own, too: this one has the time that it was given.
    let time = at.replace(' ', "T");
    let told = |e: &Value| e["time"].as_str().is_some_and(|t| t.starts_with(&time));
    events.into_iter().find(told).expect("its event")
}

/// A webhook of Stripe that declines the payment, in the client's own words.
async fn stripe_hook(hub: &Hub, event: &str, payment: &str) -> Value {
    let mut body = stripe::succeeded(event, payment, 10_000);
    body["type"] = "payment_intent.payment_failed".into();
    let object = &mut body["data"]["object"];
    object["status"] = "requires_payment_method".into();
    object["last_payment_error"] = json!({
        "type": "card_error", "code": "card_declined", "decline_code": "expired_card",
        "message": format!("{MARKER} of Berlin has an expired card"),
        "payment_method": { "billing_details": { "name": format!("{MARKER} Holder") } },
    });
    let secret = StripeConfig::default().webhook_secret;
    hub.api.stripe_hook(STRIPE, &secret, body.to_string().as_bytes()).await.expect(200);
    let events = hub.api.events(&format!("connection={STRIPE}")).await;
    events.into_iter().find(|e| e["vendorevent"] == event).expect("its event")
}

async fn erase(hub: &Hub, key: &str, wallet_settled: bool) -> crate::harness::http::Answer {
    let body = json!({ "reason": "ticket 4711", "wallet_settled": wallet_settled });
    hub.api.post(&format!("/v1/clients/{CLIENT}/erase"), key, &body).await
}

fn master(hub: &Hub) -> MasterKey {
    MasterKey::read(&hub.setup.path("hub.key")).expect("the key")
}

/// The wrapped key of the client, as it stands in the key file.
fn wrapped(hub: &Hub) -> Vec<u8> {
    let bytes = fs::read(key_file_path(&hub.setup.data())).expect("the key file");
    let slots = bytes.chunks(256);
    let named = |slot: &&[u8]| {
        usize::from(slot[1]) == CLIENT.len() && slot[2..].starts_with(CLIENT.as_bytes())
    };
    slots.into_iter().find(named).expect("its slot")[138..210].to_vec()
}

fn files(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        }
    }
}

#[track_caller]
fn without(place: &str, bytes: &[u8], needles: &[&[u8]]) {
    let lower = bytes.to_ascii_lowercase();
    for needle in needles {
        let found = |hay: &[u8], part: &[u8]| hay.windows(part.len()).any(|w| w == part);
        assert!(!found(bytes, needle), "{place} holds {:?}", String::from_utf8_lossy(needle));
        let text = needle.to_ascii_lowercase();
        let is_text = needle.is_ascii();
        assert!(!is_text || !found(&lower, &text), "{place} holds it in another case");
    }
}

fn personal() -> Vec<&'static [u8]> {
    vec![MARKER.as_bytes(), EMAIL.as_bytes(), PHONE.as_bytes(), b"778899001"]
}

/// Opens whatever opens: events, deliveries, side tables, the snapshot. Gives the events' texts.
fn opened(data: &Path, master: &MasterKey) -> Vec<String> {
    let log: Arc<dyn EventLog> =
        Arc::new(SledLog::open(LogOptions::new(data.join("log"))).expect("the log"));
    let keys = KeyFile::open(&key_file_path(data), master).expect("the key file");
    let sealer = Arc::new(Sealer::new(Arc::new(keys)));
    let deliveries = DeliveryStore::new(log.clone(), sealer.clone(), master);
    let mut texts = Vec::new();
    let open = |mut value: Value| {
        sealer.open_here(&mut value).expect("it opens or is erased");
        value.to_string()
    };
    let mut at = 1;
    loop {
        let records = log.read(at, 500).expect("records");
        let Some(last) = records.last() else { break };
        at = last.sequence + 1;
        for record in &records {
            texts.push(open(serde_json::from_slice(&record.body).expect("JSON")));
        }
    }
    let mut blobs = 0;
    for id in 1.. {
        let Some(raw) = log.blob(id).expect("a blob") else { break };
        blobs += 1;
        without(&format!("raw blob {id}"), &raw, &personal());
        match deliveries.get(id) {
            Ok(Some(raw)) => {
                texts.push(format!("{raw:?} {}", String::from_utf8_lossy(&raw.delivery.body)))
            }
            Ok(None) | Err(DeliveryError::Erased { .. } | DeliveryError::Expired { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(blobs > 0, "there are deliveries");
    for name in ["client_keys", "vault", "credentials", "quarantine", "cursors", "engine", "tokens"]
    {
        let mut rows = log.table_scan(Table::new(name_of(name)), b"", None, 10_000).expect("rows");
        for (key, value) in rows.drain(..) {
            texts.push(String::from_utf8_lossy(&key).into_owned());
            let value = serde_json::from_slice(&value)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&value)));
            texts.push(open(value));
        }
    }
    let snapshot = fs::read(data.join("snapshots/engine.snap")).expect("a snapshot");
    let end = snapshot.iter().position(|b| *b == b'\n').expect("its head");
    let state = lz4_flex::decompress_size_prepended(&snapshot[end + 1..]).expect("its state");
    texts.push(open(serde_json::from_slice(&state).expect("JSON")));
    log.close();
    texts
}

fn name_of(name: &str) -> &'static str {
    // Tables have static names; a test may leak a few.
    Box::leak(name.to_owned().into_boxed_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_can_be_read_any_more_and_everything_else_stays() {
    let (vendors, mut hub) = ready().await;
    wait_for("the applicant", async || vendors.sumsub.pending(CLIENT).ok()).await;
    let early = sumsub_hook(&hub, "2026-11-21 10:00:00.000").await;
    vendors.sumsub.review(CLIENT, Review::Green).expect("an applicant that waits");
    hub.api.until_event("kyc.approved", |_| true).await;
    let body = json!({
        "client": CLIENT, "amount": { "amount": "100.00", "currency": "EUR" }, "method": "card",
        "method_tokens": { (STRIPE): "pm_card_visa" },
        "return_url": format!("https://cashier.example/{MARKER}/return"),
    });
    let answer = hub.api.post("/v1/deposits", "deposit-1", &body).await.expect(201);
    let payment = answer.json()["payment"].as_str().expect("a payment").to_owned();
    hub.api.until_event("deposit.credited", |_| true).await;
    let declined = stripe_hook(&hub, "evt_declined", &payment).await;
    let message = declined["data"]["decline"]["message"].as_str().expect("a message");
    assert!(message.starts_with(&format!("sealed:1:{CLIENT}:")), "{message}");
    let path = format!("/v1/events/{}", declined["id"].as_str().expect("an id"));
    let one = hub.api.json(&path).await;
    assert!(one["data"]["decline"]["message"].as_str().expect("it").contains(MARKER), "{one:#}");
    vendors.stripe.quiesce(crate::harness::PATIENCE).await.expect("every webhook acknowledged");
    no_open_action(&hub).await;
    let email = EMAIL.to_uppercase();
    for query in [format!("email={email}"), format!("phone={}", PHONE.replace('+', "%2B"))] {
        assert_eq!(found(&hub, &query).await, [CLIENT], "{query}");
    }
    let raw = |event: &Value| format!("/v1/deliveries/{}", event["deliveryid"].as_str().unwrap());
    for event in [&early, &declined] {
        assert!(hub.api.get(&raw(event)).await.expect(200).text().contains(MARKER));
    }
    let key = wrapped(&hub);
    let hash = {
        let keys = KeyFile::open(&key_file_path(&hub.setup.data()), &master(&hub)).expect("it");
        keys.lookups(Some(EMAIL), None).email
    };

    let refused = erase(&hub, "erase-0", false).await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("100.00 EUR"), "{refused}");
    let erased = erase(&hub, "erase-1", true).await.expect(200).json();
    assert_eq!(erased["registered"]["first_name"], "[erased]", "{erased:#}");
    assert_eq!(erased["erased"]["reason"], "ticket 4711", "{erased:#}");
    erase(&hub, "erase-1", true).await.expect(200);
    assert!(found(&hub, &format!("email={EMAIL}")).await.is_empty());
    for event in [&early, &declined] {
        let gone = hub.api.get(&raw(event)).await.expect(410).json();
        assert!(gone["detail"].as_str().unwrap().contains("evt_"), "{gone}");
    }
    assert_eq!(wallet(&hub, CLIENT, "EUR").await, "100.00", "amounts stay");

    // What comes late is taken in, and brings nothing back.
    sumsub_hook(&hub, "2026-11-21 11:00:00.000").await;
    let late = stripe_hook(&hub, "evt_late", &payment).await;
    assert_eq!(late["data"]["decline"]["message"], "[erased]");
    hub.api.get(&raw(&late)).await.expect(410);
    let again = json!({ "client": CLIENT, "entity": "acme", "country": "DE", "email": EMAIL });
    hub.api.post("/v1/clients", "register-again", &again).await.expect(409);
    let events = hub.api.events("").await;

    assert!(hub.stop().await.success());
    let rebuilt = hub.setup.run(&["rebuild", "--json"]);
    assert!(
        rebuilt.status.success() && said(&rebuilt).contains("\"same\":true"),
        "{}",
        said(&rebuilt)
    );
    let verified = hub.setup.run(&["events", "verify", "--offline"]);
    assert!(verified.status.success(), "{}", said(&verified));
    for text in opened(&hub.setup.data(), &master(&hub)) {
        without("what was opened", text.as_bytes(), &personal());
    }
    let mut needles = personal();
    needles.extend([&key[..], &key[24..56], &hash[..]]);
    let mut all = Vec::new();
    files(&hub.setup.data(), &mut all);
    all.push(("its log".to_owned(), hub.stderr().into_bytes()));
    assert!(all.len() > 3, "{}", all.len());
    for (place, bytes) in &all {
        without(place, bytes, &needles);
    }
    hub.start_again().await;
    assert_eq!(hub.api.events("").await.len(), events.len(), "nothing is missing, nothing new");
    assert_eq!(wallet(&hub, CLIENT, "EUR").await, "100.00");

    // Nor does a backup made from now on hold any of it, nor what is restored from it.
    let output = hub.setup.run(&["backup", "after.tar.zst", "--url", &hub.base_url()]);
    assert!(output.status.success(), "{}", said(&output));
    let packed = fs::read(hub.setup.path("after.tar.zst")).expect("the backup");
    without("the backup", &packed, &needles);
    without("the backup", &zstd::decode_all(&packed[..]).expect("zstd"), &needles);
    assert!(hub.stop().await.success());
    fs::rename(hub.setup.data(), hub.setup.path("before")).expect("it");
    let output = hub.setup.run(&["restore", "after.tar.zst"]);
    assert!(output.status.success(), "{}", said(&output));
    hub.start_again().await;
    assert_eq!(hub.api.events("").await.len(), events.len());
    assert!(found(&hub, &format!("email={EMAIL}")).await.is_empty());
    hub.api.get(&raw(&early)).await.expect(410);
    assert!(hub.stop().await.success());
    for text in opened(&hub.setup.data(), &master(&hub)) {
        without("what was opened", text.as_bytes(), &personal());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_event_and_the_destruction_is_finished_at_the_start() {
    let (_vendors, mut hub) = ready().await;
    no_open_action(&hub).await;
    let key = wrapped(&hub);
    hub.kill9().await;
    {
        let data = hub.setup.data();
        let log: Arc<dyn EventLog> =
            Arc::new(SledLog::open(LogOptions::new(data.join("log"))).expect("the log"));
        let keys = KeyFile::open(&key_file_path(&data), &master(&hub)).expect("the key file");
        let journal = Journal::new(log.clone(), Arc::new(Sealer::new(Arc::new(keys))));
        let erased = ClientErased {
            client: ClientId::new(CLIENT).expect("an id"),
            reason: "ticket 4711".to_owned(),
            wallet_settled: false,
        };
        let draft = Draft::new(Source::Api, 1_772_445_600_000, erased);
        journal.append(&draft, None).await.expect("durable");
        log.close();
    }
    assert_eq!(wrapped(&hub), key, "the key is still there");
    hub.start_again().await;
    assert_eq!(wrapped(&hub), vec![0; key.len()], "the start destroyed it");
    let shown = hub.api.json(&format!("/v1/clients/{CLIENT}")).await;
    assert_eq!(shown["registered"]["email"], "[erased]", "{shown:#}");
    assert!(found(&hub, &format!("email={EMAIL}")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_deposit_under_way_is_not_erased() {
    let (vendors, hub) = ready().await;
    no_open_action(&hub).await;
    let down = Fault::Status { status: 503, retry_after_s: None };
    vendors.stripe.faults().add(Rule::always("create-payment", down));
    let payment = deposit(&hub, CLIENT, "pm_card_visa").await;
    let refused = erase(&hub, "erase-1", true).await.expect(409).json();
    let detail = refused["detail"].as_str().expect("it");
    assert!(detail.contains(&payment) && detail.contains("psp.create-payment"), "{detail}");
    assert!(hub.api.events("type=client.erased").await.is_empty());
    assert_eq!(found(&hub, &format!("email={EMAIL}")).await, [CLIENT]);
    hub.api.post("/v1/clients/nobody/erase", "e", &json!({ "reason": "x" })).await.expect(404);
}

/// Text that only looks sealed is somebody's input: it is sealed like any other, and stands in
/// nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn text_that_looks_sealed_is_sealed_all_the_same() {
    let hub = crate::harness::Setup::new().start().await;
    let fake = format!("sealed:1:nobody:{MARKER}");
    let body = json!({ "client": CLIENT, "entity": "acme", "country": "DE", "email": fake,
        "first_name": fake });
    hub.api.post("/v1/clients", "register", &body).await.expect(201);
    let shown = hub.api.json(&format!("/v1/clients/{CLIENT}")).await;
    assert_eq!(shown["registered"]["first_name"], fake.as_str(), "{shown:#}");
    let events = hub.api.events("type=client.registered").await;
    assert!(!events[0].to_string().contains(MARKER), "{:#}", events[0]);
    erase(&hub, "erase", false).await.expect(200);
    let shown = hub.api.json(&format!("/v1/clients/{CLIENT}")).await;
    assert_eq!(shown["registered"]["first_name"], "[erased]", "{shown:#}");
}
