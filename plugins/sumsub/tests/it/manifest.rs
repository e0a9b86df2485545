//! What the connector says of itself.
use connector_sumsub::Sumsub;
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::schemas::catalogue::EVENT_TYPES;
use hub_plugin_sdk::testing::ctx;
use serde_json::json;

#[test]
fn the_manifest_names_only_what_exists_and_explains_it() {
    let manifest = Sumsub::manifest();
    assert!(manifest.event_types.iter().all(|t| EVENT_TYPES.contains(&t.as_str())));
    assert_eq!(manifest.settings_schema["additionalProperties"], json!(false));
    for (name, property) in manifest.settings_schema["properties"].as_object().unwrap() {
        assert!(property["description"].as_str().is_some_and(|d| d.len() > 40), "{name}");
        assert!(!property["default"].is_null(), "{name}");
    }
    assert!(manifest.secrets.iter().all(|secret| secret.required && secret.about.len() > 40));
}

#[test]
fn settings_that_the_schema_does_not_know_are_refused() {
    let probe = |settings| {
        hub_plugin_sdk::testing::call(&settings, 0, Sumsub::probe, |_| {
            Reply::NotSent("not reached".to_owned())
        })
    };
    let done = probe(json!({"digets": "sha1"}));
    assert!(matches!(done.result, Err(Error::InvalidRequest(_))), "{:?}", done.result);
    assert!(done.requests.is_empty());
    assert!(!ctx(&json!({}), 0).live());
}
