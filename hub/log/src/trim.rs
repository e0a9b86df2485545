//! Raw deliveries: reading them, and letting go of old ones.
//!
//! Whole chunks are removed, a few at a time and each few together with the mark below which
//! blobs count as trimmed ([`keys::TRIMMED`]): so a crash never leaves a hole that is not
//! covered by the mark, and a hole above it is damage. A chunk with a blob that must be kept
//! stays whole, below the mark, until a later call lets go of it.

use std::collections::BTreeSet;

use bytes::Bytes;
use sled::Tree;

use crate::api::{Sequence, Trimmed};
use crate::chunk::{blob_at, blob_head};
use crate::error::{ReadError, read_failed};
use crate::frame;
use crate::keys::{self, Stream};
use crate::read;

/// Chunks removed in one atomic unit: the writer waits for as long as that takes.
const CHUNKS_AT_ONCE: usize = 8;

/// See [`crate::EventLog::blob`].
pub(crate) fn blob(tree: &Tree, id: u64, last: u64) -> Result<Option<Bytes>, ReadError> {
    if id == 0 || id > last {
        return Ok(None);
    }
    match find(tree, id)? {
        Some((first, raw)) => match blob_at(raw, id - first) {
            Some(body) => Ok(Some(body)),
            None => Err(corrupt(id, "its chunk is damaged")),
        },
        None if id < trimmed_below(tree)? => Ok(None),
        None => Err(corrupt(id, "no chunk holds it, and it was not trimmed")),
    }
}

/// Blobs below this id were trimmed, unless their chunk is there.
pub(crate) fn trimmed_below(tree: &Tree) -> Result<u64, ReadError> {
    let mark = tree.get(keys::TRIMMED).map_err(failed)?;
    match mark.map(|mark| <[u8; 8]>::try_from(mark.as_ref())) {
        None => Ok(0),
        Some(Ok(below)) => Ok(u64::from_be_bytes(below)),
        Some(Err(_)) => Err(corrupt(0, "the mark below which blobs are trimmed is damaged")),
    }
}

/// The chunk that holds a blob, and its first id.
fn find(tree: &Tree, id: u64) -> Result<Option<(u64, Vec<u8>)>, ReadError> {
    let found = tree.get_lt(Stream::Blobs.chunk(id.saturating_add(1))).map_err(failed)?;
    let found = found.and_then(|(key, head)| Some((Stream::Blobs.first_of(&key)?, head)));
    let Some((first, head)) = found else { return Ok(None) };
    let read = frame::read(tree, Stream::Blobs, first, &head);
    let raw = match read {
        Ok(raw) => raw,
        // A large chunk may be trimmed between its first piece and its last.
        Err(_) if !tree.contains_key(Stream::Blobs.chunk(first)).map_err(failed)? => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (_, count) = blob_head(&raw).ok_or_else(|| corrupt(first, "its chunk is cut short"))?;
    Ok((id - first < u64::from(count)).then_some((first, raw)))
}

/// See [`crate::EventLog::trim_blobs`]. `last` and `blob_last` are durable.
pub(crate) fn trim(
    tree: &Tree,
    before_us: i64,
    keep: &[u64],
    last: Sequence,
    blob_last: u64,
) -> Result<Trimmed, ReadError> {
    let old = read::first_since(tree, before_us, last)? - 1;
    let to = newest_blob(tree, old)?.min(blob_last);
    let keep: BTreeSet<u64> = keep.iter().copied().collect();
    let below = trimmed_below(tree)?;
    let mut done = Trimmed { blobs: 0, bytes: 0, first_kept: below.max(1) };
    let mut removal = sled::Batch::default();
    let (mut waiting, mut after) = (0, Stream::Blobs.chunk(0));
    loop {
        let next = tree.get_gt(after).map_err(failed)?;
        let next = next.and_then(|(key, head)| Some((Stream::Blobs.first_of(&key)?, head)));
        let Some((first, head)) = next.filter(|(first, _)| *first <= to) else { break };
        after = Stream::Blobs.chunk(first);
        let raw = frame::read(tree, Stream::Blobs, first, &head)?;
        let (_, count) = blob_head(&raw).ok_or_else(|| corrupt(first, "its chunk is cut short"))?;
        let end = first + u64::from(count);
        if end > to + 1 {
            break;
        }
        done.first_kept = done.first_kept.max(end);
        if keep.range(first..end).next().is_some() {
            continue;
        }
        removal.remove(&after);
        for piece in 1..frame::pieces(&head) {
            removal.remove(&Stream::Blobs.piece(first, piece));
        }
        done.blobs += u64::from(count);
        done.bytes += raw.len() as u64;
        waiting += 1;
        if waiting == CHUNKS_AT_ONCE {
            removal.insert(keys::TRIMMED, &done.first_kept.to_be_bytes());
            tree.apply_batch(std::mem::take(&mut removal)).map_err(failed)?;
            waiting = 0;
        }
    }
    if waiting > 0 || done.first_kept > below.max(1) {
        removal.insert(keys::TRIMMED, &done.first_kept.to_be_bytes());
        tree.apply_batch(removal).map_err(failed)?;
    }
    Ok(done)
}

/// The newest blob of the records up to this one; 0 if none has one.
fn newest_blob(tree: &Tree, mut to: Sequence) -> Result<u64, ReadError> {
    while to > 0 {
        let page = read::backward(tree, to, to, 256)?;
        if let Some(id) = page.iter().find_map(|record| record.blob) {
            return Ok(id);
        }
        to = page.last().map_or(0, |record| record.sequence - 1);
    }
    Ok(0)
}

/// Looks whether blobs that records name are there, a chunk at a time.
pub(crate) struct Presence<'a> {
    tree: &'a Tree,
    /// Ids known to be there, as far as the chunk looked at last.
    known: std::ops::Range<u64>,
}

impl<'a> Presence<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self { tree, known: 0..0 }
    }

    /// Damage unless it is there, or was trimmed.
    pub(crate) fn expect(&mut self, id: u64) -> Result<(), ReadError> {
        if self.known.contains(&id) {
            return Ok(());
        }
        match find(self.tree, id)? {
            Some((first, raw)) => {
                let count = blob_head(&raw).map_or(0, |(_, count)| count);
                self.known = first..first + u64::from(count);
                Ok(())
            }
            None if id < trimmed_below(self.tree)? => Ok(()),
            None => Err(corrupt(id, "no chunk holds it, and it was not trimmed")),
        }
    }
}

fn failed(error: sled::Error) -> ReadError {
    read_failed(Stream::Blobs.noun(), &error)
}

fn corrupt(at: u64, detail: &str) -> ReadError {
    ReadError::Corrupt { stream: Stream::Blobs.noun(), at, detail: detail.into() }
}
