//! What the connector says of itself.
use connector_mt5::Mt5;
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::schemas::catalogue::EVENT_TYPES;
use hub_plugin_sdk::testing::call;
use serde_json::json;

#[test]
fn the_manifest_names_only_what_exists_and_explains_it() {
    let manifest = Mt5::manifest();
    assert!(manifest.event_types.iter().all(|t| EVENT_TYPES.contains(&t.as_str())));
    assert_eq!(manifest.settings_schema["additionalProperties"], json!(false));
    let required = manifest.settings_schema["required"].as_array().unwrap();
    for (name, property) in manifest.settings_schema["properties"].as_object().unwrap() {
        assert!(property["description"].as_str().is_some_and(|d| d.len() > 40), "{name}");
        let has_default = !property["default"].is_null();
        assert_ne!(required.contains(&json!(name)), has_default, "{name}");
    }
    // The passwords of new accounts are the hub's own, and not the connection's.
    let secrets: Vec<_> = manifest.secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(secrets, ["password"]);
}

#[test]
fn settings_that_the_schema_does_not_know_are_refused() {
    for settings in
        [json!({}), json!({"api_base": "x", "manager_login": "1", "groups": [], "x": 1})]
    {
        let done = call(&settings, 0, Mt5::probe, |_| Reply::NotSent("not reached".to_owned()));
        assert!(matches!(done.result, Err(Error::InvalidRequest(_))), "{:?}", done.result);
        assert!(done.requests.is_empty());
    }
}
