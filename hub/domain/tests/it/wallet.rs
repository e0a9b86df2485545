//! The ledger: each reference once, and nothing that does not sum to zero.
use crate::world::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn posted(reference: &str, lines: &[(&str, &str, &str)]) -> Value {
    let line = |(account, amount, currency): &(&str, &str, &str)| json!({"account": account, "amount": {"amount": amount, "currency": currency}});
    json!({"reference": reference, "lines": lines.iter().map(line).collect::<Vec<_>>()})
}

#[test]
fn postings_are_folded_once_and_only_whole() {
    let max = Decimal::MAX.to_string();
    let mut w = World::new();
    let good = [("client:cl_1", "10.50", "EUR"), ("psp:stripe-eu", "-10.50", "EUR")];
    let balances = json!({"client:cl_1": {"EUR": "10.50"}, "psp:stripe-eu": {"EUR": "-10.50"}});
    for (reference, lines) in [
        ("a", good.to_vec()),
        ("a", good.to_vec()),
        ("a", vec![("client:cl_1", "1", "EUR"), ("client:cl_2", "-1", "EUR")]),
        ("one-sided", vec![("client:cl_1", "5", "EUR")]),
        ("two currencies", vec![("client:cl_1", "5", "EUR"), ("psp:stripe-eu", "-5", "USD")]),
        ("too large", vec![("client:cl_1", max.as_str(), "EUR"), ("x", &format!("-{max}"), "EUR")]),
    ] {
        assert_eq!(types(&w.tell("wallet.posted", posted(reference, &lines))), [""; 0]);
        assert_eq!(serde_json::to_value(w.state.ledger()).unwrap(), balances, "{reference}");
    }
}

#[test]
fn a_credit_that_is_told_again_is_the_same_credit() {
    let mut w = World::new();
    w.verified("cl_1");
    w.deposit("pay_1", "cl_1", "50");
    w.succeeded("pay_1", "stripe-eu", "50");
    let again = json!({"payment": "pay_1", "client": "cl_1", "connection": "adyen-eu",
                       "vendor_payment": "v", "amount": {"amount": "70", "currency": "EUR"}});
    assert_eq!(types(&w.tell("deposit.credited", again)), [""; 0]);
    let payment = w.state.payment(&payment("pay_1")).unwrap();
    assert_eq!(payment.deposit.credited.as_ref().unwrap().connection, connection("stripe-eu"));
    assert_eq!(w.state.client(&client("cl_1")).unwrap().funding.credited, 1);
}

/// A decision happens when its input was recorded, whatever time the vendor gave.
#[test]
fn decisions_have_the_time_at_which_their_input_was_recorded() {
    let mut w = World::new();
    w.register("cl_1");
    w.now += HOUR;
    w.deposit("pay_1", "cl_1", "50");
    let (id, one) = w.state.open_actions().find(|(id, _)| id.as_str() == "act_pay_1_1").unwrap();
    assert_eq!(one.requested_ms, w.now, "{id}");
    let taken = json!({"payment": "pay_1", "vendor_payment": "v", "amount": {"amount": "50", "currency": "EUR"}});
    w.told(Some("stripe-eu"), w.now - HOUR, "payment.succeeded", taken);
    let credited = w.state.payment(&payment("pay_1")).unwrap().deposit.credited.clone();
    assert_eq!(credited.unwrap().time_ms, w.now);
    let opening =
        w.state.open_actions().find(|(_, one)| one.kind.name() == "platform.create-account");
    assert_eq!(opening.unwrap().1.requested_ms, w.now);
}
