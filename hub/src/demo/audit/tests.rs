//! A day small enough to be written down, and everything that can be wrong with it.
use super::{Evidence, Invariant, judge};
use crate::demo::fates::{Breaches, Fate, KycPath, Trade};
use crate::demo::people::Person;
use crate::demo::plan::{Challenge, ClientPlan, DepositPlan};
use crate::demo::{ClientFacts, DayFacts, DepositFacts};
use hub_schemas::CloudEvent;
use hub_simulators::adyen::AdyenBooks;
use hub_simulators::mt5::Mt5Books;
use hub_simulators::stripe::StripeBooks;
use hub_simulators::sumsub::SumsubBooks;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn client() -> ClientFacts {
    let amount = Decimal::new(10_000, 2);
    let plan = ClientPlan {
        client: "cl-1".to_owned(),
        entity: "acme-prop",
        person: Person {
            country: "US",
            currency: "USD",
            first_name: "Ada",
            last_name: "Abel",
            email: "ada@example.com".to_owned(),
            phone: "+442079460000".to_owned(),
            campaign: None,
        },
        arrives: 0.0,
        pace: 1.0,
        kyc: KycPath::Green,
        deposits: vec![DepositPlan { amount, currency: "USD", fate: Fate::Approved }],
        challenges: vec![Challenge {
            purchase: "po-1".to_owned(),
            early: false,
            trade: Trade { equities: vec![], close: false, breaches: Breaches::Daily },
        }],
        opening: None,
    };
    ClientFacts {
        deposits: vec![DepositFacts {
            payment: "pay_1".to_owned(),
            amount,
            currency: "USD",
            credited: true,
        }],
        accounts: vec!["mt5-live:7".to_owned()],
        submissions: 1,
        approvals: 1,
        ..ClientFacts::new(plan)
    }
}

/// Event types with who says so and the data, in order.
fn log() -> Vec<CloudEvent> {
    let money = json!({ "amount": "100.00", "currency": "USD" });
    let of = json!({ "client": "cl-1", "applicant": "a" });
    let vendors = |connection: &str| format!("/connections/{connection}");
    let all: Vec<(&str, String, Value)> = vec![
        ("kyc.applicant.created", vendors("sumsub"), of.clone()),
        ("kyc.review.started", vendors("sumsub"), of.clone()),
        ("kyc.approved", vendors("sumsub"), of),
        ("payment.routed", "/hub/engine".into(), json!({ "payment": "pay_1", "attempt": 1 })),
        ("payment.succeeded", vendors("stripe-eu"), json!({ "payment": "pay_1" })),
        ("deposit.credited", "/hub/engine".into(), json!({ "payment": "pay_1", "amount": money })),
        (
            "provisioning.requested",
            "/hub/engine".into(),
            json!({ "provisioning": "prov_cl-1_po-1" }),
        ),
        (
            "account.opened",
            "/hub/engine".into(),
            json!({ "provisioning": "prov_cl-1_po-1", "account": "mt5-live:7" }),
        ),
        ("account.deal", vendors("mt5-live"), json!({ "account": "mt5-live:7", "deal": "3" })),
        (
            "breach.detected",
            "/hub/engine".into(),
            json!({ "account": "mt5-live:7", "rule": "daily-loss" }),
        ),
        ("account.disabled", "/hub/engine".into(), json!({ "account": "mt5-live:7" })),
        ("client.stage.changed", "/hub/engine".into(), json!({ "client": "cl-1", "to": "traded" })),
    ];
    all.into_iter()
        .zip(1..)
        .map(|((kind, source, data), at)| event(at, kind, source, data))
        .collect()
}

fn event(sequence: u64, event_type: &str, source: String, data: Value) -> CloudEvent {
    let vendorevent = (event_type == "payment.succeeded").then_some("evt_A");
    serde_json::from_value(json!({
        "specversion": "1.0", "id": format!("evt_{sequence}"), "source": source,
        "type": event_type, "subject": "x/y", "time": "2026-11-21T10:00:00Z",
        "datacontenttype": "application/json", "dataschema": "urn:x",
        "recordedtime": "2026-11-21T10:00:00Z", "sequence": sequence, "recordhash": "00",
        "vendorevent": vendorevent, "data": data,
    }))
    .unwrap()
}

fn day() -> Evidence {
    let payment = json!({
        "id": "pi_1", "status": "succeeded", "amount": 10000, "currency": "usd",
        "metadata": { "payment_id": "pay_1" }, "description": null, "payment_method": null,
        "return_url": null, "payment_method_types": [], "idempotency_key": null, "created": 0,
        "authentication_failed": false,
        "charges": [{ "id": "ch_1", "status": "succeeded", "decline_code": null,
            "amount_refunded": 0, "disputed": false, "created": 0 }],
    });
    let deal = json!({
        "deal": 3, "action": 2, "entry": 0, "reason": 2, "dealer": 1, "order": 0, "time_ms": 0,
        "symbol": "", "price": "0", "volume": 0, "profit": "1", "position": 0, "comment": "",
    });
    let account = json!({
        "login": 7, "group": "g", "name": "Ada", "leverage": 100, "rights": 0x1e7, "fields": {},
        "balance": "1", "credit": "0", "floating": "0", "equity": "1", "margin": "0",
        "positions": [], "deals": [deal],
    });
    let applicant = json!({
        "id": "a", "inspection_id": "i", "external_user_id": "cl-1", "level_name": "l",
        "email": null, "phone": null, "fixed_info": null, "lang": null, "status": "completed",
        "review": "green", "created_at": "2026-11-21T10:00:00Z", "reviewed_at": null,
        "attempts": 1, "create_calls": 1, "sdk_links": 0, "review_id": "r",
    });
    let entry = json!({ "id": "q_1", "connection": "rogue-psp", "class": "trap" });
    Evidence {
        events: log(),
        ledger: json!({
            "balances": { "client:cl-1": { "USD": "100" }, "psp:stripe-eu": { "USD": "-100.00" } },
            "total": { "USD": "0.00" },
        }),
        verify: json!({ "ok": true, "verified": 12 }),
        connections: Default::default(),
        quarantine: vec![entry],
        set_aside: vec![],
        stripe: StripeBooks {
            payments: vec![serde_json::from_value(payment).unwrap()],
            ..StripeBooks::default()
        },
        stripe_events: vec![
            ("evt_A".to_owned(), "payment_intent.succeeded".to_owned()),
            ("evt_B".to_owned(), "charge.succeeded".to_owned()),
        ],
        adyen: AdyenBooks::default(),
        sumsub: SumsubBooks { applicants: vec![serde_json::from_value(applicant).unwrap()] },
        mt5: Mt5Books {
            accounts: vec![serde_json::from_value(account).unwrap()],
            sessions_opened: 1,
            refused_calls: 0,
        },
        deliveries: [("stripe-eu", Default::default())].into(),
        faults_applied: 0,
        facts: DayFacts { clients: vec![client()], rogue_bodies: 1, ..DayFacts::default() },
    }
}

fn broken(evidence: &Evidence) -> Vec<&'static str> {
    let broken = |one: Invariant| (!one.held).then_some(one.name);
    judge(evidence).into_iter().filter_map(broken).collect()
}

#[test]
fn a_good_day_holds() {
    let wrong: Vec<_> = judge(&day()).into_iter().filter(|one| !one.held).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What is changed, and the invariant that must see it.
type Harm = (&'static str, fn(&mut Evidence));

const CREDITED: &str = "each deposit is credited exactly once";
const LEDGER: &str = "the ledger sums to zero and to the PSPs' books";
const BREACHES: &str = "each breach is disabled on the platform, and nothing else";
const ACCOUNTED: &str = "nothing is unaccounted for";
const ONE_EACH: &str = "one account on the platform for each request, none twice";
const PLANNED: &str = "everyone ended where the day's plan says";

fn lose(evidence: &mut Evidence, event_type: &str) {
    evidence.events.retain(|event| event.event_type != event_type);
}
fn repeat(evidence: &mut Evidence, event_type: &str) {
    let again: Vec<_> = evidence.of_type(event_type).cloned().collect();
    evidence.events.extend(again);
}

#[test]
fn whatever_is_wrong_is_seen() {
    let harms: &[Harm] = &[
        (CREDITED, |e| lose(e, "deposit.credited")),
        (CREDITED, |e| repeat(e, "deposit.credited")),
        (CREDITED, |e| e.stripe.payments[0].charges[0].status = "failed".to_owned()),
        (CREDITED, |e| e.stripe.payments[0].charges[0].amount_refunded = 1),
        (CREDITED, |e| e.facts.clients[0].deposits.clear()),
        (CREDITED, |e| {
            let twice = e.stripe.payments[0].clone();
            e.stripe.payments.push(twice);
        }),
        (LEDGER, |e| e.ledger["total"]["USD"] = json!("0.01")),
        (LEDGER, |e| e.ledger["balances"]["psp:stripe-eu"]["USD"] = json!("-99")),
        (LEDGER, |e| e.ledger["balances"]["psp:adyen-eu"] = json!({ "EUR": "-5" })),
        (BREACHES, |e| e.mt5.accounts[0].rights = 0x1e3),
        (BREACHES, |e| lose(e, "breach.detected")),
        (BREACHES, |e| repeat(e, "breach.detected")),
        (BREACHES, |e| lose(e, "account.disabled")),
        (BREACHES, |e| e.facts.clients[0].plan.challenges[0].trade.breaches = Breaches::None),
        (ACCOUNTED, |e| lose(e, "payment.succeeded")),
        (ACCOUNTED, |e| e.stripe_events.remove(0).0.clear()),
        (ACCOUNTED, |e| lose(e, "kyc.review.started")),
        (ACCOUNTED, |e| repeat(e, "kyc.approved")),
        (ACCOUNTED, |e| repeat(e, "account.deal")),
        (ACCOUNTED, |e| lose(e, "account.deal")),
        (ACCOUNTED, |e| e.mt5.accounts[0].deals.clear()),
        (ACCOUNTED, |e| e.deliveries.get_mut("stripe-eu").unwrap().given_up = 1),
        (ONE_EACH, |e| repeat(e, "account.opened")),
        (ONE_EACH, |e| lose(e, "account.opened")),
        (ONE_EACH, |e| e.mt5.accounts.clear()),
        (ONE_EACH, |e| {
            let mut other = e.mt5.accounts[0].clone();
            other.login = 8;
            e.mt5.accounts.push(other);
        }),
        ("the log's hash chain is intact", |e| e.verify = json!({ "ok": false })),
        ("the log's hash chain is intact", |e| e.verify["verified"] = json!(11)),
        ("no damaged delivery was acknowledged", |e| {
            e.deliveries.get_mut("stripe-eu").unwrap().damaged_acknowledged = 1;
        }),
        ("the rogue connector was contained", |e| e.quarantine.clear()),
        ("the rogue connector was contained", |e| {
            e.events[0].source = "/connections/rogue-psp".to_owned();
        }),
        (PLANNED, |e| lose(e, "client.stage.changed")),
        (PLANNED, |e| e.facts.clients[0].deposits[0].credited = false),
        (PLANNED, |e| lose(e, "payment.routed")),
    ];
    for (place, (invariant, harm)) in harms.iter().enumerate() {
        let mut evidence = day();
        harm(&mut evidence);
        let broken = broken(&evidence);
        assert!(broken.contains(invariant), "harm {place}: {invariant} held, broken: {broken:?}");
    }
}

#[test]
fn a_fact_in_quarantine_is_accounted_for() {
    let mut evidence = day();
    lose(&mut evidence, "payment.succeeded");
    evidence.set_aside = vec![("stripe-eu".to_owned(), r#"{"id":"evt_A"}"#.to_owned())];
    assert!(!broken(&evidence).contains(&ACCOUNTED));
}
