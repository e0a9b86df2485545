//! A backup while appends go on.
//!
//! Under the writer's lock only its end is looked up and the side tables are copied, which are
//! small: so no table value is newer than the last record. What comes then never changes: the
//! chunks of events up to that end, and those of blobs, of which some may be trimmed meanwhile.
//! Everything is checked on the way: a damaged log is not backed up in silence.

use std::io;
use std::time::Duration;

use sled::{IVec, Tree};

use crate::api::Sequence;
use crate::backup_part::{Kind, Summary, Writing};
use crate::chain::{GENESIS, Hash};
use crate::chunk::{Events, blob_head};
use crate::error::{BackupError, ReadError, read_failed};
use crate::frame;
use crate::keys::Stream;
use crate::state::State;
use crate::trim;

/// A part is closed once it has this much; a chunk with a large blob may make it larger.
const PART_BYTES: usize = 4 << 20;

/// Where a backup goes.
pub trait BackupSink {
    /// Takes the next part: a name without a slash, unlike that of any other, and its bytes,
    /// some 4 MiB (more only if a single record or blob is). The order must be kept.
    fn part(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A backup that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// The last record in it.
    pub last: Sequence,
    /// Its hash: kept elsewhere, it shows that a backup is this one.
    pub last_hash: Hash,
    /// How many records are in it: all from the first.
    pub records: u64,
    /// How many blobs are in it: all but what was trimmed.
    pub blobs: u64,
    /// How many table values are in it.
    pub table_entries: u64,
    /// How many parts it has.
    pub parts: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// The log at one moment.
pub(crate) struct Moment {
    last: Sequence,
    last_hash: Hash,
    blob_last: u64,
    tables: Vec<(IVec, IVec)>,
}

/// To be called while the writer waits.
pub(crate) fn capture(tree: &Tree) -> Result<Moment, ReadError> {
    let (mut last, mut last_hash, mut blob_last) = (0, GENESIS, 0);
    if let Some((first, raw)) = last_chunk(tree, Stream::Events)? {
        let chunk = Events::parse(first, raw)?;
        (last, last_hash) = (chunk.last(), chunk.last_hash);
    }
    if let Some((first, raw)) = last_chunk(tree, Stream::Blobs)? {
        blob_last = first + blob_head(&raw).map_or(0, |(_, count)| u64::from(count)) - 1;
    }
    blob_last = blob_last.max(trim::trimmed_below(tree)?.saturating_sub(1));
    let tables = tree.scan_prefix(b"t").collect::<Result<_, _>>();
    let tables = tables.map_err(|e| read_failed("table", &e))?;
    Ok(Moment { last, last_hash, blob_last, tables })
}

fn last_chunk(tree: &Tree, stream: Stream) -> Result<Option<(u64, Vec<u8>)>, ReadError> {
    let found = tree.get_lt([stream.tag() + 1]).map_err(|e| read_failed(stream.noun(), &e))?;
    let found = found.and_then(|(key, head)| Some((stream.first_of(&key)?, head)));
    let Some((first, head)) = found else { return Ok(None) };
    Ok(Some((first, frame::read(tree, stream, first, &head)?)))
}

/// Waits for the writer to make durable what it had written: a backup must hold nothing that a
/// crash could still take from the log.
pub(crate) fn wait_durable(state: &State, moment: &Moment) -> Result<(), BackupError> {
    loop {
        let durable = state.durable();
        if durable.last >= moment.last && durable.blob_last >= moment.blob_last {
            return Ok(());
        }
        if durable.closed {
            return Err(ReadError::Closed.into());
        }
        if let Some(failure) = state.failure() {
            return Err(BackupError::Failed { reason: failure.0 });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Hands the parts to the sink.
pub(crate) fn write(
    tree: &Tree,
    moment: Moment,
    sink: &mut dyn BackupSink,
) -> Result<BackedUp, BackupError> {
    let mut out = Out::new(sink);
    let mut summary = Summary {
        last: moment.last,
        last_hash: moment.last_hash,
        blob_last: moment.blob_last,
        table_entries: moment.tables.len() as u64,
        ..Summary::default()
    };
    for (key, value) in moment.tables {
        out.entry(Kind::Tables, &key, &value)?;
    }
    summary.records = events(tree, &summary, &mut out)?;
    summary.blobs = blobs(tree, moment.blob_last, &mut out)?;
    // After the blobs, so that it covers what was trimmed meanwhile; but not what came meanwhile.
    summary.trimmed_below = trim::trimmed_below(tree)?.min(summary.blob_last.saturating_add(1));
    out.finish(summary)
}

fn events(tree: &Tree, moment: &Summary, out: &mut Out<'_>) -> Result<u64, BackupError> {
    let broken = |at, detail: &str| ReadError::Corrupt {
        stream: Stream::Events.noun(),
        at,
        detail: detail.into(),
    };
    let (mut next, mut hash) = (1, GENESIS);
    let all = Stream::Events.chunk(0)..Stream::Events.chunk(moment.last.saturating_add(1));
    for item in tree.range(all) {
        let (key, head) = item.map_err(|e| read_failed("event", &e))?;
        let first = Stream::Events.first_of(&key).unwrap_or(0);
        let chunk = Events::parse(first, frame::read(tree, Stream::Events, first, &head)?)?;
        if first != next || chunk.before != hash {
            return Err(broken(next, "the next chunk does not follow").into());
        }
        for record in chunk.records() {
            record?;
        }
        (next, hash) = (chunk.last() + 1, chunk.last_hash);
        if !chunk_entries(tree, Stream::Events, first, &head, Kind::Events, out)? {
            return Err(broken(first, "a piece of its chunk is missing").into());
        }
    }
    match next == moment.last + 1 && hash == moment.last_hash {
        true => Ok(moment.last),
        false => Err(broken(next, "the stream ends before it").into()),
    }
}

fn blobs(tree: &Tree, last: u64, out: &mut Out<'_>) -> Result<u64, BackupError> {
    let (mut after, mut count) = (Stream::Blobs.chunk(0), 0);
    loop {
        let next = tree.get_gt(after).map_err(|e| read_failed("blob", &e))?;
        let next = next.and_then(|(key, head)| Some((Stream::Blobs.first_of(&key)?, head)));
        let Some((first, head)) = next.filter(|(first, _)| *first <= last) else {
            return Ok(count);
        };
        after = Stream::Blobs.chunk(first);
        match frame::read(tree, Stream::Blobs, first, &head) {
            Ok(raw) => {
                if chunk_entries(tree, Stream::Blobs, first, &head, Kind::Blobs, out)? {
                    count += blob_head(&raw).map_or(0, |(_, count)| u64::from(count));
                }
            }
            Err(_) if first < trim::trimmed_below(tree)? => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A chunk as the store has it, with its further pieces. False, and nothing, if they are gone.
fn chunk_entries(
    tree: &Tree,
    stream: Stream,
    first: u64,
    head: &[u8],
    kind: Kind,
    out: &mut Out<'_>,
) -> Result<bool, BackupError> {
    let mut pieces = Vec::new();
    for piece in 1..frame::pieces(head) {
        let key = stream.piece(first, piece);
        match tree.get(key).map_err(|e| read_failed(stream.noun(), &e))? {
            Some(value) => pieces.push((key, value)),
            // It was there a moment ago, so it was trimmed just now.
            None => return Ok(false),
        }
    }
    out.entry(kind, &stream.chunk(first), head)?;
    pieces.iter().try_for_each(|(key, value)| out.entry(kind, key, value))?;
    Ok(true)
}

/// The parts on their way.
struct Out<'a> {
    sink: &'a mut dyn BackupSink,
    open: Option<(Kind, Writing)>,
    parts: u32,
    bytes: u64,
    checks: blake3::Hasher,
}

impl<'a> Out<'a> {
    fn new(sink: &'a mut dyn BackupSink) -> Self {
        Self { sink, open: None, parts: 0, bytes: 0, checks: blake3::Hasher::new() }
    }

    fn entry(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
        let full =
            self.open.as_ref().is_some_and(|(of, part)| *of != kind || part.len() >= PART_BYTES);
        if full {
            self.close()?;
        }
        let number = self.parts + 1;
        let (_, part) = self.open.get_or_insert_with(|| (kind, Writing::new(kind, number)));
        part.entry(key, value);
        Ok(())
    }

    fn close(&mut self) -> Result<(), BackupError> {
        let Some((kind, part)) = self.open.take().filter(|(_, part)| !part.is_empty()) else {
            return Ok(());
        };
        let (bytes, check) = part.finish();
        self.checks.update(&check);
        self.hand_over(kind, &bytes)
    }

    fn hand_over(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), BackupError> {
        self.parts += 1;
        self.bytes += bytes.len() as u64;
        let part = format!("{:06}-{}", self.parts, kind.name());
        self.sink.part(&part, bytes).map_err(|source| BackupError::Sink { part, source })
    }

    fn finish(mut self, mut summary: Summary) -> Result<BackedUp, BackupError> {
        self.close()?;
        summary.parts_hash = *self.checks.finalize().as_bytes();
        let mut head = Writing::new(Kind::Head, self.parts + 1);
        summary.encode(&mut head);
        let (bytes, _) = head.finish();
        self.hand_over(Kind::Head, &bytes)?;
        Ok(BackedUp {
            last: summary.last,
            last_hash: summary.last_hash,
            records: summary.records,
            blobs: summary.blobs,
            table_entries: summary.table_entries,
            parts: self.parts,
            bytes: self.bytes,
        })
    }
}
