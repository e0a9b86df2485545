//! The store's stamp, and what is older than it.
//!
//! Format 2 differs from format 1 in the saved dedup index only: events, blobs and tables are
//! byte for byte the same. So a store of format 1 is brought over by making the new index
//! beside the old, then changing the stamp, then removing the old; a crash in between leaves a
//! store of format 1 for the next opening to start again, or one of format 2 to tidy up.

use std::path::Path;

use crate::error::OpenError;
use crate::keys;
use crate::open::explain;

/// What the stamp must say. Another layout of keys or values takes another number.
pub(crate) const CURRENT: &str = "hub-log 2";

/// What it may say.
pub(crate) const V1: &str = "hub-log 1";

/// Says that a restore did not get to its end.
pub(crate) const UNFINISHED: &str = "hub-log restore, unfinished";

/// What a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    New,
    V1,
    Current,
}

pub(crate) fn check(db: &sled::Db, dir: &Path) -> Result<Stamp, OpenError> {
    let wrong = |found| OpenError::Format { dir: dir.into(), found, expected: CURRENT };
    match db.get(keys::FORMAT).map_err(|e| explain(e, dir, ""))? {
        Some(stamp) if stamp == CURRENT.as_bytes() => Ok(Stamp::Current),
        Some(stamp) if stamp == V1.as_bytes() => Ok(Stamp::V1),
        Some(stamp) => Err(wrong(format!("format \"{}\"", String::from_utf8_lossy(&stamp)))),
        None if db.is_empty() && db.tree_names().len() == 1 => Ok(Stamp::New),
        // A first opening was cut off before the stamp: there is nothing in it yet.
        None if holds_nothing(db) => Ok(Stamp::New),
        None => Err(wrong("no format stamp, so it is another program's".into())),
    }
}

/// Whether there is nothing but what an opening writes before the stamp.
fn holds_nothing(db: &sled::Db) -> bool {
    let ours = [keys::DEDUP_MANIFEST, keys::MOMENTS];
    let mut keys = db.iter().keys();
    db.tree_names().len() == 1
        && keys.all(|key| key.is_ok_and(|key| ours.iter().any(|our| key == *our)))
}

/// To be called once all else is durable.
pub(crate) fn stamp(db: &sled::Db, dir: &Path) -> Result<(), OpenError> {
    db.insert(keys::FORMAT, CURRENT).map_err(|e| explain(e, dir, ""))?;
    Ok(())
}

/// Removes what only format 1 reads, once the stamp says 2.
pub(crate) fn remove_v1(db: &sled::Db, dir: &Path) -> Result<(), OpenError> {
    for key in db.scan_prefix(keys::DEDUP_V1).keys() {
        let key = key.map_err(|e| explain(e, dir, ""))?;
        db.remove(key).map_err(|e| explain(e, dir, ""))?;
    }
    Ok(())
}
