//! Is a rule set fit to be applied?
use crate::world::rules;
use hub_domain::rules::{check, duration_ms};
use serde_json::{Value, json};

fn problems(rules: Value) -> Vec<String> {
    let rules = serde_json::from_value(rules).unwrap();
    check(&rules).iter().map(ToString::to_string).collect()
}

#[test]
fn the_rules_of_the_other_tests_are_fit() {
    assert_eq!(problems(rules()), [""; 0]);
    assert_eq!(problems(json!({})), [""; 0]);
}

/// Each row spoils one value; exactly one problem names the place, and says what to do.
#[test]
fn each_mistake_is_named_with_its_place() {
    let one_more = |list: &str| {
        let all = rules();
        let mut list = all[list].as_array().unwrap().clone();
        list.push(list[0].clone());
        Value::Array(list)
    };
    for (pointer, value, path, says) in [
        ("/connections", one_more("connections"), "connection[6].id", "connection[0].id too"),
        ("/kyc/1/name", json!("eu"), "kyc[1].name", "give each its own"),
        ("/kyc/0/connection", json!("gone"), "kyc[0].connection", "add a [[connection]]"),
        (
            "/kyc/0/connection",
            json!("mt5-live"),
            "kyc[0].connection",
            "is a platform: name a kyc connection",
        ),
        ("/kyc/0/level", json!(""), "kyc[0].level", "write the vendor's level"),
        ("/kyc/0/when", json!({}), "kyc[1]", "never reached: kyc[0] (eu)"),
        ("/routes/0/name", json!(""), "route[0].name", "give it one"),
        ("/routes/0/use/connections", json!([]), "route[0].use.connections", "at least one"),
        (
            "/routes/0/use/connections/1",
            json!("gone"),
            "route[0].use.connections[1]",
            "no connection gone",
        ),
        (
            "/routes/0/use/connections/1",
            json!("sumsub"),
            "route[0].use.connections[1]",
            "is a kyc: name a psp",
        ),
        (
            "/routes/0/use/connections/1",
            json!("stripe-eu"),
            "route[0].use.connections[1]",
            "asked once",
        ),
        (
            "/routes/0/use/connections/1",
            json!("stripe-uk"),
            "route[0].use.connections[1]",
            "can never be used",
        ),
        (
            "/routes/0/fallback/attempts_max",
            json!(0),
            "route[0].fallback.attempts_max",
            "write 2 or more",
        ),
        ("/routes/0/fallback/within", json!("soon"), "route[0].fallback.within", "such as 30s"),
        (
            "/routes/0/fallback/within",
            json!("0s"),
            "route[0].fallback.within",
            "longer than nothing",
        ),
        ("/routes/0/when/amount/min", json!("6000"), "route[0].when.amount", "swap them"),
        ("/routes/0/when/amount/min", json!("-1"), "route[0].when.amount.min", "negative"),
        ("/routes/0/when/country", json!([]), "route[0].when.country", "leave it out"),
        ("/provisioning/1/name", json!("eu-retail"), "provisioning[1].name", "give each its own"),
        (
            "/provisioning/0/account/connection",
            json!("stripe-eu"),
            "provisioning[0].account.connection",
            "name a platform",
        ),
        ("/provisioning/0/account/leverage", json!(0), "provisioning[0].account.leverage", "1:30"),
        (
            "/provisioning/0/account/group",
            json!(""),
            "provisioning[0].account.group",
            "platform's group",
        ),
        (
            "/provisioning/2/when/programme",
            json!("gone"),
            "provisioning[2].when.programme",
            "add a [[programme]]",
        ),
        ("/provisioning/2/when", json!({}), "provisioning[2].when.programme", "say which"),
        (
            "/provisioning/0/when/programme",
            json!("two-step"),
            "provisioning[0].when.programme",
            "leave it out",
        ),
        (
            "/provisioning/2/account/currency",
            json!("EUR"),
            "provisioning[2].when.programme",
            "make them one",
        ),
        (
            "/programmes/1/initial_balance",
            json!("0"),
            "programme[1].initial_balance",
            "not positive",
        ),
        ("/programmes/1/day/zone", json!("Europe/Nowhere"), "programme[1].day.zone", "IANA"),
        ("/programmes/1/day/reset", json!("24:00"), "programme[1].day.reset", "HH:MM"),
        ("/programmes/1/phase", json!([]), "programme[1].phase", "[[programme.phase]]"),
        ("/programmes/1/phase/0/rules", json!([]), "programme[1].phase[0].rules", "add a rule"),
        (
            "/programmes/0/phase/0/rules/1/allowance",
            json!({}),
            "programme[0].phase[0].rules[1].allowance",
            "share (with of) or amount",
        ),
        (
            "/programmes/0/phase/0/rules/1/allowance",
            json!({"share": "0.1", "of": "initial", "amount": "1"}),
            "programme[0].phase[0].rules[1].allowance",
            "write one",
        ),
        (
            "/programmes/0/phase/0/rules/1/allowance",
            json!({"share": "0.1"}),
            "programme[0].phase[0].rules[1].allowance.of",
            "initial",
        ),
        (
            "/programmes/0/phase/0/rules/1/allowance/share",
            json!("1.01"),
            "programme[0].phase[0].rules[1].allowance.share",
            "0.05 is 5 %",
        ),
        (
            "/programmes/0/phase/0/rules/1/allowance/share",
            json!("0"),
            "programme[0].phase[0].rules[1].allowance.share",
            "above 0",
        ),
        (
            "/programmes/0/phase/0/rules/1/allowance",
            json!({"amount": "0"}),
            "programme[0].phase[0].rules[1].allowance.amount",
            "not positive",
        ),
        (
            "/programmes/0/phase/0/rules/1/allowance",
            json!({"amount": "1", "of": "initial"}),
            "programme[0].phase[0].rules[1].allowance.of",
            "leave it out",
        ),
    ] {
        let mut spoilt = rules();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match spoilt.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            other => other[key] = value.clone(),
        }
        let found = problems(spoilt);
        assert_eq!(found.len(), 1, "{pointer} = {value}: {found:?}");
        assert!(found[0].starts_with(&format!("{path}: ")), "{pointer}: {}", found[0]);
        assert!(found[0].contains(says), "{pointer}: {}", found[0]);
    }
}

#[test]
fn a_route_that_an_earlier_one_leaves_nothing_to_is_never_reached() {
    let route = |name: &str, when: Value| json!({"name": name, "when": when, "use": {"strategy": "ordered", "connections": ["old-eu"]}});
    for (first, second, shadowed) in [
        (json!({}), json!({"method": "card"}), true),
        (json!({"method": "card"}), json!({"method": "card", "country": ["DE"]}), true),
        (json!({"country": ["DE", "FR"]}), json!({"country": ["FR"]}), true),
        (json!({"country": ["DE", "FR"]}), json!({"country": ["FR", "ES"]}), false),
        (json!({"country": ["DE"]}), json!({}), false),
        (json!({"kind": "deposit"}), json!({"kind": "withdrawal"}), false),
    ] {
        let mut with = rules();
        with["routes"] = json!([route("first", first), route("second", second)]);
        let found = problems(with.clone());
        assert_eq!(found.len(), usize::from(shadowed), "{}: {found:?}", with["routes"]);
        assert!(
            found.iter().all(|one| one.starts_with("route[1]: never reached: route[0] (first)"))
        );
    }
}

#[test]
fn everything_is_found_at_once() {
    let mut spoilt = rules();
    spoilt["routes"][0]["use"]["connections"] = json!(["gone", "gone"]);
    spoilt["programmes"][0]["day"] = json!({"reset": "x", "zone": "y"});
    assert_eq!(problems(spoilt).len(), 5);
}

#[test]
fn durations() {
    for (text, ms) in
        [("30s", 30_000), ("2m", 120_000), ("1h 30m", 5_400_000), ("PT1S", 1_000), ("250ms", 250)]
    {
        assert_eq!(duration_ms(text), Ok(ms), "{text}");
    }
    for text in ["", "30", "-5s", "0s", "1 month", "soon"] {
        assert!(duration_ms(text).is_err(), "{text}");
    }
}
