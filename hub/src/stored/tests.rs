//! Every version that was ever written is read as today's.
use super::{STORED_VERSION, Stored, cloud_event};
use hub_log::Record;
use hub_schemas::catalogue::EVENT_TYPES;
use hub_schemas::{Payload, evolution};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder(version: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/stored/v{version}"))
}

fn record(body: Vec<u8>) -> Record {
    let recorded_us = 1_795_267_175_035_000;
    Record { sequence: 7, recorded_us, blob: Some(3), hash: [7; 32], body: body.into() }
}

#[test]
fn samples_of_every_version_are_read_as_todays_events() {
    for version in 1..=STORED_VERSION {
        let mut types = 0;
        for entry in std::fs::read_dir(folder(version)).unwrap() {
            let path = entry.unwrap().path();
            let record = record(std::fs::read(&path).unwrap());
            let at = path.display();
            let raw: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
            assert_eq!(raw["v"], version, "{at}: the sample is not what its folder says");
            let stored = Stored::decode(7, &record.body).unwrap_or_else(|e| panic!("{at}: {e}"));
            assert_eq!(stored.v, STORED_VERSION);
            assert_eq!(stored.data_version, evolution::data_version(&stored.event_type), "{at}");
            let payload = Payload::parse_str(&stored.event_type, stored.data.get());
            let payload = payload.unwrap_or_else(|e| panic!("{at}: {e}"));
            let shown = cloud_event(&record).unwrap();
            assert_eq!(shown.event_type, payload.event_type());
            assert_eq!(shown.deliveryid.as_deref(), Some("dlv_3"));
            assert_eq!(shown.deliveryhash.is_some(), raw.get("dh").is_some(), "{at}");
            types += 1;
        }
        assert!(types >= 50, "{types} samples of form {version}");
    }
}

/// A type, or a version of its data, that is written without a sample kept of it could not be
/// told from a broken one later.
#[test]
fn every_type_has_a_sample_in_the_form_and_version_that_are_written_now() {
    let mut kept = BTreeSet::new();
    for entry in std::fs::read_dir(folder(STORED_VERSION)).unwrap() {
        let body = std::fs::read(entry.unwrap().path()).unwrap();
        let raw: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let version = raw.get("dv").and_then(serde_json::Value::as_u64).unwrap_or(1);
        kept.insert((raw["t"].as_str().unwrap().to_owned(), version));
    }
    for name in EVENT_TYPES {
        let now = (String::from(*name), u64::from(evolution::data_version(name)));
        assert!(
            kept.contains(&now),
            "no sample of {now:?} in {}",
            folder(STORED_VERSION).display()
        );
    }
}

#[test]
fn a_form_from_the_future_is_refused_by_number() {
    let body = br#"{"v":9,"t":"timer.elapsed","s":"t","su":"timer/1","at":1,"d":{}}"#;
    let error = Stored::decode(12, body).unwrap_err().to_string();
    assert!(error.contains("event 12") && error.contains("form 9"), "{error}");
}
