//! Verification.
use crate::world::*;
use hub_domain::kyc::{KYC_CHECK_AFTER_MS, KycStatus};
use serde_json::{Value, json};

fn status(world: &World) -> KycStatus {
    world.state.client(&client("cl_1")).unwrap().kyc.status
}

#[test]
fn registration_asks_the_vendor_of_the_first_rule_that_matches() {
    let mut w = World::new();
    let decided = w.register("cl_1");
    assert_eq!(types(&decided), ["kyc.requested", "client.stage.changed", "action.requested"]);
    let asked = action(&decided, "kyc.create-applicant");
    assert_eq!(asked.connection, connection("sumsub"));
    assert_eq!(
        asked.request,
        json!({"client": "cl_1", "level": "basic", "country": "DE", "email": "sealed:mail",
               "first_name": "sealed:first"}),
        "personal fields are copied as they are"
    );

    // The rule of the other entity is not for registrations.
    let data = json!({"client": "cl_2", "entity": "acme-uk", "country": "GB"});
    assert_eq!(types(&w.tell("client.registered", data)), [""; 0]);
    let decided = w.tell("kyc.requested", json!({"client": "cl_2"}));
    assert_eq!(types(&decided), ["client.stage.changed", "action.requested"]);
    assert_eq!(action(&decided, "kyc.create-applicant").request["level"], "full");
}

#[test]
fn the_applicant_is_told_of_once_whichever_way_it_is_known_first() {
    let mut w = World::new();
    w.register("cl_1");
    let decided = w.complete("act_cl_1_kyc-1", json!({"applicant": "a1"}));
    assert_eq!(types(&decided), ["kyc.applicant.created", "timer.set"]);
    let decided =
        w.over("sumsub", "kyc.applicant.created", json!({"client": "cl_1", "applicant": "a1"}));
    assert_eq!(types(&decided), [""; 0]);

    let mut w = World::new();
    w.register("cl_1");
    w.over("sumsub", "kyc.applicant.created", json!({"client": "cl_1", "applicant": "a1"}));
    let decided = w.complete("act_cl_1_kyc-1", json!({"applicant": "a1"}));
    assert_eq!(types(&decided), [""; 0]);
}

#[test]
fn a_vendor_that_cannot_be_asked_leaves_the_client_where_it_is_and_may_be_asked_again() {
    let mut w = World::new();
    w.register("cl_1");
    assert_eq!(types(&w.fail("act_cl_1_kyc-1", "transient")), [""; 0]);
    let kyc = &w.state.client(&client("cl_1")).unwrap().kyc;
    assert!(kyc.error.is_some() && kyc.status == KycStatus::Requested);
    let decided = w.tell("kyc.requested", json!({"client": "cl_1"}));
    assert_eq!(action(&decided, "kyc.create-applicant").action.as_str(), "act_cl_1_kyc-2");
}

/// Facts with the vendor's time, in every order: the newest one counts.
#[test]
fn the_order_of_arrival_does_not_matter() {
    let started = ("kyc.review.started", 1, json!({"client": "cl_1", "applicant": "a1"}));
    let retry = (
        "kyc.rejected",
        2,
        json!({"client": "cl_1", "applicant": "a1", "final": false, "reasons": ["X"]}),
    );
    let again = ("kyc.review.started", 3, json!({"client": "cl_1", "applicant": "a1"}));
    let approved = ("kyc.approved", 4, json!({"client": "cl_1", "applicant": "a1"}));
    // The review that starts in the very millisecond of the answer is older than it.
    let same_time = ("kyc.review.started", 4, json!({"client": "cl_1", "applicant": "a1"}));
    let all = [started, retry, again, approved, same_time];
    for first in 0..all.len() {
        for step in 1..all.len() {
            let mut w = World::new();
            w.register("cl_1");
            for n in 0..all.len() {
                let (fact, second, data) = all[(first + n * step) % all.len()].clone();
                w.told(Some("sumsub"), START_MS + second * SECOND, fact, data);
            }
            assert_eq!(status(&w), KycStatus::Approved, "from {first} by {step}");
        }
    }
}

#[test]
fn a_late_fact_moves_nothing_and_a_resubmission_does() {
    let mut w = World::new();
    w.register("cl_1");
    let no = json!({"client": "cl_1", "applicant": "a1", "final": false, "reasons": ["DOC"]});
    w.told(Some("sumsub"), START_MS + 20, "kyc.rejected", no);
    let review = json!({"client": "cl_1", "applicant": "a1"});
    let decided = w.told(Some("sumsub"), START_MS + 10, "kyc.review.started", review.clone());
    assert_eq!((types(&decided), status(&w)), (vec![], KycStatus::Rejected));
    let decided = w.told(Some("sumsub"), START_MS + 30, "kyc.review.started", review);
    assert_eq!(types(&decided), ["client.stage.changed", "timer.set"]);
    assert_eq!(status(&w), KycStatus::InReview);
}

#[test]
fn after_a_rejection_that_is_not_final_the_client_may_be_asked_for_again() {
    let mut w = World::new();
    w.register("cl_1");
    w.complete("act_cl_1_kyc-1", json!({"applicant": "a1"}));
    let no = json!({"client": "cl_1", "applicant": "a1", "final": false, "reasons": ["DOC"]});
    w.over("sumsub", "kyc.rejected", no);
    w.now += HOUR;
    let decided = w.tell("kyc.requested", json!({"client": "cl_1"}));
    assert_eq!(types(&decided), ["client.stage.changed", "action.requested"]);
    let decided = w.complete("act_cl_1_kyc-2", json!({"applicant": "a1"}));
    assert_eq!(types(&decided), ["kyc.applicant.created"], "the timer still runs");
    assert_eq!(status(&w), KycStatus::Started);
}

/// Started, no webhook, the timer elapses: what each answer leads to.
#[test]
fn a_silent_vendor_is_asked() {
    let cases: [(Value, &[&str]); 5] = [
        (json!({"answer": "started"}), &[]),
        (json!({"answer": "in_review"}), &["kyc.review.started", "client.stage.changed"]),
        (
            json!({"answer": "approved"}),
            &["kyc.approved", "client.stage.changed", "provisioning.requested", "action.requested"],
        ),
        (
            json!({"answer": "rejected", "final": true, "reasons": ["FRAUD"]}),
            &["kyc.rejected", "client.stage.changed"],
        ),
        (json!("nonsense"), &[]),
    ];
    for (answer, expected) in cases {
        let mut w = World::new();
        w.register("cl_1");
        w.complete("act_cl_1_kyc-1", json!({"applicant": "a1"}));
        let timer = json!({"timer": "kyc/cl_1", "at_ms": w.now + KYC_CHECK_AFTER_MS});
        assert_eq!(
            w.state.timers().collect::<Vec<_>>(),
            [("kyc/cl_1", w.now + KYC_CHECK_AFTER_MS)]
        );
        w.now += KYC_CHECK_AFTER_MS;
        let decided = w.tell("timer.elapsed", timer.clone());
        assert_eq!(types(&decided), ["action.requested", "timer.set"]);
        assert_eq!(
            action(&decided, "kyc.get-result").request,
            json!({"client": "cl_1", "applicant": "a1"})
        );
        assert_eq!(types(&w.tell("timer.elapsed", timer)), [""; 0], "the timer was moved since");
        let decided = w.complete("act_cl_1_result-1", answer.clone());
        assert_eq!(types(&decided), expected, "{answer}");
        // Asked again only while nothing is known.
        w.now += KYC_CHECK_AFTER_MS;
        let timer = json!({"timer": "kyc/cl_1", "at_ms": w.now});
        let again = w.tell("timer.elapsed", timer);
        let waits = matches!(status(&w), KycStatus::Started | KycStatus::InReview);
        assert_eq!(!again.is_empty(), waits, "{answer}");
    }
}

#[test]
fn an_answer_that_a_webhook_brought_is_not_asked_for_or_overruled() {
    let mut w = World::new();
    w.register("cl_1");
    w.complete("act_cl_1_kyc-1", json!({"applicant": "a1"}));
    let elapsed = json!({"timer": "kyc/cl_1", "at_ms": w.now + KYC_CHECK_AFTER_MS});
    w.now += KYC_CHECK_AFTER_MS;
    w.tell("timer.elapsed", elapsed);
    w.over("sumsub", "kyc.approved", json!({"client": "cl_1", "applicant": "a1"}));
    let no = json!({"answer": "rejected", "final": false, "reasons": []});
    assert_eq!(types(&w.complete("act_cl_1_result-1", no)), [""; 0]);
    assert_eq!(status(&w), KycStatus::Approved);
}
