//! Erasure: refused while something is under way, and nothing new is begun afterwards.
use crate::world::*;
use hub_domain::NewEvent;
use serde_json::json;

fn erase(w: &mut World, id: &str, wallet_settled: bool) -> Vec<NewEvent> {
    let mut told = json!({"client": id, "reason": "ticket 4711"});
    if wallet_settled {
        told["wallet_settled"] = true.into();
    }
    w.tell("client.erased", told)
}

#[test]
fn what_is_under_way_and_money_stand_in_the_way_and_are_named() {
    let mut w = World::new();
    w.register("cl_1");
    let said = data(&erase(&mut w, "cl_1", true), "client.transition.refused");
    assert!(said["reason"].as_str().unwrap().contains("kyc.create-applicant"), "{said}");
    let asked = w.state.open_actions().next().unwrap().0.to_string();
    w.complete(&asked, json!({"applicant": "a1"}));

    w.deposit("pay_1", "cl_1", "10.00");
    let said = data(&erase(&mut w, "cl_1", true), "client.transition.refused");
    assert!(said["reason"].as_str().unwrap().contains("deposit pay_1 is open"), "{said}");
    w.succeeded("pay_1", "stripe-eu", "10.00");
    let charge = w.state.open_actions().map(|(id, _)| id.to_string()).collect::<Vec<_>>();
    for action in charge {
        w.fail(&action, "invalid_request");
    }
    let said = data(&erase(&mut w, "cl_1", false), "client.transition.refused");
    assert!(said["reason"].as_str().unwrap().contains("the wallet holds 10.00 EUR"), "{said}");
    assert!(w.state.erased(&client("cl_1")).is_none());

    assert_eq!(types(&erase(&mut w, "cl_1", true)), [""; 0]);
    assert!(w.state.erased(&client("cl_1")).is_some());
    assert_eq!(types(&erase(&mut w, "cl_1", true)), [""; 0], "again is nothing new");
    assert_eq!(w.state.balances_of(&client("cl_1")).len(), 1, "amounts stay");
}

#[test]
fn of_an_erased_client_nothing_new_is_begun() {
    let mut w = World::new();
    w.register("cl_1");
    let asked = w.state.open_actions().next().unwrap().0.to_string();
    w.complete(&asked, json!({"applicant": "a1"}));
    let before = serde_json::to_value(w.state.client(&client("cl_1"))).unwrap();
    assert_eq!(types(&erase(&mut w, "cl_1", false)), [""; 0]);

    let decided = w.over("sumsub", "kyc.approved", json!({"client": "cl_1", "applicant": "a1"}));
    assert_eq!(types(&decided), ["client.transition.refused"], "no account for an erased client");
    let decided = w.tell("kyc.requested", json!({"client": "cl_1"}));
    assert_eq!(types(&decided), ["client.transition.refused"]);
    assert_eq!(types(&w.register("cl_1")), ["client.transition.refused"]);
    assert_eq!(serde_json::to_value(w.state.client(&client("cl_1"))).unwrap(), before);
    w.now += 7 * HOUR;
    let elapsed = json!({"timer": "kyc/cl_1", "at_ms": w.now});
    assert_eq!(types(&w.tell("timer.elapsed", elapsed)), [""; 0], "the vendor is not asked");
    let decided = w.deposit("pay_1", "cl_1", "10.00");
    assert_eq!(types(&decided), ["deposit.failed"]);
    assert!(data(&decided, "deposit.failed")["reason"].as_str().unwrap().contains("erased"));
}

#[test]
fn an_id_that_was_erased_before_it_was_registered_is_not_used_again() {
    let mut w = World::new();
    assert_eq!(types(&erase(&mut w, "cl_9", false)), [""; 0]);
    assert_eq!(types(&w.register("cl_9")), ["client.transition.refused"]);
    assert!(w.state.client(&client("cl_9")).is_none());
}
