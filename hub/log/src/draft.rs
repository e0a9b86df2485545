//! What a few batches come to: decides what of each is new, gives out sequences and blob ids,
//! chains the hashes, and fills chunks. Nothing is written here.

use std::collections::HashMap;

use sled::Tree;

use crate::api::{Appended, Batch, Committed, PutValue, Sequence};
use crate::builder::{Answer, Job, Prepared};
use crate::chunk::{BlobChunk, EventChunk};
use crate::dedup::{Id, Index, Mark};
use crate::error::{AppendError, ReadError};
use crate::frame;
use crate::keys::{self, Stream};
use crate::open::Head;
use crate::ops::Ops;

/// See the module.
pub(crate) struct Draft<'a> {
    tree: &'a Tree,
    index: &'a Index,
    /// The changes go in as one, so a batch may span chunks; otherwise it may not.
    as_one: bool,
    ops: Ops,
    head: Head,
    events: Option<EventChunk>,
    blobs: Option<BlobChunk>,
    /// Keys of this draft; those of earlier ones are in the index.
    new: HashMap<Id, (Sequence, Mark)>,
    /// The same, ascending by sequence.
    ids: Vec<(Id, Sequence)>,
}

/// A draft ready to be written.
pub(crate) struct Done {
    pub(crate) ops: Ops,
    /// Where the streams end once it is.
    pub(crate) head: Head,
    /// Its dedup keys, ascending by sequence.
    pub(crate) ids: Vec<(Id, Sequence)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        tree: &'a Tree,
        index: &'a Index,
        head: &Head,
        now_us: i64,
        as_one: bool,
    ) -> Self {
        let head = Head { recorded_us: head.recorded_us.max(now_us), ..head.clone() };
        let (ops, new, ids) = (Ops::default(), HashMap::new(), Vec::new());
        Self { tree, index, as_one, ops, head, events: None, blobs: None, new, ids }
    }

    /// Adds a job. The inner error refuses this one; the outer is the store's.
    pub(crate) fn add(&mut self, job: &Job) -> Result<Answer, ReadError> {
        let batch = &job.batch;
        if let Some(expected) = batch.expect_last.filter(|expected| *expected != self.head.last) {
            return Ok(Err(AppendError::Conflict { expected, found: self.head.last }));
        }
        let records = self.decide(&job.prepared)?;
        let all_known = !records.is_empty()
            && records.iter().all(|record| matches!(record, Appended::Duplicate { .. }));
        let written = !all_known || batch.keep_if_duplicate;
        let mut done =
            Committed { records, blob: None, recorded_us: self.head.recorded_us, written };
        if written {
            done.blob = batch.blob.as_ref().map(|body| self.add_blob(body));
            let records = batch.records.iter().zip(&job.prepared);
            for ((record, prepared), outcome) in records.zip(&done.records) {
                if matches!(outcome, Appended::New(_)) {
                    self.add_event(done.blob, &record.body, prepared);
                }
            }
            self.add_puts(batch, &done);
            self.close_full_chunks();
        }
        Ok(Ok(done))
    }

    /// What to write, if anything.
    pub(crate) fn finish(mut self) -> Option<Done> {
        self.close_chunks();
        if self.ops.is_empty() {
            return None;
        }
        Some(Done { ops: self.ops, head: self.head, ids: self.ids })
    }

    /// What becomes of each record: the sequence it will have, or the one it repeats.
    fn decide(&mut self, prepared: &[Prepared]) -> Result<Vec<Appended>, ReadError> {
        let mut next = self.head.last + 1;
        let mut records = Vec::with_capacity(prepared.len());
        for Prepared { mark, .. } in prepared {
            if let Some(mark) = mark {
                let known = match self.new.get(&mark.id) {
                    Some(known) => Some(*known),
                    None => self.index.find(self.tree, &mark.id)?,
                };
                if let Some((sequence, original)) = known {
                    let same_body = original.body == mark.body;
                    records.push(Appended::Duplicate { sequence, same_body });
                    continue;
                }
                self.new.insert(mark.id, (next, *mark));
                self.ids.push((mark.id, next));
            }
            records.push(Appended::New(next));
            next += 1;
        }
        Ok(records)
    }

    fn add_blob(&mut self, body: &[u8]) -> u64 {
        self.head.blob_last += 1;
        let id = self.head.blob_last;
        self.blobs.get_or_insert_with(|| BlobChunk::new(id)).push(body);
        id
    }

    fn add_event(&mut self, blob: Option<u64>, body: &[u8], prepared: &Prepared) {
        self.head.last += 1;
        let (first, before) = (self.head.last, &self.head.last_hash);
        let chunk = self.events.get_or_insert_with(|| EventChunk::new(first, before));
        let (mark, hash) = (prepared.mark.as_ref(), &prepared.body_hash);
        self.head.last_hash = chunk.push(self.head.recorded_us, blob, mark, body, hash);
        if self.as_one {
            self.close_full_chunks();
        }
    }

    fn add_puts(&mut self, batch: &Batch, done: &Committed) {
        for put in &batch.puts {
            let key = keys::table_key(put.table, &put.key);
            let number = match &put.value {
                PutValue::Delete => {
                    self.ops.remove(key);
                    continue;
                }
                PutValue::Bytes(value) => {
                    self.ops.insert(key, value.as_slice());
                    continue;
                }
                PutValue::FirstSequence => done.first(),
                PutValue::LastSequence => done.last(),
                PutValue::BlobId => done.blob,
            };
            self.ops.insert(key, &number.unwrap_or(0).to_be_bytes());
        }
    }

    fn close_full_chunks(&mut self) {
        if self.events.as_ref().is_some_and(EventChunk::is_full)
            || self.blobs.as_ref().is_some_and(BlobChunk::is_full)
        {
            self.close_chunks();
        }
    }

    /// Blobs first, then the events that refer to them: a crash in between leaves blobs with an
    /// owner that is not there, which the next opening removes.
    fn close_chunks(&mut self) {
        let owned = !self.as_one && self.events.is_some();
        let owner = if owned { self.head.last } else { 0 };
        if let Some(chunk) = self.blobs.take() {
            let (first, raw) = chunk.finish(owner);
            frame::write(&mut self.ops, Stream::Blobs, first, &raw);
        }
        if let Some(chunk) = self.events.take() {
            let (first, raw) = chunk.finish();
            frame::write(&mut self.ops, Stream::Events, first, &raw);
        }
    }
}
