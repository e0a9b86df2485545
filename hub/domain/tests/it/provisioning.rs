//! Trading accounts: one trigger, one account.
use crate::world::*;
use hub_domain::provisioning::PURCHASES_WAITING_MAX;
use serde_json::{Value, json};

fn buy(w: &mut World, purchase: &str) -> Vec<hub_domain::NewEvent> {
    let data = json!({"client": "cl_1", "purchase": purchase, "programme": "two-step"});
    w.tell("challenge.purchased", data)
}
fn yes(w: &mut World) -> Vec<hub_domain::NewEvent> {
    w.now += SECOND;
    w.over("sumsub", "kyc.approved", json!({"client": "cl_1", "applicant": "a1"}))
}

#[test]
fn an_approval_opens_an_account_by_rule_once() {
    let mut w = World::new();
    w.register("cl_1");
    let decided = yes(&mut w);
    assert_eq!(
        types(&decided),
        ["client.stage.changed", "provisioning.requested", "action.requested"]
    );
    let asked = action(&decided, "platform.create-account");
    assert_eq!(
        asked.request,
        json!({"provisioning": "prov_cl_1_eu-retail", "client": "cl_1", "group": "real",
               "currency": "EUR", "leverage": 30, "name": "sealed:first", "email": "sealed:mail"})
    );
    assert_eq!(types(&yes(&mut w)), [""; 0], "approved again");
    let mut more = rules();
    let mut another = more["provisioning"][0].clone();
    another["name"] = "new".into();
    more["provisioning"].as_array_mut().unwrap().push(another);
    w.apply("v2", more);
    assert_eq!(types(&yes(&mut w)), [""; 0], "a new rule is not for old approvals");

    let decided = w.complete(asked.action.as_str(), json!({"login": "50001"}));
    assert_eq!(types(&decided), ["account.opened"], "no programme, no funding");
    assert_eq!(data(&decided, "account.opened")["account"], "mt5-live:50001");
    assert_eq!(types(&w.complete(asked.action.as_str(), json!({"login": "50002"}))), [""; 0]);
    assert!(w.state.account(&account("mt5-live:50002")).is_none());
}

#[test]
fn the_first_deposit_opens_an_account_and_the_second_does_not() {
    let mut w = World::new();
    w.verified("cl_1");
    for (id, opens) in [("pay_1", true), ("pay_2", false)] {
        w.deposit(id, "cl_1", "50");
        let decided = w.succeeded(id, "stripe-eu", "50");
        let opened = types(&decided).contains(&"provisioning.requested");
        assert_eq!(opened, opens, "{id}");
    }
}

#[test]
fn a_rule_for_the_first_deposit_that_is_new_is_not_for_later_ones() {
    let mut w = World::new();
    w.verified("cl_1");
    w.deposit("pay_1", "cl_1", "50");
    w.succeeded("pay_1", "stripe-eu", "50");
    let mut renamed = rules();
    renamed["provisioning"][1]["name"] = "another".into();
    w.apply("v2", renamed);
    w.deposit("pay_2", "cl_1", "50");
    assert_eq!(
        types(&w.succeeded("pay_2", "stripe-eu", "50")),
        ["deposit.credited", "wallet.posted"]
    );
}

#[test]
fn a_purchase_waits_for_the_approval_and_is_one_account() {
    let mut w = World::new();
    w.register("cl_1");
    for purchase in ["p1", "p2", "p1"] {
        assert_eq!(types(&buy(&mut w, purchase)), [""; 0], "waits");
    }
    let asked: Vec<_> = yes(&mut w)
        .iter()
        .filter(|new| new.payload.event_type() == "provisioning.requested")
        .map(|new| new.payload.to_value()["provisioning"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(asked, ["prov_cl_1_eu-retail", "prov_cl_1_p1", "prov_cl_1_p2"]);
    assert_eq!(types(&buy(&mut w, "p1")), [""; 0], "bought again: the same purchase");
    let decided = buy(&mut w, "p3");
    assert_eq!(types(&decided), ["provisioning.requested", "action.requested"], "at once");
    assert_eq!(data(&decided, "provisioning.requested")["programme"], "two-step");
}

#[test]
fn a_prop_account_is_funded_once_with_its_own_operation() {
    let mut w = World::new();
    w.verified("cl_1");
    buy(&mut w, "p1");
    let decided = w.complete("act_prov_cl_1_p1_open", json!({"login": "7"}));
    assert_eq!(types(&decided), ["account.opened", "action.requested"]);
    let funding = action(&decided, "platform.balance");
    assert_eq!(funding.request["operation"], "fund_prov_cl_1_p1");
    assert_eq!(funding.request["amount"], json!({"amount": "100000", "currency": "USD"}));
    assert!(funding.request["since_ms"].as_i64().unwrap() < w.now);
    let done = json!({"ticket": "t1", "already_done": false});
    let decided = w.complete(funding.action.as_str(), done.clone());
    assert_eq!(types(&decided), ["account.funded"]);
    assert_eq!(types(&w.complete(funding.action.as_str(), done)), [""; 0]);
}

#[test]
fn what_the_platform_refuses_is_told_once() {
    let failures: [(&str, Option<Value>, &str); 3] = [
        ("act_prov_cl_1_p1_open", None, "m"),
        ("act_prov_cl_1_p1_open", Some(json!({"login": "a/b"})), "is no account"),
        ("act_prov_cl_1_p1_fund", None, "not funded: invalid_request"),
    ];
    for (action, answer, message) in failures {
        let mut w = World::new();
        w.verified("cl_1");
        buy(&mut w, "p1");
        if action.ends_with("fund") {
            w.complete("act_prov_cl_1_p1_open", json!({"login": "7"}));
        }
        let tell = |w: &mut World| match &answer {
            Some(answer) => w.complete(action, answer.clone()),
            None => w.fail(action, "invalid_request"),
        };
        let decided = tell(&mut w);
        assert_eq!(types(&decided), ["provisioning.failed"], "{action}");
        let said = data(&decided, "provisioning.failed")["error"]["message"].to_string();
        assert!(said.contains(message), "{said}");
        assert_eq!(types(&tell(&mut w)), [""; 0]);
        assert_eq!(types(&buy(&mut w, "p1")), [""; 0], "not asked again by itself");
    }
}

#[test]
fn two_requests_never_share_an_account() {
    let mut w = World::new();
    w.verified("cl_1");
    buy(&mut w, "p1");
    w.complete("act_prov_cl_1_p1_open", json!({"login": "7"}));
    let decided = w.complete("act_prov_cl_1_eu-retail_open", json!({"login": "7"}));
    assert_eq!(types(&decided), ["provisioning.failed"]);
}

#[test]
fn odd_names_of_purchases_give_accounts_of_their_own() {
    let mut w = World::new();
    w.verified("cl_1");
    let long = "x".repeat(500);
    for purchase in ["order/1", "order 1", "a_b", "", long.as_str()] {
        one(&buy(&mut w, purchase), "provisioning.requested");
    }
}

#[test]
fn purchases_that_wait_are_limited_and_all_fit_into_one_step() {
    let mut w = World::new();
    w.register("cl_1");
    for n in 0..PURCHASES_WAITING_MAX {
        assert_eq!(types(&buy(&mut w, &format!("p{n}"))), [""; 0]);
    }
    assert_eq!(types(&buy(&mut w, "one-more")), ["client.transition.refused"]);
    let asked = yes(&mut w);
    let count = types(&asked).iter().filter(|one| **one == "provisioning.requested").count();
    assert_eq!(count, PURCHASES_WAITING_MAX + 1);
}
