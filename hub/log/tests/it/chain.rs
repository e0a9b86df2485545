//! Changing what was written shows.

use std::path::Path;

use hub_log::chain::{GENESIS, body_hash, link};
use hub_log::{EventLog, OpenError, ReadError, VerifyError};

use crate::help::{batch, open, raw};

fn chunk_key(first: u64) -> [u8; 9] {
    let mut key = [b'e'; 9];
    key[1..].copy_from_slice(&first.to_be_bytes());
    key
}

/// Ten lone records, each its own chunk.
async fn ten(dir: &Path) -> hub_log::Hash {
    let log = open(dir);
    for n in 1..=10 {
        log.append(batch([format!("record {n}")])).await.unwrap();
    }
    let good = log.verify(0, &mut |_| ()).unwrap();
    assert_eq!((good.records, good.last), (10, 10));
    good.last_hash
}

#[tokio::test]
async fn the_chain_can_be_checked_from_the_records_alone() {
    let dir = tempfile::tempdir().unwrap();
    let last_hash = ten(dir.path()).await;
    let mut hash = GENESIS;
    for r in open(dir.path()).read(1, 10).unwrap() {
        hash = link(&hash, r.sequence, r.recorded_us, r.blob, &body_hash(&r.body));
        assert_eq!(hash, r.hash);
    }
    assert_eq!(hash, last_hash);
}

#[tokio::test]
async fn a_changed_body_is_named() {
    let dir = tempfile::tempdir().unwrap();
    ten(dir.path()).await;
    let db = raw(dir.path());
    let mut value = db.get(chunk_key(4)).unwrap().unwrap().to_vec();
    let at = value.windows(8).position(|w| w == b"record 4").unwrap();
    value[at] = b'R';
    db.insert(chunk_key(4), value).unwrap();
    drop(db);

    let log = open(dir.path());
    let mut seen = 0;
    let error = log.verify(0, &mut |sequence| seen = sequence).unwrap_err();
    assert!(matches!(error, VerifyError::Broken { sequence: 4, .. }), "{error}");
    assert_eq!(seen, 3, "everything before it is good");
    assert!(matches!(log.get(4), Err(ReadError::Corrupt { at: 4, .. })));
    assert!(matches!(log.read(1, 10), Err(ReadError::Corrupt { at: 4, .. })));
    assert_eq!(log.read(1, 3).unwrap().len(), 3);
    assert_eq!(log.read_back(10, 6).unwrap().len(), 6);
    assert_eq!(log.verify(5, &mut |_| ()).unwrap().records, 6, "the rest hangs together");
}

#[tokio::test]
async fn a_removed_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    ten(dir.path()).await;
    raw(dir.path()).remove(chunk_key(7)).unwrap();
    let log = open(dir.path());
    let error = log.verify(0, &mut |_| ()).unwrap_err();
    assert!(matches!(error, VerifyError::Broken { sequence: 7, .. }), "{error}");
    assert!(matches!(log.get(7), Err(ReadError::Corrupt { at: 7, .. })));
    assert!(matches!(log.read(6, 3), Err(ReadError::Corrupt { at: 7, .. })));
}

/// A record that is well formed in itself, put in another's place.
#[tokio::test]
async fn a_record_of_another_history_is_named() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    ten(dir.path()).await;
    ten(other.path()).await;
    let value = raw(other.path()).get(chunk_key(6)).unwrap().unwrap();
    raw(dir.path()).insert(chunk_key(6), value).unwrap();
    let error = open(dir.path()).verify(0, &mut |_| ()).unwrap_err();
    assert!(matches!(error, VerifyError::Broken { sequence: 6, .. }), "{error}");
}

#[tokio::test]
async fn damage_to_the_newest_record_is_found_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    ten(dir.path()).await;
    let db = raw(dir.path());
    let mut value = db.get(chunk_key(10)).unwrap().unwrap().to_vec();
    *value.last_mut().unwrap() ^= 1;
    db.insert(chunk_key(10), value).unwrap();
    drop(db);
    let error = hub_log::SledLog::open(hub_log::LogOptions::new(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("event 10") && text.contains("backup"), "{text}");
}
