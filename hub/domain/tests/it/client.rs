//! Stages, and facts that are refused.
use crate::world::*;
use hub_schemas::events::client::Stage;
use serde_json::json;

fn stage(world: &World) -> Stage {
    world.state.client(&client("cl_1")).unwrap().stage
}

#[test]
fn a_client_walks_through_the_stages_and_each_change_says_why() {
    let mut w = World::new();
    let mut path = Vec::new();
    let mut walk = |decided: Vec<hub_domain::NewEvent>| {
        let changes = decided.iter().filter(|n| n.payload.event_type() == "client.stage.changed");
        path.extend(changes.map(|new| {
            let d = new.payload.to_value();
            format!("{} -> {}: {}", d["from"], d["to"], d["because"]).replace('"', "")
        }));
    };
    walk(w.register("cl_1"));
    walk(w.over("sumsub", "kyc.review.started", json!({"client": "cl_1", "applicant": "a1"})));
    walk(w.over("sumsub", "kyc.approved", json!({"client": "cl_1", "applicant": "a1"})));
    walk(w.deposit("pay_1", "cl_1", "100"));
    walk(w.declined("pay_1", "stripe-eu", "stop"));
    walk(w.deposit("pay_2", "cl_1", "100"));
    walk(w.succeeded("pay_2", "stripe-eu", "100"));
    walk(w.complete("act_prov_cl_1_eu-retail_open", json!({"login": "7"})));
    let deal = json!({"account": "mt5-live:7", "deal": "d1", "kind": "open", "profit": "0",
                      "commission": "0", "swap": "0"});
    walk(w.over("mt5-live", "account.deal", deal.clone()));
    walk(w.over("mt5-live", "account.deal", deal));
    assert_eq!(
        path,
        [
            "registered -> kyc_started: verification was asked for (kyc.requested, evt_2)",
            "kyc_started -> kyc_in_review: the KYC vendor is looking (kyc.review.started, evt_6)",
            "kyc_in_review -> verified: verification was passed (kyc.approved, evt_9)",
            "verified -> deposit_failed: deposit pay_1 failed: stripe-eu declined: \
             insufficient_funds (51); a hard decline ends the deposit (deposit.failed, evt_16)",
            "deposit_failed -> funded: 100 EUR of pay_2 was credited (deposit.credited, evt_22)",
            "funded -> traded: first trade, deal d1 on mt5-live:7 (account.deal, evt_30)",
        ]
    );
}

#[test]
fn a_yes_that_turns_into_a_no_restricts_at_once() {
    let mut w = World::new();
    w.verified("cl_1");
    w.now += HOUR;
    let no = json!({"client": "cl_1", "applicant": "a1", "final": false, "reasons": ["FORGERY"]});
    let decided = w.over("sumsub", "kyc.rejected", no);
    assert_eq!(types(&decided), ["client.stage.changed"]);
    assert_eq!(stage(&w), Stage::Restricted);

    let decided = w.deposit("pay_1", "cl_1", "100");
    assert_eq!(types(&decided), ["deposit.failed"], "no PSP is asked");
    let decided = w.tell(
        "challenge.purchased",
        json!({"client": "cl_1", "purchase": "p1", "programme": "two-step"}),
    );
    assert_eq!(types(&decided), [""; 0], "no account is opened");

    // A later yes does not lift what only a person may lift, and opens nothing.
    w.now += HOUR;
    let decided = w.over("sumsub", "kyc.approved", json!({"client": "cl_1", "applicant": "a1"}));
    assert_eq!(types(&decided), [""; 0]);
    assert_eq!(stage(&w), Stage::Restricted);
}

#[test]
fn facts_that_ask_for_the_impossible_are_refused_with_a_reason() {
    let no = |r#final: bool| json!({"client": "cl_1", "applicant": "a1", "final": r#final, "reasons": []});
    let yes = || json!({"client": "cl_1", "applicant": "a1"});
    let started = || json!({"client": "cl_1", "applicant": "a1"});
    let ask = || json!({"client": "cl_1"});
    for (before, fact, data, reason) in [
        (vec![], "kyc.approved", yes(), "no such client"),
        (vec![], "kyc.requested", ask(), "no such client"),
        (
            vec![],
            "challenge.purchased",
            json!({"client": "cl_1", "purchase": "p", "programme": "two-step"}),
            "no such client",
        ),
        (vec![("kyc.rejected", no(true))], "kyc.approved", yes(), "for good"),
        (vec![("kyc.rejected", no(true))], "kyc.review.started", started(), "for good"),
        (vec![("kyc.rejected", no(true))], "kyc.rejected", no(false), "for good"),
        (vec![("kyc.rejected", no(true))], "kyc.requested", ask(), "for good"),
        (vec![("kyc.approved", yes())], "kyc.requested", ask(), "passed already"),
        (vec![("kyc.review.started", started())], "kyc.requested", ask(), "under way"),
        (
            vec![("kyc.rejected", no(false))],
            "kyc.requested",
            json!({"client": "cl_1", "connection": "stripe-eu"}),
            "not a KYC connection",
        ),
        (
            vec![("kyc.approved", yes())],
            "challenge.purchased",
            json!({"client": "cl_1", "purchase": "p", "programme": "nope"}),
            "no programme",
        ),
        (
            vec![("kyc.approved", yes())],
            "client.registered",
            json!({"client": "cl_1", "entity": "acme-uk", "country": "DE"}),
            "locked",
        ),
    ] {
        let mut w = World::new();
        if !before.is_empty() || fact == "client.registered" {
            w.register("cl_1");
        }
        for (fact, data) in before {
            w.now += SECOND;
            w.over("sumsub", fact, data);
        }
        w.now += SECOND;
        let stage_before = w.state.client(&client("cl_1")).map(|one| one.stage);
        let decided = w.over("sumsub", fact, data);
        assert_eq!(types(&decided), ["client.transition.refused"], "{fact}: {reason}");
        let said = self::data(&decided, "client.transition.refused");
        assert_eq!(said["fact"], fact);
        assert!(said["reason"].as_str().unwrap().contains(reason), "{fact}: {said}");
        assert_eq!(w.state.client(&client("cl_1")).map(|one| one.stage), stage_before);
    }
}

#[test]
fn the_same_registration_again_is_no_news() {
    let mut w = World::new();
    w.register("cl_1");
    assert_eq!(types(&w.register("cl_1")), [""; 0]);
}

#[test]
fn the_card_shows_what_is_known_and_personal_text_as_it_came() {
    let mut w = World::new();
    w.verified("cl_1");
    w.deposit("pay_1", "cl_1", "100.00");
    w.succeeded("pay_1", "stripe-eu", "100.00");
    w.complete("act_prov_cl_1_eu-retail_open", json!({"login": "7"}));
    let card = serde_json::to_value(w.state.client_card(&client("cl_1")).unwrap()).unwrap();
    assert_eq!(card["stage"], "funded");
    assert_eq!(card["registered"]["email"], "sealed:mail");
    assert_eq!(card["kyc"]["applicant"], "a1");
    assert_eq!(card["kyc"]["connection"], "sumsub");
    assert_eq!(card["wallet"]["EUR"], "100.00");
    assert_eq!(card["deposits"][0]["status"], "credited");
    assert_eq!(card["deposits"][0]["attempts"][0]["connection"], "stripe-eu");
    assert_eq!(card["accounts"][0]["account"], "mt5-live:7");
}
