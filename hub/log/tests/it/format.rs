//! A store of an older format is brought over, whole.

use std::path::Path;

use hub_log::{Appended, Batch, EventLog, SledLog, Table};

use crate::help::{body, copy_dir, keyed, open, raw};

/// See `fixtures/README.md`.
const LAST_HASH: &str = "8368c7dc840829706ee363d16102052db477a3e80d22de8cc8587dc80ea9e177";
const T: Table = Table::new("fixture");

fn unpack(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/format-1");
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name == "db.lz4" {
            let packed = std::fs::read(&path).unwrap();
            let mut db = lz4_flex::block::decompress_size_prepended(&packed).unwrap();
            db.resize(8_388_607, 0);
            std::fs::write(to.join("db"), db).unwrap();
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn stamp(dir: &Path) -> Vec<u8> {
    raw(dir).get("mformat").unwrap().unwrap().to_vec()
}

/// Everything the fixture holds is there.
async fn check(log: &SledLog) {
    let verified = log.verify(0, &mut |_| ()).unwrap();
    assert_eq!(verified.records, 60);
    let hash: String = verified.last_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, LAST_HASH);
    for n in 1..=60_u64 {
        let record = log.get(n).unwrap().unwrap();
        assert_eq!(body(&record.body), format!("body {n}"));
        let blob = (n % 2 == 1).then_some(n / 2 + 1);
        assert_eq!(record.blob, blob);
        if let Some(id) = blob {
            assert_eq!(log.blob(id).unwrap().unwrap(), format!("delivery {n}"));
        }
        let value = log.table_get(T, n.to_string().as_bytes()).unwrap().unwrap();
        assert_eq!(value, blob.unwrap_or(0).to_be_bytes()[..]);
        for (text, same_body) in [(format!("body {n}"), true), ("other".into(), false)] {
            let records = vec![keyed("psp", &format!("evt_{n}"), &text)];
            let done = log.append(Batch { records, ..Batch::default() }).await.unwrap();
            assert_eq!(done.records, [Appended::Duplicate { sequence: n, same_body }]);
        }
    }
    assert_eq!(log.table_get(T, b"last").unwrap().unwrap(), 60_u64.to_be_bytes()[..]);
}

#[tokio::test]
async fn a_store_of_format_1_is_brought_over_whole() {
    let dir = tempfile::tempdir().unwrap();
    unpack(dir.path());
    assert_eq!(stamp(dir.path()), b"hub-log 1");
    let log = open(dir.path());
    let opened = log.opened().clone();
    assert_eq!((opened.migrated_from, opened.clean), (Some("hub-log 1"), false));
    assert_eq!(opened.checked_records, 60, "format 1 did not say whether it was closed");
    check(&log).await;
    drop(log);
    assert_eq!(stamp(dir.path()), b"hub-log 2");
    let log = open(dir.path());
    assert_eq!((log.opened().migrated_from, log.opened().clean), (None, true));
    check(&log).await;
    let records = vec![keyed("psp", "evt_61", "body 61")];
    let done = log.append(Batch { records, ..Batch::default() }).await.unwrap();
    assert_eq!(done.first(), Some(61));
}

/// The new index is made before the stamp changes, and the old one is removed after: stopped at
/// either, the next opening goes on.
#[tokio::test]
async fn stopped_half_way_the_next_opening_goes_on() {
    let (dir, done) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    unpack(dir.path());
    unpack(done.path());
    let old: Vec<_> = raw(done.path()).scan_prefix("d").map(Result::unwrap).collect();
    assert!(!old.is_empty());
    drop(open(done.path()));
    let new = raw(done.path());
    assert_eq!(new.scan_prefix("d").count(), 0, "the old index is gone");

    // Everything of the new format is there, but the stamp.
    for item in new.iter() {
        let (key, value) = item.unwrap();
        if key.as_ref() != b"mformat" {
            raw(dir.path()).insert(key, value).unwrap();
        }
    }
    let log = open(dir.path());
    assert_eq!(log.opened().migrated_from, Some("hub-log 1"));
    check(&log).await;

    // The stamp is there, and so is the old index.
    old.into_iter().for_each(|(key, value)| drop(new.insert(key, value).unwrap()));
    drop(new);
    let copy = tempfile::tempdir().unwrap();
    copy_dir(done.path(), copy.path());
    let log = open(copy.path());
    assert_eq!(log.opened().migrated_from, None);
    check(&log).await;
    drop(log);
    assert_eq!(raw(copy.path()).scan_prefix("d").count(), 0);
}
