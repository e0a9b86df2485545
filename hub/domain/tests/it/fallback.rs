//! Another PSP after a soft decline, and never after anything else.
use crate::world::*;
use hub_domain::deposit::DepositStatus;
use serde_json::json;

fn asked() -> World {
    let mut w = World::new();
    w.register("cl_1");
    w.deposit("pay_1", "cl_1", "100");
    w
}
fn status(world: &World) -> DepositStatus {
    world.state.payment(&payment("pay_1")).unwrap().status
}
const NEXT: [&str; 2] = ["payment.routed", "action.requested"];
const END: [&str; 1] = ["deposit.failed"];

#[test]
fn a_soft_decline_leads_to_the_next_psp_once() {
    let mut w = asked();
    let decided = w.declined("pay_1", "stripe-eu", "fall_back");
    assert_eq!(types(&decided), NEXT);
    let routed = data(&decided, "payment.routed");
    assert_eq!((&routed["attempt"], &routed["chosen"]), (&json!(2), &json!("adyen-eu")));
    assert_eq!(routed["candidates"][0]["reason"], "already asked for this payment");
    let charge = action(&decided, "psp.create-payment");
    assert_eq!(charge.request["idempotency_key"], "act_pay_1_2");
    assert_eq!(charge.request["method_token"], "tok_a");

    // The action's own failure, and the webhook again, are the same news.
    assert_eq!(types(&w.fail("act_pay_1_1", "declined:fall_back")), [""; 0]);
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "stop")), [""; 0]);
    assert_eq!(status(&w), DepositStatus::Processing);
    // Two attempts are allowed, and old-eu would be the third.
    let decided = w.fail("act_pay_1_2", "declined:fall_back");
    assert_eq!(types(&decided), END);
    let failed = data(&decided, "deposit.failed");
    assert_eq!(failed["decline"]["vendor_code"], "51");
    assert!(failed["reason"].as_str().unwrap().contains("allows 2 attempts"), "{failed}");
}

#[test]
fn what_follows_each_failure() {
    for (class, expected, after) in [
        ("declined:fall_back", &NEXT[..], DepositStatus::Processing),
        ("declined:stop", &END, DepositStatus::Failed),
        ("declined:retry_later", &END, DepositStatus::Failed),
        ("declined", &END, DepositStatus::Failed),
        ("transient", &NEXT, DepositStatus::Processing),
        ("unsupported", &NEXT, DepositStatus::Processing),
        ("unauthorised", &NEXT, DepositStatus::Processing),
        ("invalid_request", &NEXT, DepositStatus::Processing),
        ("connector", &NEXT, DepositStatus::Processing),
        ("unknown_outcome", &[], DepositStatus::Unknown),
    ] {
        let mut w = asked();
        assert_eq!(types(&w.fail("act_pay_1_1", class)), expected, "{class}");
        assert_eq!(status(&w), after, "{class}");
    }
}

#[test]
fn an_unknown_outcome_waits_for_a_word_and_nothing_else() {
    let mut w = asked();
    w.fail("act_pay_1_1", "unknown_outcome");
    w.now += 48 * HOUR;
    assert_eq!(types(&w.fail("act_pay_1_1", "transient")), [""; 0]);
    let elapsed = json!({"timer": "deposit/pay_1", "at_ms": w.now});
    assert_eq!(types(&w.tell("timer.elapsed", elapsed)), [""; 0]);
    assert_eq!(status(&w), DepositStatus::Unknown);
    // The webhook's word: a decline that is too late for another PSP, or money.
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "fall_back")), END);
    one(&w.succeeded("pay_1", "stripe-eu", "100"), "deposit.credited");

    // A person's word comes without a connection.
    let mut w = asked();
    w.fail("act_pay_1_1", "unknown_outcome");
    let taken = json!({"payment": "pay_1", "vendor_payment": "pi_9", "amount": {"amount": "100", "currency": "EUR"}});
    let decided = w.tell("payment.succeeded", taken);
    assert_eq!(data(&decided, "deposit.credited")["connection"], "stripe-eu");
}

#[test]
fn an_answer_that_does_not_fit_is_an_unknown_outcome() {
    let mut w = asked();
    assert_eq!(types(&w.complete("act_pay_1_1", json!({"odd": true}))), [""; 0]);
    assert_eq!(status(&w), DepositStatus::Unknown);
}

#[test]
fn the_time_for_fallback_ends() {
    for (happened, recorded, expected) in [
        (30 * SECOND, 30 * SECOND, &NEXT[..]),
        (30 * SECOND + 1, 30 * SECOND + 1, &END),
        // Happened in time, delivered after hours: the client has left.
        (10 * SECOND, 3 * HOUR, &END),
    ] {
        let mut w = asked();
        w.now += recorded;
        let data = json!({"payment": "pay_1", "vendor_payment": "v",
            "decline": {"category": "limit", "verdict": "fall_back", "vendor_code": "x"}});
        let decided = w.told(Some("stripe-eu"), START_MS + happened, "payment.failed", data);
        assert_eq!(types(&decided), expected, "{happened} {recorded}");
    }
}

#[test]
fn a_psp_that_has_the_payment_is_not_bypassed_for_a_technical_failure() {
    let mut w = asked();
    let pending = json!({"payment": "pay_1", "vendor_payment": "v", "requires_action": true});
    w.over("stripe-eu", "payment.pending", pending);
    assert_eq!(types(&w.fail("act_pay_1_1", "transient")), [""; 0]);
    assert_eq!(status(&w), DepositStatus::RequiresAction);
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "fall_back")), NEXT);
}

#[test]
fn news_of_an_earlier_attempt_changes_nothing() {
    let mut w = asked();
    w.declined("pay_1", "stripe-eu", "fall_back");
    let pending = json!({"payment": "pay_1", "vendor_payment": "v"});
    assert_eq!(types(&w.over("stripe-eu", "payment.pending", pending.clone())), [""; 0]);
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "stop")), [""; 0]);
    assert_eq!(status(&w), DepositStatus::Processing);
    // Nor does "pending" after money.
    w.succeeded("pay_1", "adyen-eu", "100");
    assert_eq!(types(&w.over("adyen-eu", "payment.pending", pending)), [""; 0]);
    assert_eq!(status(&w), DepositStatus::Credited);
}

#[test]
fn nobody_is_left_or_nobody_may_be_asked() {
    let mut w = asked();
    for id in ["adyen-eu", "old-eu"] {
        w.tell("connection.paused", json!({"connection": id, "reason": "x"}));
    }
    let decided = w.declined("pay_1", "stripe-eu", "fall_back");
    assert_eq!(types(&decided), END);
    let reason = data(&decided, "deposit.failed")["reason"].to_string();
    assert!(reason.contains("adyen-eu (paused: x)"), "{reason}");

    // Restricted between two attempts.
    let mut w = World::new();
    w.verified("cl_1");
    w.deposit("pay_1", "cl_1", "100");
    let no = json!({"client": "cl_1", "applicant": "a1", "final": true, "reasons": []});
    w.over("sumsub", "kyc.rejected", no);
    let decided = w.declined("pay_1", "stripe-eu", "fall_back");
    assert_eq!(types(&decided), END);

    // No fallback in the rule.
    let mut w = asked();
    let mut without = rules();
    without["routes"][0].as_object_mut().unwrap().remove("fallback");
    w.apply("v2", without);
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "fall_back")), END);
}
