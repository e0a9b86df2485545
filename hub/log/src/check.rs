//! Whether an opened store is the one that was there before, and hangs together at its end.

use sled::Tree;

use crate::api::Sequence;
use crate::chain::GENESIS;
use crate::error::{ReadError, read_failed};
use crate::head_file::{HeadFile, Moment};
use crate::keys::{self, Stream};
use crate::open::Head;
use crate::read::{self, Chunks};
use crate::trim;

/// After an unclean stop so many of the newest records are checked: some 0.1 s.
const TAIL_RECORDS: u64 = 64 << 10;

/// Compares the store with what its head file says, and tells whether it was closed cleanly.
pub(crate) fn against(tree: &Tree, head: &Head, kept: &HeadFile) -> Result<bool, ReadError> {
    let when = if kept.closed { "when it was closed" } else { "when it was last opened" };
    if head.last < kept.last {
        let lost = format!(
            "it is missing, with all after it up to {}, which was durable {when}",
            kept.last
        );
        return Err(corrupt(Stream::Events.noun(), head.last + 1, lost));
    }
    if head.blob_last < kept.blob_last {
        let lost = format!(
            "it is missing, with all after it up to {}, which was durable {when}",
            kept.blob_last
        );
        return Err(corrupt(Stream::Blobs.noun(), head.blob_last + 1, lost));
    }
    let hash = match kept.last {
        0 => GENESIS,
        last => read::one(tree, last, last)?.map_or(GENESIS, |record| record.hash),
    };
    if hash != kept.last_hash {
        let other = format!("it is not the record that was there {when}");
        return Err(corrupt(Stream::Events.noun(), kept.last, other));
    }
    let (now, before) = moments(tree)?.unwrap_or_default();
    if kept.moment != now && kept.moment != before {
        let lost = format!(
            "changes to tables or blobs that were durable {when} are missing: the end of the \
             `db` file is damaged"
        );
        return Err(corrupt(Stream::Events.noun(), kept.last, lost));
    }
    Ok(kept.closed && head.last == kept.last && head.blob_last == kept.blob_last)
}

/// Puts a new moment into the store, to be noted in the head file once this is durable. The
/// moment that the file has now stays beside it, in case that never happens.
pub(crate) fn mark(tree: &Tree, now_us: i64, kept: Option<Moment>) -> Result<Moment, ReadError> {
    let (now, _) = moments(tree)?.unwrap_or_default();
    let before = kept.unwrap_or(now);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&now).update(&now_us.to_be_bytes());
    hasher.update(&std::process::id().to_be_bytes());
    let moment: Moment = *hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes");
    let value = [moment, before].concat();
    tree.insert(keys::MOMENTS, value).map_err(|e| read_failed("the store's mark", &e))?;
    Ok(moment)
}

fn moments(tree: &Tree) -> Result<Option<(Moment, Moment)>, ReadError> {
    let found = tree.get(keys::MOMENTS).map_err(|e| read_failed("the store's mark", &e))?;
    Ok(found.and_then(|value| {
        let (now, before) = value.split_first_chunk()?;
        Some((*now, *before.first_chunk()?))
    }))
}

/// Walks the newest records; says how many.
pub(crate) fn tail(tree: &Tree, last: Sequence) -> Result<u64, ReadError> {
    walk(tree, last.saturating_sub(TAIL_RECORDS - 1).max(1), last)
}

/// Walks records: their hashes, their links, their order, and their blobs. Says how many.
pub(crate) fn walk(tree: &Tree, from: Sequence, last: Sequence) -> Result<u64, ReadError> {
    if last == 0 {
        return Ok(0);
    }
    let mut chunks = Chunks::new(tree, from, last)?;
    let mut before: Option<(crate::Hash, i64)> = None;
    let mut blobs = trim::Presence::new(tree);
    let (mut checked, mut next) = (0, from);
    while let Some(chunk) = chunks.next()? {
        let link = before.map(|(hash, _)| hash).or((chunk.first == 1).then_some(GENESIS));
        if link.is_some_and(|hash| hash != chunk.before) {
            let detail = "it does not follow from the record before".into();
            return Err(corrupt(Stream::Events.noun(), chunk.first, detail));
        }
        for record in chunk.records() {
            let record = record?;
            if before.is_some_and(|(_, us)| record.recorded_us < us) {
                let detail = "its time is before that of the record before".into();
                return Err(corrupt(Stream::Events.noun(), record.sequence, detail));
            }
            if let Some(id) = record.blob {
                blobs.expect(id)?;
            }
            before = Some((record.hash, record.recorded_us));
            checked += 1;
            next = record.sequence + 1;
        }
    }
    match next <= last {
        true => Err(corrupt(Stream::Events.noun(), next, "the stream ends before it".into())),
        false => Ok(checked),
    }
}

fn corrupt(stream: &'static str, at: u64, detail: String) -> ReadError {
    ReadError::Corrupt { stream, at, detail }
}
