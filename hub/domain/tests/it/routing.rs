//! Which PSP, and why none of the others.
use crate::world::*;
use hub_domain::routing::{Query, Route};
use hub_schemas::events::rules::PaymentKind;
use hub_schemas::{Country, Currency, EntityId, Money};
use serde_json::json;

fn route(world: &World, country: &str, method: &str, amount: &str, currency: &str) -> Route {
    let entity = EntityId::new("acme-eu").unwrap();
    world.state.explain_route(&Query {
        kind: PaymentKind::Deposit,
        entity: &entity,
        country: Country::new(country).unwrap(),
        method,
        amount: Money::new(amount.parse().unwrap(), Currency::new(currency).unwrap()),
        asked: &[],
    })
}

#[test]
fn every_candidate_is_explained() {
    let mut w = World::new();
    let mut with = rules();
    with["routes"] = json!([{
        "name": "all",
        "use": {"strategy": "ordered", "connections":
            ["gone", "sumsub", "stripe-uk", "limited", "stripe-eu", "adyen-eu", "old-eu"]},
    }]);
    with["connections"].as_array_mut().unwrap().push(json!({
        "id": "limited", "kind": "psp", "capabilities": ["psp"], "countries": ["ES"],
        "currencies": ["USD"], "methods": ["sepa"],
    }));
    w.apply("v2", with);
    w.tell("connection.paused", json!({"connection": "stripe-eu", "reason": "maintenance"}));
    w.register("cl_1");
    let decided = w.deposit("pay_1", "cl_1", "10");
    let routed = data(&decided, "payment.routed");
    assert_eq!(routed["chosen"], "adyen-eu");
    assert_eq!((&routed["rule"], &routed["rules_version"]), (&json!("all"), &json!("v2")));
    let reasons: Vec<_> = routed["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {} {}", one["connection"], one["eligible"], one["reason"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "gone false no connection of this id",
            "sumsub false not a PSP; its connector has no psp capability",
            "stripe-uk false serves entity acme-uk, not acme-eu",
            "limited false does not take EUR; does not take card; does not serve DE",
            "stripe-eu false paused: maintenance",
            "adyen-eu true chosen: the first of the list that can take it",
            "old-eu true passed over: adyen-eu stands before it",
        ]
    );
}

#[test]
fn when_no_rule_matches_each_says_why() {
    let w = World::new();
    for (country, method, amount, currency, why) in [
        ("ES", "card", "10", "EUR", "country ES is not one of DE, FR"),
        ("DE", "sepa", "10", "EUR", "method sepa is not card"),
        ("DE", "card", "5000.01", "EUR", "5000.01 EUR is above 5000"),
        ("DE", "card", "10", "USD", "10 USD is not in EUR"),
    ] {
        let route = route(&w, country, method, amount, currency);
        assert_eq!(route.explanation, format!("no rule matches: eu-cards: {why}"));
        assert_eq!((route.chosen, route.rule), (None, None));
    }
    // Both ends of a band belong to it.
    assert!(route(&w, "DE", "card", "5000", "EUR").chosen.is_some());
}

#[test]
fn a_deposit_without_a_route_fails_with_the_explanation() {
    let mut w = World::new();
    w.register("cl_1");
    let decided = w.deposit("pay_1", "cl_1", "6000");
    assert_eq!(types(&decided), ["payment.routed", "deposit.failed"]);
    let why = "no rule matches: eu-cards: 6000 EUR is above 5000";
    assert_eq!(data(&decided, "payment.routed")["explanation"], why);
    assert_eq!(data(&decided, "deposit.failed")["reason"], why);
}

#[test]
fn a_connection_is_used_again_once_nothing_stands_in_its_way() {
    let mut w = World::new();
    let chosen = |w: &World| route(w, "DE", "card", "10", "EUR").chosen;
    let stripe = json!({"connection": "stripe-eu"});
    w.tell(
        "connection.circuit.opened",
        json!({"connection": "stripe-eu", "failures": 5, "reason": "timeout"}),
    );
    w.tell("connection.paused", json!({"connection": "stripe-eu", "reason": "x"}));
    assert_eq!(chosen(&w), Some(connection("adyen-eu")));
    w.tell("connection.circuit.closed", stripe.clone());
    assert_eq!(chosen(&w), Some(connection("adyen-eu")), "still paused");
    w.tell("connection.resumed", stripe);
    assert_eq!(chosen(&w), Some(connection("stripe-eu")));
}
