//! What the connector says of itself.
use connector_adyen::Adyen;
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::schemas::catalogue::EVENT_TYPES;
use hub_plugin_sdk::testing::call;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn the_manifest_names_only_what_exists_and_explains_it() {
    let manifest = Adyen::manifest();
    assert!(manifest.event_types.iter().all(|t| EVENT_TYPES.contains(&t.as_str())));
    assert_eq!(manifest.settings_schema["additionalProperties"], json!(false));
    for (name, property) in manifest.settings_schema["properties"].as_object().unwrap() {
        assert!(property["description"].as_str().is_some_and(|d| d.len() > 40), "{name}");
        // What has no default is wanted, or can be done without.
        let wanted = manifest.settings_schema["required"].as_array().unwrap();
        let free = ["return_url"].contains(&name.as_str());
        assert!(!property["default"].is_null() || wanted.contains(&json!(name)) || free, "{name}");
    }
    assert!(manifest.secrets.iter().all(|secret| secret.required && secret.about.len() > 40));
}

/// The hub refuses an event whose type the manifest does not declare.
#[test]
fn every_event_of_the_fixtures_is_declared() {
    let declared = Adyen::manifest().event_types;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for case in std::fs::read_dir(folder).unwrap() {
        let file = case.unwrap().path().join("expected.json");
        let expected: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for event in expected["events"].as_array().into_iter().flatten() {
            let kind = event["type"].as_str().unwrap();
            assert!(declared.iter().any(|one| one == kind), "{kind} of {}", file.display());
        }
    }
}

#[test]
fn settings_that_the_schema_does_not_know_are_refused() {
    let done =
        call(&json!({"merchant_account": "a", "api_bse": "https://x"}), 0, Adyen::probe, |_| {
            Reply::NotSent("not reached".to_owned())
        });
    assert!(matches!(done.result, Err(Error::InvalidRequest(_))), "{:?}", done.result);
    assert!(done.requests.is_empty());
    let without = call(&json!({}), 0, Adyen::probe, |_| Reply::NotSent("not reached".to_owned()));
    assert!(matches!(without.result, Err(Error::InvalidRequest(_))), "{:?}", without.result);
}
