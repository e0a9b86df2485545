//! The schema files agree with the structs. `UPDATE_EXPECT=1` rewrites them.
#![cfg(feature = "json-schema")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
use hub_schemas::generate;
use std::{collections::BTreeSet, fs, path::Path};

fn text(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap();
    text.push('\n');
    text
}

#[test]
fn the_files_are_those_that_the_structs_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut expected = BTreeSet::new();
    for (path, value) in generate::files() {
        let file = root.join(&path);
        expected.insert(file.clone());
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text(&value)).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            found,
            text(&value),
            "{path} is not what its struct gives: UPDATE_EXPECT=1 rewrites it"
        );
    }
    for folder in ["events", "actions"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "json") {
                assert!(expected.contains(&path), "{} belongs to no struct", path.display());
            }
        }
    }
}

#[test]
fn names_mail_and_telephone_are_marked_personal_wherever_they_stand() {
    fn walk(at: &str, value: &serde_json::Value, found: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(|p| p.as_object()) {
            for (name, schema) in properties {
                let sounds = ["email", "phone", "first_name", "last_name"].contains(&name.as_str());
                if sounds && schema.get(generate::PERSONAL) != Some(&true.into()) {
                    found.push(format!("{at}.{name}"));
                }
                walk(&format!("{at}.{name}"), schema, found);
            }
        }
    }
    let mut unmarked = Vec::new();
    for (path, value) in generate::files() {
        walk(&path, &value, &mut unmarked);
    }
    assert!(unmarked.is_empty(), "personal but not marked: {unmarked:?}");
}
