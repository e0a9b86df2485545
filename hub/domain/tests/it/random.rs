//! Long streams of facts in no sensible order, from a generator that is the same every time: what
//! must never happen, does not, and a replay gives the same state.
use crate::world::*;
use hub_domain::deposit::AttemptStatus;
use hub_domain::{DECISIONS_MAX, Event, NewEvent, State};
use hub_schemas::Payload;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Knuth's MMIX constants; the high bits are good enough to choose facts with.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// One fact: over which connection, its type and its data.
fn fact(r: &mut Lcg, world: &World) -> (Option<&'static str>, &'static str, Value) {
    let client = format!("cl_{}", r.below(6));
    let payment = format!("pay_{}", r.below(40));
    let psp = r.of(&["stripe-eu", "adyen-eu", "old-eu", "stripe-uk"]);
    let amount = json!({"amount": r.of(&["100", "100.00", "90", "0", "250.5"]),
                        "currency": r.of(&["EUR", "EUR", "EUR", "USD"])});
    let account = format!("mt5-live:{}", r.below(12));
    let person = json!({"client": client, "applicant": "a1"});
    match r.below(22) {
        0 => (
            None,
            "client.registered",
            json!({"client": client, "entity": r.of(&["acme-eu", "acme-eu", "acme-uk"]), "country": "DE"}),
        ),
        1 => (None, "kyc.requested", json!({"client": client})),
        2 => (Some("sumsub"), "kyc.review.started", person),
        3 => (Some("sumsub"), "kyc.approved", person),
        4 => (
            Some("sumsub"),
            "kyc.rejected",
            json!({"client": client, "applicant": "a1", "final": r.below(8) == 0, "reasons": ["X"]}),
        ),
        5 | 6 => (
            None,
            "deposit.requested",
            json!({"payment": payment, "client": client, "method": "card", "amount": amount}),
        ),
        7 | 8 => (
            Some(psp),
            "payment.succeeded",
            json!({"payment": payment, "vendor_payment": "v", "amount": amount}),
        ),
        9 => (
            Some(psp),
            "payment.pending",
            json!({"payment": payment, "vendor_payment": "v", "requires_action": r.below(2) == 0}),
        ),
        10 => (
            Some(psp),
            "payment.failed",
            json!({"payment": payment, "vendor_payment": "v", "decline":
            {"category": "limit", "verdict": r.of(&["fall_back", "stop", "retry_later"]), "vendor_code": "c"}}),
        ),
        11 => (
            None,
            "challenge.purchased",
            json!({"client": client, "purchase": format!("p{}", r.below(5)), "programme": r.of(&["two-step", "equity-step", "gone"])}),
        ),
        12 | 13 => (
            Some("mt5-live"),
            "account.equity",
            json!({"account": account, "credit": "0",
            "balance": (r.below(30) * 1000 + 80_000).to_string(), "equity": (r.below(30) * 1000 + 80_000).to_string()}),
        ),
        14 => (
            Some("mt5-live"),
            "account.deal",
            json!({"account": account, "deal": format!("d{}", r.below(50)),
            "kind": r.of(&["open", "close", "balance", "credit"]), "profit": "500", "commission": "0", "swap": "0"}),
        ),
        15 => (
            None,
            r.of(&["connection.resumed", "connection.circuit.closed"]),
            json!({"connection": psp}),
        ),
        16 if r.below(2) == 0 => {
            (None, "connection.paused", json!({"connection": psp, "reason": "x"}))
        }
        17 => match world.state.timers().nth(r.below(8)) {
            Some((timer, at_ms)) => {
                (None, "timer.elapsed", json!({"timer": timer, "at_ms": at_ms}))
            }
            None => (Some("sumsub"), "kyc.approved", person),
        },
        _ => outcome(r, world),
    }
}

/// How an open action ends.
fn outcome(r: &mut Lcg, world: &World) -> (Option<&'static str>, &'static str, Value) {
    let open: Vec<_> = world.state.open_actions().collect();
    if open.is_empty() {
        return (None, "kyc.requested", json!({"client": "cl_0"}));
    }
    let (id, one) = open[r.below(open.len())];
    let mut data = json!({"action": id.as_str(), "kind": one.kind.name(), "connection": one.connection.as_str(), "attempts": 1});
    let over = ["stripe-eu", "adyen-eu", "old-eu", "stripe-uk", "sumsub", "mt5-live"];
    let over = over.into_iter().find(|id| *id == one.connection.as_str());
    if r.below(3) == 0 {
        let class = r.of(&["transient", "declined", "connector", "unknown_outcome"]);
        data["error"] = json!({"class": class, "message": "m", "verdict": "fall_back"});
        return (over, "action.failed", data);
    }
    data["result"] = match one.kind.name() {
        "psp.create-payment" => {
            json!({"vendor_payment": "v", "amount": {"amount": "100", "currency": "EUR"},
            "status": r.of(&["succeeded", "pending", "requires_action", "failed"])})
        }
        "kyc.create-applicant" => json!({"applicant": "a1"}),
        "kyc.get-result" => json!({"answer": r.of(&["started", "in_review", "approved"])}),
        "platform.create-account" => json!({"login": r.below(12).to_string()}),
        "platform.balance" => json!({"ticket": "t", "already_done": false}),
        _ => json!({}),
    };
    (over, "action.completed", data)
}

/// What may be decided once in a log and no more.
fn key(new: &NewEvent) -> Option<String> {
    match &new.payload {
        Payload::ActionRequested(d) => Some(format!("action {}", d.action)),
        Payload::DepositCredited(d) => Some(format!("credit {}", d.payment)),
        Payload::DepositFailed(d) => Some(format!("failure {}", d.payment)),
        Payload::PaymentRouted(d) => Some(format!("attempt {} {}", d.payment, d.attempt)),
        Payload::PaymentDuplicateCharge(d) => {
            Some(format!("double {} {}", d.payment, d.connection))
        }
        Payload::WalletPosted(d) => Some(format!("posting {}", d.reference)),
        Payload::ProvisioningRequested(d) => Some(format!("provisioning {}", d.provisioning)),
        Payload::AccountOpened(d) => Some(format!("account {}", d.account)),
        Payload::AccountFunded(d) => Some(format!("funding {}", d.account)),
        Payload::BreachDetected(d) => Some(format!("breach {} {}", d.account, d.rule)),
        _ => None,
    }
}

/// A PSP is asked only after the one before has said no, or could not be asked.
fn asked_in_turn(before: &State, new: &NewEvent) {
    let Payload::PaymentRouted(d) = &new.payload else { return };
    let Some(payment) = before.payment(&d.payment) else { return };
    let earlier = payment.deposit.attempts.iter().rev().skip(1);
    let settled = |status| matches!(status, AttemptStatus::Declined | AttemptStatus::Errored);
    assert!(earlier.clone().all(|one| settled(one.status)), "{d:?} after {earlier:?}");
}

#[test]
fn what_must_never_happen_does_not() {
    let mut decided_in_all = BTreeSet::new();
    for seed in 0..12 {
        let mut r = Lcg(seed);
        let mut w = World::new();
        let mut once = BTreeSet::new();
        for _ in 0..1_500 {
            w.now += r.below(7_200_000) as i64;
            // Vendors tell late, and sometimes what is long past.
            let time_ms = w.now - [0, 0, 0, SECOND, HOUR, 30 * HOUR][r.below(6)];
            let (over, fact, data) = fact(&mut r, &w);
            let decided = w.told(over, time_ms, fact, data.clone());
            for new in &decided {
                decided_in_all.insert(new.payload.event_type());
                asked_in_turn(&w.state, new);
                if let Some(key) = key(new) {
                    assert!(once.insert(key.clone()), "seed {seed}: {key} was decided twice");
                }
            }
            assert!(w.state.ledger_total().values().all(|sum| sum.is_zero()));
            if r.below(4) == 0 {
                let again = w.told(over, time_ms, fact, data);
                let refusals = types(&again).iter().all(|one| *one == "client.transition.refused");
                assert!(refusals, "seed {seed}: {fact} again decided {:?}", types(&again));
            }
        }
    }
    // The streams reach every decision that there is.
    for decision in [
        "account.disable_failed",
        "account.disabled",
        "account.funded",
        "account.opened",
        "action.requested",
        "breach.detected",
        "client.stage.changed",
        "client.transition.refused",
        "deposit.credited",
        "deposit.failed",
        "kyc.applicant.created",
        "kyc.approved",
        "kyc.requested",
        "kyc.review.started",
        "payment.amount_mismatch",
        "payment.duplicate_charge",
        "payment.routed",
        "provisioning.failed",
        "provisioning.requested",
        "timer.set",
        "wallet.posted",
    ] {
        assert!(decided_in_all.contains(decision), "no stream came to {decision}");
    }
}

#[test]
fn a_snapshot_goes_on_as_the_state_that_it_was_taken_of() {
    let mut r = Lcg(99);
    let mut w = World::new();
    for step in 0..600 {
        w.now += r.below(7_200_000) as i64;
        if step % 50 == 0 {
            let json = serde_json::to_string(&w.state).unwrap();
            w.state = serde_json::from_str(&json).unwrap();
        }
        let (over, fact, data) = fact(&mut r, &w);
        w.told(over, w.now, fact, data);
    }
}

#[test]
fn a_runaway_ends_with_the_events_name() {
    let mut too_many = rules();
    let rule = too_many["provisioning"][0].clone();
    let named = |n: usize| {
        let mut rule = rule.clone();
        rule["name"] = format!("r{n}").into();
        rule
    };
    too_many["provisioning"] = (0..DECISIONS_MAX).map(named).collect();
    let checked = serde_json::from_value(too_many.clone()).unwrap();
    assert!(!hub_domain::rules::check(&checked).is_empty(), "a check stands before it");
    let mut w = World::empty();
    w.apply("v1", too_many);
    w.register("cl_1");
    let payload =
        Payload::parse("kyc.approved", json!({"client": "cl_1", "applicant": "a1"})).unwrap();
    let event = Event {
        sequence: 77,
        time_ms: w.now,
        recorded_ms: w.now,
        connection: None,
        entity: None,
        payload,
    };
    let error = w.state.clone().step(&event).unwrap_err();
    assert!(error.to_string().contains("kyc.approved evt_77"), "{error}");
}
