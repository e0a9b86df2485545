//! Reading streams and tables. Everything here is bounded by what is durable.

use bytes::Bytes;
use sled::{IVec, Tree};

use crate::api::{Record, Sequence, Table};
use crate::chunk::Events;
use crate::dedup::Mark;
use crate::error::{ReadError, read_failed};
use crate::frame;
use crate::keys::{self, Stream};

/// A read returns what it has once it has this much, whatever number of records was asked for:
/// large records must not add up to more memory than one page deserves.
const READ_BYTES_MAX: usize = 8 << 20;

/// Chunks of events, from the one that holds `from` on.
pub(crate) struct Chunks<'a> {
    tree: &'a Tree,
    rest: sled::Iter,
    /// The sequence the next chunk must start with, once the first is known.
    next: Option<Sequence>,
}

impl<'a> Chunks<'a> {
    /// `from` must be durable, and so must `last`, which ends the walk.
    pub(crate) fn new(tree: &'a Tree, from: Sequence, last: Sequence) -> Result<Self, ReadError> {
        let (first, _) = chunk_of(tree, Stream::Events, from)?
            .ok_or_else(|| missing(from, "no chunk holds it"))?;
        let range = Stream::Events.chunk(first)..Stream::Events.chunk(last.saturating_add(1));
        Ok(Self { tree, rest: tree.range(range), next: None })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Events>, ReadError> {
        let Some((key, head)) = self.next_entry()? else { return Ok(None) };
        let first = first_of(&key, self.next)?;
        let chunk = parse(self.tree, first, &head)?;
        self.next = Some(chunk.last() + 1);
        Ok(Some(chunk))
    }

    /// The next as it is stored: for [`first_of`] and [`parse`], on whatever thread.
    pub(crate) fn next_entry(&mut self) -> Result<Option<(IVec, IVec)>, ReadError> {
        self.rest.next().transpose().map_err(|e| read_failed("event", &e))
    }
}

/// The first sequence of the chunk under this key, which must be `expected` if that is known.
pub(crate) fn first_of(key: &[u8], expected: Option<Sequence>) -> Result<Sequence, ReadError> {
    let Some(first) = Stream::Events.first_of(key) else {
        return Err(missing(expected.unwrap_or(0), "a key beside it is malformed"));
    };
    match expected.filter(|expected| *expected != first) {
        Some(gap) => Err(missing(gap, &format!("it is missing; the next chunk has {first}"))),
        None => Ok(first),
    }
}

/// See [`crate::EventLog::read`].
pub(crate) fn forward(
    tree: &Tree,
    from: Sequence,
    last: Sequence,
    records_max: usize,
) -> Result<Vec<Record>, ReadError> {
    let from = from.max(1);
    let mut page = Page::new(records_max);
    if from > last || page.is_full() {
        return Ok(page.records);
    }
    let mut chunks = Chunks::new(tree, from, last)?;
    while let Some(chunk) = chunks.next()? {
        if page.records.is_empty() && chunk.last() < from {
            return Err(missing(from, "no chunk holds it"));
        }
        for record in chunk.records() {
            let record = record?;
            if record.sequence > last || page.is_full() {
                return Ok(page.records);
            }
            if record.sequence >= from {
                page.push(record);
            }
        }
        if page.is_full() {
            return Ok(page.records);
        }
    }
    match page.records.last().map_or(from, |record| record.sequence + 1) {
        next if next <= last => Err(missing(next, "the stream ends before it")),
        _ => Ok(page.records),
    }
}

/// See [`crate::EventLog::read_back`].
pub(crate) fn backward(
    tree: &Tree,
    to: Sequence,
    last: Sequence,
    records_max: usize,
) -> Result<Vec<Record>, ReadError> {
    let mut page = Page::new(records_max);
    let mut to = to.min(last);
    while to > 0 && !page.is_full() {
        let chunk = chunk_holding(tree, to)?;
        let records = chunk.records().collect::<Result<Vec<_>, _>>()?;
        for record in records.into_iter().rev().filter(|record| record.sequence <= to) {
            if page.is_full() {
                break;
            }
            page.push(record);
        }
        to = chunk.first.saturating_sub(1);
    }
    Ok(page.records)
}

/// See [`crate::EventLog::get`].
pub(crate) fn one(tree: &Tree, at: Sequence, last: Sequence) -> Result<Option<Record>, ReadError> {
    if at == 0 || at > last {
        return Ok(None);
    }
    for record in chunk_holding(tree, at)?.records() {
        let record = record?;
        if record.sequence == at {
            return Ok(Some(record));
        }
    }
    Err(missing(at, "its chunk does not hold it"))
}

/// The dedup mark of a record that is in the store, durable or not.
pub(crate) fn mark(tree: &Tree, at: Sequence) -> Result<Option<Mark>, ReadError> {
    for item in chunk_holding(tree, at)?.marked_records() {
        let (record, mark) = item?;
        if record.sequence == at {
            return Ok(mark);
        }
    }
    Err(missing(at, "its chunk does not hold it"))
}

/// Tells of every dedup mark within these sequences (inclusive).
pub(crate) fn marks(
    tree: &Tree,
    from: Sequence,
    last: Sequence,
    tell: &mut dyn FnMut(Sequence, Mark),
) -> Result<(), ReadError> {
    if from > last {
        return Ok(());
    }
    let mut chunks = Chunks::new(tree, from, last)?;
    while let Some(chunk) = chunks.next()? {
        for item in chunk.marked_records() {
            let (record, mark) = item?;
            if let Some(mark) = mark.filter(|_| record.sequence >= from) {
                tell(record.sequence, mark);
            }
        }
    }
    Ok(())
}

/// The first record not recorded before this time; one past `last` if there is none.
pub(crate) fn first_since(
    tree: &Tree,
    time_us: i64,
    last: Sequence,
) -> Result<Sequence, ReadError> {
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match one(tree, middle, last)?.is_some_and(|record| record.recorded_us < time_us) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low)
}

/// See [`crate::EventLog::table_get`].
pub(crate) fn table_get(tree: &Tree, table: Table, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
    let value = tree.get(keys::table_key(table, key)).map_err(|e| read_failed("table", &e))?;
    Ok(value.map(to_bytes))
}

/// See [`crate::EventLog::table_scan`].
pub(crate) fn table_scan(
    tree: &Tree,
    table: Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    entries_max: usize,
) -> Result<Vec<(Vec<u8>, Bytes)>, ReadError> {
    let name = keys::table(table).len();
    let prefix = keys::table_key(table, prefix);
    let mut start = prefix.clone();
    if let Some(after) = after {
        // The least key above `after`.
        let mut above = keys::table_key(table, after);
        above.push(0);
        start = start.max(above);
    }
    let mut entries = Vec::new();
    for item in tree.range(start..) {
        let (key, value) = item.map_err(|e| read_failed("table", &e))?;
        if entries.len() >= entries_max || !key.starts_with(&prefix) {
            break;
        }
        entries.push((key[name..].to_vec(), to_bytes(value)));
    }
    Ok(entries)
}

/// The chunk a member is in, if it is in one: the last that starts at or before it.
fn chunk_of(tree: &Tree, stream: Stream, at: u64) -> Result<Option<(u64, IVec)>, ReadError> {
    let key = stream.chunk(at.saturating_add(1));
    let found = tree.get_lt(key).map_err(|e| read_failed(stream.noun(), &e))?;
    Ok(found.and_then(|(key, head)| Some((stream.first_of(&key)?, head))))
}

fn chunk_holding(tree: &Tree, at: Sequence) -> Result<Events, ReadError> {
    let found = chunk_of(tree, Stream::Events, at)?;
    let (first, head) = found.ok_or_else(|| missing(at, "no chunk holds it"))?;
    let chunk = parse(tree, first, &head)?;
    match chunk.last() < at {
        true => Err(missing(at, "no chunk holds it")),
        false => Ok(chunk),
    }
}

/// The chunk that starts at `first`, from the value under its key.
pub(crate) fn parse(tree: &Tree, first: Sequence, head: &[u8]) -> Result<Events, ReadError> {
    Events::parse(first, frame::read(tree, Stream::Events, first, head)?)
}

fn to_bytes(value: IVec) -> Bytes {
    Bytes::copy_from_slice(&value)
}

fn missing(at: Sequence, detail: &str) -> ReadError {
    ReadError::Corrupt { stream: Stream::Events.noun(), at, detail: detail.into() }
}

/// Records of one answer, up to its limits.
struct Page {
    records: Vec<Record>,
    records_max: usize,
    bytes: usize,
}

impl Page {
    fn new(records_max: usize) -> Self {
        Self { records: Vec::new(), records_max, bytes: 0 }
    }

    fn is_full(&self) -> bool {
        self.records.len() >= self.records_max || self.bytes >= READ_BYTES_MAX
    }

    fn push(&mut self, record: Record) {
        self.bytes += record.body.len();
        self.records.push(record);
    }
}
