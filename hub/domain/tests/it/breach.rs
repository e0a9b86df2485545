//! Breaches: found when a floor is crossed, and never otherwise.
use crate::world::*;
use hub_domain::NewEvent;
use serde_json::{Value, json};

const ACCOUNT: &str = "mt5-live:7";

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}
/// An open account of a programme, not funded yet.
fn opened(programme: &str) -> World {
    let mut w = World::new();
    w.verified("cl_1");
    w.tell(
        "challenge.purchased",
        json!({"client": "cl_1", "purchase": "p1", "programme": programme}),
    );
    w.complete("act_prov_cl_1_p1_open", json!({"login": "7"}));
    w
}
fn funded(programme: &str) -> World {
    let mut w = opened(programme);
    w.complete("act_prov_cl_1_p1_fund", json!({"ticket": "t1", "already_done": false}));
    w
}
fn equity(w: &mut World, at: &str, balance: &str, equity: &str) -> Vec<NewEvent> {
    let data = json!({"account": ACCOUNT, "balance": balance, "equity": equity, "credit": "0"});
    w.told(Some("mt5-live"), ms(at), "account.equity", data)
}
fn deal(w: &mut World, at: &str, id: &str, kind: &str, amount: &str) -> Vec<NewEvent> {
    let data = json!({"account": ACCOUNT, "deal": id, "kind": kind, "profit": amount,
                      "commission": "0", "swap": "0"});
    w.told(Some("mt5-live"), ms(at), "account.deal", data)
}
/// The breaches among decisions, as `rule floor`.
fn breaches(decided: &[NewEvent]) -> Vec<String> {
    let found = decided.iter().filter(|new| new.payload.event_type() == "breach.detected");
    found
        .map(|new| {
            let d = new.payload.to_value();
            format!("{} {}", d["rule"].as_str().unwrap(), d["floor"].as_str().unwrap())
        })
        .collect()
}

/// FTMO: 100k, 5 % of the initial balance a day from the balance at midnight in Prague, 10 % in all.
#[test]
fn the_example_of_the_field() {
    let mut w = funded("two-step");
    assert_eq!(breaches(&equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000")), [""; 0]);
    assert_eq!(
        breaches(&equity(&mut w, "2026-03-02T22:30:00Z", "96000", "95000")),
        [""; 0],
        "on the floor"
    );
    // The next day: 96,000 at midnight, floor 91,000; then one that is nearly the last.
    assert_eq!(breaches(&equity(&mut w, "2026-03-03T09:00:00Z", "92000", "91000.00")), [""; 0]);
    // And the day after, from 92,000: the day's floor is 87,000, and 90,000 holds for good.
    assert_eq!(breaches(&equity(&mut w, "2026-03-04T09:00:00Z", "92000", "90000")), [""; 0]);
    let decided = equity(&mut w, "2026-03-04T09:00:01Z", "92000", "89999");
    assert_eq!(types(&decided), ["breach.detected", "action.requested", "action.requested"]);
    let crossed_by = w.log.last().unwrap().0.id();
    let breach = data(&decided, "breach.detected");
    let expected = json!({
        "breach": format!("br_mt5-live:7_max-loss_{}", &crossed_by[4..]),
        "account": ACCOUNT, "client": "cl_1", "programme": "two-step", "phase": "challenge",
        "rule": "max-loss", "rules_version": "v1",
        "anchor": {"kind": "initial", "value": "100000"},
        "allowance": "10000.00", "floor": "90000.00", "compared": "equity", "value": "89999",
        "crossed_by": crossed_by,
        "derivation": "floor 90000 = anchor 100000 (initial balance) − allowance 10000 (0.10 × \
                       initial balance 100000); equity 89999 is below it",
    });
    assert_eq!(breach, expected);
}

#[test]
fn a_daily_breach_names_the_state_before_the_reset() {
    let mut w = funded("two-step");
    equity(&mut w, "2026-03-28T10:00:00Z", "104000", "104500");
    let anchor = w.log.last().unwrap().0.id();
    // 23:00 UTC is midnight in Prague: the last state before it counts, not the first after it.
    assert_eq!(breaches(&equity(&mut w, "2026-03-28T23:00:00Z", "99500", "99000.00")), [""; 0]);
    let decided = equity(&mut w, "2026-03-29T21:59:59Z", "99500", "98999.99");
    let breach = data(&decided, "breach.detected");
    assert_eq!(
        breach["anchor"],
        json!({"kind": "balance", "value": "104000", "event": anchor, "day": "2026-03-29"})
    );
    assert_eq!(breach["floor"], "99000.00");
    assert!(
        breach["derivation"]
            .as_str()
            .unwrap()
            .contains("before the reset of 2026-03-29, 00:00 Europe/Prague")
    );
}

/// The same fall on either side of the reset, on days of 23, 24 and 25 hours.
#[test]
fn a_day_begins_at_its_reset_whatever_the_clock_does() {
    for (before, last_moment, reset) in [
        ("2026-03-02T12:00:00Z", "2026-03-02T22:59:59.999Z", "2026-03-02T23:00:00Z"),
        ("2026-03-29T12:00:00Z", "2026-03-29T21:59:59.999Z", "2026-03-29T22:00:00Z"),
        ("2026-10-25T12:00:00Z", "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z"),
    ] {
        for (at, expected) in [(last_moment, vec!["daily-loss 95000.00"]), (reset, vec![])] {
            let mut w = funded("two-step");
            equity(&mut w, before, "97000", "97000");
            assert_eq!(breaches(&equity(&mut w, at, "94000", "94000")), expected, "{at}");
        }
    }
}

#[test]
fn nothing_is_judged_before_the_opening_balance_is_there() {
    let mut w = opened("two-step");
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:00Z", "0", "0")), [""; 0]);
    w.complete("act_prov_cl_1_p1_fund", json!({"ticket": "t1", "already_done": false}));
    // The platform's word from just before the funding, that arrives after it.
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:01Z", "0", "0")), [""; 0]);
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:03Z", "100000", "100000")), [""; 0]);
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:02Z", "0", "0")), [""; 0]);
    // Nothing left afterwards is a loss.
    let lost = equity(&mut w, "2026-03-02T10:00:04Z", "0", "0");
    assert_eq!(breaches(&lost), ["daily-loss 95000.00", "max-loss 90000.00"]);
    // Two breaches of one account: one closing, one disabling.
    action(&lost, "platform.close-positions");
    action(&lost, "platform.disable-account");
}

#[test]
fn the_state_before_the_funding_is_no_anchor_either() {
    let mut w = funded("two-step");
    equity(&mut w, "2026-03-02T10:00:00Z", "0", "0");
    let decided = equity(&mut w, "2026-03-03T10:00:00Z", "94999", "94999");
    assert_eq!(breaches(&decided), ["daily-loss 95000.00"]);
}

#[test]
fn an_account_that_lost_all_before_it_was_seen_is_judged() {
    let mut w = funded("two-step");
    deal(&mut w, "2026-03-02T10:00:00Z", "d1", "open", "0");
    let lost = equity(&mut w, "2026-03-02T10:00:01Z", "0", "0");
    assert_eq!(breaches(&lost).len(), 2);
}

#[test]
fn a_rule_is_breached_once_whatever_is_told_again() {
    let mut w = funded("two-step");
    equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000");
    let first = equity(&mut w, "2026-03-02T11:00:00Z", "100000", "94000");
    assert_eq!(breaches(&first), ["daily-loss 95000.00"]);
    for _ in 0..3 {
        assert_eq!(types(&equity(&mut w, "2026-03-02T11:00:00Z", "100000", "94000")), [""; 0]);
    }
    assert_eq!(types(&equity(&mut w, "2026-03-05T11:00:00Z", "91000", "91000")), [""; 0]);
    // The other rule is one of its own; what it would ask for has been asked for.
    let second = equity(&mut w, "2026-03-06T11:00:00Z", "89000", "89000");
    assert_eq!(types(&second), ["breach.detected"]);
    assert_eq!(w.state.breaches().count(), 2);
}

#[test]
fn late_facts_are_judged_by_their_own_day_and_move_none_backwards() {
    let mut w = funded("two-step");
    equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000");
    equity(&mut w, "2026-03-03T10:00:00Z", "97000", "97000");
    equity(&mut w, "2026-03-04T10:00:00Z", "97000", "97000");
    // Two days ago: no longer known, and judged by the maximum loss alone.
    assert_eq!(breaches(&equity(&mut w, "2026-03-02T09:00:00Z", "94000", "94000")), [""; 0]);
    // Of the day before: its floor is 95,000, from 100,000. Today's is 92,000.
    assert_eq!(breaches(&equity(&mut w, "2026-03-03T11:00:00Z", "95000", "95000")), [""; 0]);
    let late = equity(&mut w, "2026-03-03T10:30:00Z", "97000", "94999");
    assert_eq!(data(&late, "breach.detected")["anchor"]["day"], "2026-03-03");
    // The day did not go back.
    let view = serde_json::to_value(w.state.account(&account(ACCOUNT)).unwrap()).unwrap();
    assert_eq!(view["rules"][0]["anchor"]["day"], "2026-03-04");
    assert_eq!(view["latest"]["time_ms"], ms("2026-03-04T10:00:00Z"));
}

#[test]
fn a_late_state_nearer_to_the_reset_is_the_anchor_from_then_on() {
    let mut w = funded("two-step");
    equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000");
    equity(&mut w, "2026-03-03T10:00:00Z", "101000", "101000");
    let floor = |w: &World| {
        let view = serde_json::to_value(w.state.account(&account(ACCOUNT)).unwrap()).unwrap();
        view["rules"][0]["floor"].clone()
    };
    assert_eq!(floor(&w), "95000.00");
    equity(&mut w, "2026-03-02T22:59:00Z", "103000", "103000");
    assert_eq!(floor(&w), "98000.00");
    equity(&mut w, "2026-03-02T22:00:00Z", "90001", "99000");
    assert_eq!(floor(&w), "98000.00", "one further from the reset changes nothing");
}

/// B11: neither profit nor loss.
#[test]
fn money_put_on_and_taken_off_moves_the_floors_from_its_own_time() {
    let mut w = funded("two-step");
    // The hub's own funding, by its ticket or its operation, is the opening balance and no flow.
    deal(&mut w, "2026-03-02T09:00:00Z", "t1", "balance", "100000");
    equity(&mut w, "2026-03-02T10:00:00Z", "108000", "108000");
    // A pay-out of 8,000 the day after: 108,000 at midnight, so 95,000 is the day's floor.
    deal(&mut w, "2026-03-03T10:00:00Z", "w1", "balance", "-8000");
    deal(&mut w, "2026-03-03T10:00:00Z", "w1", "balance", "-8000");
    assert_eq!(breaches(&equity(&mut w, "2026-03-03T10:00:01Z", "100000", "95000")), [""; 0]);
    // A late fact from before the pay-out is judged without it: 103,000.
    let late = equity(&mut w, "2026-03-03T09:00:00Z", "108000", "102999");
    assert_eq!(breaches(&late), ["daily-loss 103000.00"]);

    let mut w = funded("two-step");
    equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000");
    deal(&mut w, "2026-03-02T11:00:00Z", "c1", "credit", "2000");
    let with_credit = equity(&mut w, "2026-03-02T12:00:00Z", "100000", "96999");
    assert_eq!(breaches(&with_credit), ["daily-loss 97000.00"], "credit is no profit");
}

/// Rules of one kind side by side, of the anchor and by amount, of the balance, without closing.
#[test]
fn anchors_allowances_and_what_is_compared() {
    let mut w = funded("equity-step");
    equity(&mut w, "2026-03-02T10:00:00Z", "102000", "104000");
    // max(102,000, 104,000) less 5 % of it; equity 104,000 less 3,000 against the balance.
    assert_eq!(breaches(&equity(&mut w, "2026-03-03T10:00:00Z", "101000", "98800")), [""; 0]);
    let decided = equity(&mut w, "2026-03-03T11:00:00Z", "100999", "98800");
    assert_eq!(breaches(&decided), ["daily-loss.2 101000"]);
    assert_eq!(types(&decided), ["breach.detected", "action.requested"], "positions stay");
    action(&decided, "platform.disable-account");
    let decided = equity(&mut w, "2026-03-03T12:00:00Z", "100999", "98799.99");
    assert_eq!(breaches(&decided), ["daily-loss 98800.00"]);
    assert_eq!(data(&decided, "breach.detected")["anchor"]["kind"], "max(balance, equity)");
    // This rule closes; disabling has been asked for.
    assert_eq!(types(&decided), ["breach.detected", "action.requested"]);
    action(&decided, "platform.close-positions");
}

#[test]
fn what_the_platform_does_about_it_is_told() {
    let breached = || {
        let mut w = funded("two-step");
        equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000");
        let decided = equity(&mut w, "2026-03-02T11:00:00Z", "94000", "94000");
        let disable = action(&decided, "platform.disable-account");
        let breach = data(&decided, "breach.detected")["breach"].clone();
        assert!(disable.request["reason"].as_str().unwrap().contains(breach.as_str().unwrap()));
        (w, disable.action.to_string(), breach)
    };
    let (mut w, disable, breach) = breached();
    let decided = w.complete(&disable, json!({}));
    assert_eq!(types(&decided), ["account.disabled"]);
    assert_eq!(data(&decided, "account.disabled")["breach"], breach);
    assert_eq!(types(&w.complete(&disable, json!({}))), [""; 0]);

    let (mut w, disable, breach) = breached();
    let decided = w.fail(&disable, "unauthorised");
    assert_eq!(types(&decided), ["account.disable_failed"]);
    assert_eq!(data(&decided, "account.disable_failed")["breach"], breach);
    assert_eq!(types(&w.fail(&disable, "unauthorised")), [""; 0]);
    // The next rule's breach tries again.
    let decided = equity(&mut w, "2026-03-02T12:00:00Z", "89000", "89000");
    assert_eq!(types(&decided), ["breach.detected", "action.requested"]);
    action(&decided, "platform.disable-account");
}

#[test]
fn a_platform_that_cannot_close_positions_is_not_asked_to() {
    let mut w = funded("two-step");
    let mut without = rules();
    without["connections"][5]["capabilities"] = json!(["platform"]);
    w.apply("v2", without);
    equity(&mut w, "2026-03-02T10:00:00Z", "100000", "100000");
    let decided = equity(&mut w, "2026-03-02T11:00:00Z", "94000", "94000");
    assert_eq!(types(&decided), ["breach.detected", "action.requested"]);
    action(&decided, "platform.disable-account");
}

#[test]
fn what_was_bought_does_not_change_with_the_rules() {
    let mut stricter = rules();
    stricter["programmes"][0]["phase"][0]["rules"] =
        json!([{"rule": "max-loss", "mode": "static", "allowance": {"amount": "1"}}]);
    let mut w = World::new();
    w.verified("cl_1");
    w.tell(
        "challenge.purchased",
        json!({"client": "cl_1", "purchase": "p1", "programme": "two-step"}),
    );
    w.apply("v2", stricter);
    w.complete("act_prov_cl_1_p1_open", json!({"login": "7"}));
    w.complete("act_prov_cl_1_p1_fund", json!({"ticket": "t1", "already_done": false}));
    let mut none = rules();
    none["programmes"] = json!([]);
    w.apply("v3", none);
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:00Z", "100000", "95000")), [""; 0]);
    let decided = equity(&mut w, "2026-03-02T11:00:00Z", "100000", "94999");
    assert_eq!(data(&decided, "breach.detected")["rules_version"], "v1");
}

#[test]
fn accounts_without_a_programme_and_unknown_ones_are_not_judged() {
    let mut w = World::new();
    w.verified("cl_1");
    w.complete("act_prov_cl_1_eu-retail_open", json!({"login": "7"}));
    let nothing: Value = json!(null);
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:00Z", "100", "1")), [""; 0]);
    let view = serde_json::to_value(w.state.account(&account(ACCOUNT)).unwrap()).unwrap();
    assert_eq!((&view["watch"], &view["latest"]["equity"]), (&nothing, &json!("1")));
    let mut w = World::new();
    assert_eq!(types(&equity(&mut w, "2026-03-02T10:00:00Z", "100", "1")), [""; 0]);
}
