//! Deposits: asked, credited, and never twice.
use crate::world::*;
use hub_domain::deposit::{DEPOSIT_EXPIRES_AFTER_MS, DepositStatus};
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn status(world: &World) -> DepositStatus {
    world.state.payment(&payment("pay_1")).unwrap().status
}
fn balance(world: &World) -> Decimal {
    world.state.balances_of(&client("cl_1")).values().copied().sum()
}
fn result(status: &str, amount: &str) -> Value {
    json!({"vendor_payment": "stripe-eu:pay_1", "status": status,
           "amount": {"amount": amount, "currency": "EUR"}})
}
fn asked() -> World {
    let mut w = World::new();
    w.register("cl_1");
    w.deposit("pay_1", "cl_1", "100");
    w
}

#[test]
fn the_first_psp_is_asked_with_one_key_and_its_own_token() {
    let mut w = World::new();
    w.register("cl_1");
    let decided = w.deposit("pay_1", "cl_1", "100");
    assert_eq!(types(&decided), ["payment.routed", "action.requested"]);
    let asked = action(&decided, "psp.create-payment");
    assert_eq!(asked.action.as_str(), "act_pay_1_1");
    assert_eq!(
        asked.request,
        json!({"payment": "pay_1", "idempotency_key": "act_pay_1_1", "client": "cl_1",
               "amount": {"amount": "100", "currency": "EUR"}, "method": "card",
               "method_token": "tok_s", "country": "DE"})
    );
    assert_eq!(types(&w.deposit("pay_1", "cl_1", "100")), [""; 0], "asked again: nothing");
    assert_eq!(status(&w), DepositStatus::Processing);
}

/// The result of the action and the webhook, in either order and repeated: one credit.
#[test]
fn money_is_credited_once_whichever_way_it_is_told() {
    let credit = [
        "deposit.credited",
        "client.stage.changed",
        "wallet.posted",
        "provisioning.requested",
        "action.requested",
    ];
    for webhook_first in [true, false] {
        let mut w = asked();
        let tell = |w: &mut World, webhook: bool| match webhook {
            true => w.succeeded("pay_1", "stripe-eu", "100"),
            false => w.complete("act_pay_1_1", result("succeeded", "100.00")),
        };
        assert_eq!(types(&tell(&mut w, webhook_first)), credit);
        for webhook in [true, false, true] {
            assert_eq!(types(&tell(&mut w, webhook)), [""; 0]);
        }
        assert_eq!(types(&w.declined("pay_1", "stripe-eu", "fall_back")), [""; 0]);
        assert_eq!((balance(&w), status(&w)), (100.into(), DepositStatus::Credited));
        assert_eq!(
            w.state.ledger()["psp:stripe-eu"].values().copied().sum::<Decimal>(),
            (-100).into()
        );
    }
}

#[test]
fn a_second_psp_that_takes_the_money_gives_it_back_once() {
    let mut w = asked();
    w.declined("pay_1", "stripe-eu", "fall_back");
    // The decline was wrong: money after all, while the second PSP is asked.
    let decided = w.succeeded("pay_1", "stripe-eu", "100");
    assert_eq!(data(&decided, "deposit.credited")["connection"], "stripe-eu");
    let decided = w.succeeded("pay_1", "adyen-eu", "100");
    assert_eq!(types(&decided), ["payment.duplicate_charge", "action.requested"]);
    let refund = action(&decided, "psp.refund");
    assert_eq!(refund.connection, connection("adyen-eu"));
    assert_eq!(refund.request["vendor_payment"], "adyen-eu:pay_1");
    assert_eq!(refund.request["idempotency_key"], refund.action.as_str());
    for over in ["adyen-eu", "stripe-eu"] {
        assert_eq!(types(&w.succeeded("pay_1", over, "100")), [""; 0], "told again by {over}");
    }
    assert_eq!(balance(&w), 100.into());
    // A PSP that cannot refund is told of all the same.
    assert_eq!(types(&w.succeeded("pay_1", "old-eu", "100")), ["payment.duplicate_charge"]);
}

#[test]
fn money_that_comes_after_the_end_is_credited_all_the_same() {
    let mut w = asked();
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "stop")), ["deposit.failed"]);
    assert_eq!(status(&w), DepositStatus::Failed);
    one(&w.succeeded("pay_1", "stripe-eu", "100"), "deposit.credited");
    assert_eq!((balance(&w), status(&w)), (100.into(), DepositStatus::Credited));
}

#[test]
fn what_was_taken_is_credited_and_another_currency_is_held() {
    let mut w = asked();
    let decided = w.succeeded("pay_1", "stripe-eu", "90");
    assert_eq!(types(&decided)[..2], ["payment.amount_mismatch", "deposit.credited"]);
    assert_eq!(balance(&w), 90.into());
    assert_eq!(types(&w.succeeded("pay_1", "stripe-eu", "90")), [""; 0]);

    let mut w = asked();
    let dollars = json!({"payment": "pay_1", "vendor_payment": "x", "amount": {"amount": "100", "currency": "USD"}});
    let decided = w.over("stripe-eu", "payment.succeeded", dollars.clone());
    assert_eq!(types(&decided), ["payment.amount_mismatch"]);
    assert_eq!(types(&w.over("stripe-eu", "payment.succeeded", dollars)), [""; 0]);
    assert_eq!((balance(&w), status(&w)), (0.into(), DepositStatus::Held));
    assert_eq!(types(&w.declined("pay_1", "stripe-eu", "fall_back")), [""; 0], "never fails");
}

#[test]
fn a_pending_deposit_expires_and_late_money_counts() {
    let mut w = asked();
    let decided = w.complete("act_pay_1_1", result("requires_action", "100"));
    assert_eq!(types(&decided), ["timer.set"]);
    assert_eq!(status(&w), DepositStatus::RequiresAction);
    let pending = json!({"payment": "pay_1", "vendor_payment": "stripe-eu:pay_1"});
    assert_eq!(types(&w.over("stripe-eu", "payment.pending", pending)), [""; 0]);
    assert_eq!(status(&w), DepositStatus::Pending);
    w.now += DEPOSIT_EXPIRES_AFTER_MS;
    let elapsed = json!({"timer": "deposit/pay_1", "at_ms": w.now});
    let decided = w.tell("timer.elapsed", elapsed.clone());
    assert_eq!(types(&decided), ["deposit.failed"]);
    assert_eq!(data(&decided, "deposit.failed")["reason"], "expired: no answer within 24 h");
    assert_eq!(types(&w.tell("timer.elapsed", elapsed)), [""; 0]);
    one(&w.succeeded("pay_1", "stripe-eu", "100"), "wallet.posted");
}

#[test]
fn what_cannot_be_asked_for_fails_at_once() {
    for (of, amount, why) in [
        ("cl_9", "100", "is not registered"),
        ("cl_1", "0", "not a positive"),
        ("cl_1", "-5", "not a positive"),
        ("cl_1", "1.005", "decimals"),
    ] {
        let mut w = World::new();
        w.register("cl_1");
        let decided = w.deposit("pay_1", of, amount);
        assert_eq!(types(&decided), ["deposit.failed"], "{of} {amount}");
        let reason = data(&decided, "deposit.failed")["reason"].to_string();
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn news_of_a_payment_that_nobody_asked_for_changes_nothing() {
    let mut w = World::new();
    w.register("cl_1");
    assert_eq!(types(&w.succeeded("pay_9", "stripe-eu", "100")), [""; 0]);
    assert_eq!(balance(&w), 0.into());
}
