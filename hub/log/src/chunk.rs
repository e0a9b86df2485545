//! Many records in one value: what a chunk holds before it is compressed.
//!
//! ```text
//! events: hash before (32) ‖ hash of the last (32) ‖ count u32 BE
//!         ‖ ( recorded_us i64 BE ‖ blob u64 BE ‖ length u32 BE ‖ check (4)
//!           ‖ dedup id (16) ‖ body hash (8) if the length's top bit is set ‖ body )*
//! blobs:  owner u64 BE ‖ count u32 BE ‖ ( length u32 BE ‖ body )*
//! ```
//!
//! A blob chunk's owner is the last record of the event chunk that is written right after it;
//! if a crash came between the two, opening removes it. 0: it stands on its own.
//!
//! Hashes are computed again at every read and compared: `check` is the first four bytes of a
//! record's hash, which names the one that is bad; the hash of the last stands for them all.

use bytes::{Buf, Bytes};

use crate::api::{Record, Sequence};
use crate::chain::{Hash, body_hash, link};
use crate::dedup::Mark;
use crate::error::ReadError;
use crate::keys::Stream;

/// A chunk of events is closed once it has this many bytes. sled's cache does not count large
/// values properly (782 MB resident with 40 KB chunks, 335 MB with 8 KB), and smaller ones
/// compress worse.
pub(crate) const CHUNK_BYTES: usize = 16 << 10;

/// The same for blobs, which are larger, and are closed together with their events.
const BLOB_CHUNK_BYTES: usize = 24 << 10;

const EVENTS_HEAD_BYTES: usize = 68;
const BLOBS_HEAD_BYTES: usize = 12;

const RECORD_HEAD_BYTES: usize = 24;
const MARK_BYTES: usize = 24;

/// Set in a record's length when a dedup mark follows.
const MARKED: u32 = 1 << 31;

/// Gathers records into a chunk.
pub(crate) struct EventChunk {
    raw: Vec<u8>,
    first: Sequence,
    last_hash: Hash,
    count: u32,
}

impl EventChunk {
    pub(crate) fn new(first: Sequence, before: &Hash) -> Self {
        let mut raw = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
        raw.extend_from_slice(before);
        raw.resize(EVENTS_HEAD_BYTES, 0);
        Self { raw, first, last_hash: *before, count: 0 }
    }

    /// Appends a record, and gives its hash.
    pub(crate) fn push(
        &mut self,
        recorded_us: i64,
        blob: Option<u64>,
        mark: Option<&Mark>,
        body: &[u8],
        body_hash: &Hash,
    ) -> Hash {
        let sequence = self.first + u64::from(self.count);
        let hash = link(&self.last_hash, sequence, recorded_us, blob, body_hash);
        self.raw.extend_from_slice(&recorded_us.to_be_bytes());
        self.raw.extend_from_slice(&blob.unwrap_or(0).to_be_bytes());
        let marked = if mark.is_some() { MARKED } else { 0 };
        self.raw.extend_from_slice(&(length(body) | marked).to_be_bytes());
        self.raw.extend_from_slice(&hash[..4]);
        if let Some(mark) = mark {
            self.raw.extend_from_slice(&mark.id);
            self.raw.extend_from_slice(&mark.body);
        }
        self.raw.extend_from_slice(body);
        self.count += 1;
        self.last_hash = hash;
        hash
    }

    pub(crate) fn is_full(&self) -> bool {
        self.raw.len() >= CHUNK_BYTES
    }

    /// The first sequence, and the chunk's bytes.
    pub(crate) fn finish(mut self) -> (Sequence, Vec<u8>) {
        self.raw[32..64].copy_from_slice(&self.last_hash);
        self.raw[64..EVENTS_HEAD_BYTES].copy_from_slice(&self.count.to_be_bytes());
        (self.first, self.raw)
    }
}

/// Gathers blobs into a chunk.
pub(crate) struct BlobChunk {
    raw: Vec<u8>,
    first: u64,
    count: u32,
}

impl BlobChunk {
    pub(crate) fn new(first: u64) -> Self {
        Self { raw: vec![0; BLOBS_HEAD_BYTES], first, count: 0 }
    }

    pub(crate) fn push(&mut self, body: &[u8]) {
        self.raw.extend_from_slice(&length(body).to_be_bytes());
        self.raw.extend_from_slice(body);
        self.count += 1;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.raw.len() >= BLOB_CHUNK_BYTES
    }

    /// The first id, and the chunk's bytes.
    pub(crate) fn finish(mut self, owner: Sequence) -> (u64, Vec<u8>) {
        self.raw[..8].copy_from_slice(&owner.to_be_bytes());
        self.raw[8..BLOBS_HEAD_BYTES].copy_from_slice(&self.count.to_be_bytes());
        (self.first, self.raw)
    }
}

fn length(body: &[u8]) -> u32 {
    u32::try_from(body.len()).expect("the options keep a body at 64 MiB or below")
}

/// A chunk of events, read back.
pub(crate) struct Events {
    pub(crate) first: Sequence,
    /// How many records it says it has, at least 1.
    pub(crate) count: u32,
    pub(crate) before: Hash,
    pub(crate) last_hash: Hash,
    raw: Bytes,
}

impl Events {
    pub(crate) fn parse(first: Sequence, raw: Vec<u8>) -> Result<Self, ReadError> {
        let mut rest = Bytes::from(raw);
        if rest.len() < EVENTS_HEAD_BYTES {
            return Err(corrupt(first, "its chunk is cut short"));
        }
        let head = rest.split_to(EVENTS_HEAD_BYTES);
        let (mut before, mut last_hash, mut count) = ([0; 32], [0; 32], [0; 4]);
        before.copy_from_slice(&head[..32]);
        last_hash.copy_from_slice(&head[32..64]);
        count.copy_from_slice(&head[64..]);
        let count = u32::from_be_bytes(count);
        if count == 0 {
            return Err(corrupt(first, "its chunk says it is empty"));
        }
        Ok(Self { first, count, before, last_hash, raw: rest })
    }

    /// Sequence of the last record it should hold.
    pub(crate) fn last(&self) -> Sequence {
        self.first + u64::from(self.count) - 1
    }

    /// Checks every record as [`Events::records`] does, and that their times do not go back,
    /// without giving them out.
    pub(crate) fn check(&self) -> Checked {
        let mut checked = Checked::default();
        let (mut rest, mut sequence, mut hash) = (&self.raw[..], self.first, self.before);
        for left in (0..self.count).rev() {
            let parsed = parse_one(rest, sequence, &hash).and_then(|parsed| {
                check_end(sequence, left, &parsed, &self.last_hash, rest.len())?;
                Ok(parsed)
            });
            let parsed = match parsed {
                Ok(parsed) => parsed,
                Err(bad) => {
                    checked.bad = Some(bad);
                    return checked;
                }
            };
            let (first_us, last_us) =
                checked.times_us.unwrap_or((parsed.recorded_us, parsed.recorded_us));
            if parsed.recorded_us < last_us {
                checked.bad = Some(goes_back(sequence));
                return checked;
            }
            checked.times_us = Some((first_us, parsed.recorded_us));
            checked.records += 1;
            checked.bytes += (parsed.end - parsed.body_at) as u64;
            rest = &rest[parsed.end..];
            hash = parsed.hash;
            sequence += 1;
        }
        checked
    }

    /// Its records in order, each checked against its hash; the first error ends it.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<Record, ReadError>> + use<> {
        self.marked_records().map(|item| item.map(|(record, _)| record))
    }

    /// The same, with what each keeps of its dedup key.
    pub(crate) fn marked_records(&self) -> Records {
        Records {
            rest: self.raw.clone(),
            sequence: self.first,
            left: self.count,
            hash: self.before,
            last_hash: self.last_hash,
        }
    }
}

/// See [`Events::marked_records`].
pub(crate) struct Records {
    rest: Bytes,
    sequence: Sequence,
    left: u32,
    hash: Hash,
    last_hash: Hash,
}

impl Records {
    fn parse(&mut self) -> Result<(Record, Option<Mark>), ReadError> {
        let sequence = self.sequence;
        let parsed = parse_one(&self.rest, sequence, &self.hash)?;
        self.left -= 1;
        check_end(sequence, self.left, &parsed, &self.last_hash, self.rest.len())?;
        let body = self.rest.slice(parsed.body_at..parsed.end);
        self.rest.advance(parsed.end);
        self.hash = parsed.hash;
        self.sequence += 1;
        let Parsed { recorded_us, blob, mark, hash, .. } = parsed;
        Ok((Record { sequence, recorded_us, blob, hash, body }, mark))
    }
}

/// One record at the start of a slice.
struct Parsed {
    recorded_us: i64,
    blob: Option<u64>,
    mark: Option<Mark>,
    hash: Hash,
    /// Where the body starts, and where it and so the record ends.
    body_at: usize,
    end: usize,
}

/// Reads a record, and checks it against its hash.
fn parse_one(rest: &[u8], sequence: Sequence, before: &Hash) -> Result<Parsed, ReadError> {
    let Some((head, tail)) = rest.split_first_chunk::<RECORD_HEAD_BYTES>() else {
        return Err(corrupt(sequence, "its chunk ends before it"));
    };
    let recorded_us = i64::from_be_bytes(array(&head[..8]));
    let blob = Some(u64::from_be_bytes(array(&head[8..16]))).filter(|id| *id != 0);
    let length = u32::from_be_bytes(array(&head[16..20]));
    let mark_bytes = if length & MARKED == 0 { 0 } else { MARK_BYTES };
    let length = (length & !MARKED) as usize;
    if mark_bytes + length > tail.len() {
        return Err(corrupt(sequence, "its chunk ends within it"));
    }
    let mark =
        (mark_bytes > 0).then(|| Mark { id: array(&tail[..16]), body: array(&tail[16..24]) });
    let body = &tail[mark_bytes..mark_bytes + length];
    let hash = link(before, sequence, recorded_us, blob, &body_hash(body));
    if hash[..4] != head[20..] {
        return Err(corrupt(sequence, "it does not fit its hash"));
    }
    let body_at = RECORD_HEAD_BYTES + mark_bytes;
    Ok(Parsed { recorded_us, blob, mark, hash, body_at, end: body_at + length })
}

/// What must hold once the last record of a chunk (`left` is 0) is read.
fn check_end(
    sequence: Sequence,
    left: u32,
    parsed: &Parsed,
    last_hash: &Hash,
    bytes: usize,
) -> Result<(), ReadError> {
    if left == 0 && parsed.hash != *last_hash {
        return Err(corrupt(sequence, "it does not fit the hash of its chunk"));
    }
    if left == 0 && parsed.end != bytes {
        return Err(corrupt(sequence, "its chunk goes on after its last record"));
    }
    Ok(())
}

/// What [`Events::check`] found, as far as it got.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) records: u64,
    /// Bytes of their bodies.
    pub(crate) bytes: u64,
    /// Times of the first and of the last of them.
    pub(crate) times_us: Option<(i64, i64)>,
    /// Why it got no further.
    pub(crate) bad: Option<ReadError>,
}

impl Iterator for Records {
    type Item = Result<(Record, Option<Mark>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let record = self.parse();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// The owner of a chunk of blobs, and how many it says it has.
pub(crate) fn blob_head(raw: &[u8]) -> Option<(Sequence, u32)> {
    let head = raw.get(..BLOBS_HEAD_BYTES)?;
    Some((u64::from_be_bytes(array(&head[..8])), u32::from_be_bytes(array(&head[8..]))))
}

/// The blob at `index` (from 0) of a chunk; none if the chunk has no such one or is damaged.
pub(crate) fn blob_at(raw: Vec<u8>, index: u64) -> Option<Bytes> {
    let (_, count) = blob_head(&raw)?;
    if index >= u64::from(count) {
        return None;
    }
    let mut rest = Bytes::from(raw);
    let _head = rest.split_to(BLOBS_HEAD_BYTES);
    for at in 0..=index {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let _length = rest.split_to(4);
        if length > rest.len() {
            return None;
        }
        let body = rest.split_to(length);
        if at == index {
            return Some(body);
        }
    }
    None
}

/// A record's time is before its predecessor's, which the writer never lets happen.
pub(crate) fn goes_back(sequence: Sequence) -> ReadError {
    corrupt(sequence, "its time is before that of the record before")
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller slices exactly this many bytes")
}

fn corrupt(at: Sequence, detail: &str) -> ReadError {
    ReadError::Corrupt { stream: Stream::Events.noun(), at, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::GENESIS;

    fn sample() -> Vec<u8> {
        let mut chunk = EventChunk::new(5, &GENESIS);
        for (at, body) in ["one", "two", "three"].iter().enumerate() {
            let mark = Mark { id: [at as u8; 16], body: [9; 8] };
            let mark = (at == 2).then_some(&mark);
            let (body, blob) = (body.as_bytes(), (at == 1).then_some(8));
            chunk.push(100 + at as i64, blob, mark, body, &body_hash(body));
        }
        chunk.finish().1
    }

    fn read(raw: Vec<u8>) -> Result<Vec<Record>, ReadError> {
        let chunk = Events::parse(5, raw)?;
        let records = chunk.records().collect::<Result<Vec<_>, _>>();
        // Checking finds what reading finds.
        assert_eq!(chunk.check().bad.as_ref(), records.as_ref().err());
        records
    }

    #[test]
    fn what_goes_in_comes_out() {
        let records = read(sample()).expect("an untouched chunk reads");
        let seen: Vec<_> =
            records.iter().map(|r| (r.sequence, r.recorded_us, r.blob, r.body.as_ref())).collect();
        assert_eq!(
            seen,
            [
                (5, 100, None, &b"one"[..]),
                (6, 101, Some(8), &b"two"[..]),
                (7, 102, None, &b"three"[..])
            ]
        );
    }

    #[test]
    fn marks_come_out_too() {
        let chunk = Events::parse(5, sample()).expect("an untouched chunk parses");
        let marks: Vec<_> = chunk.marked_records().map(|item| item.expect("it reads").1).collect();
        assert_eq!(marks, [None, None, Some(Mark { id: [2; 16], body: [9; 8] })]);
    }

    /// All but dedup marks, which the chain leaves out so that exported records can be verified.
    #[test]
    fn any_changed_byte_is_found() {
        let good = sample();
        let mark = good.len() - b"three".len() - 24..good.len() - b"three".len();
        for at in (0..good.len()).filter(|at| !mark.contains(at)) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(read(bad).is_err(), "a change of byte {at} went unseen");
        }
    }

    #[test]
    fn checking_counts_what_it_saw_and_names_a_time_that_goes_back() {
        let checked = Events::parse(5, sample()).expect("an untouched chunk parses").check();
        let seen = (checked.records, checked.bytes, checked.times_us, checked.bad);
        assert_eq!(seen, (3, 11, Some((100, 102)), None));

        let mut chunk = EventChunk::new(5, &GENESIS);
        for time_us in [7, 7, 6, 8] {
            chunk.push(time_us, None, None, b"x", &body_hash(b"x"));
        }
        let chunk = Events::parse(5, chunk.finish().1).expect("it is well formed");
        let checked = chunk.check();
        assert!(matches!(checked.bad, Some(ReadError::Corrupt { at: 7, .. })), "{checked:?}");
        assert_eq!(checked.records, 2);
    }

    #[test]
    fn a_changed_body_is_named() {
        let mut bad = sample();
        let at = bad.windows(3).position(|w| w == b"two").expect("the body is in the chunk");
        bad[at] = b'T';
        let error = read(bad).expect_err("a changed body must not read");
        assert!(matches!(error, ReadError::Corrupt { at: 6, .. }), "{error}");
    }

    #[test]
    fn blobs_are_found_by_index_and_damage_gives_none() {
        let mut chunk = BlobChunk::new(1);
        chunk.push(b"a");
        chunk.push(b"");
        chunk.push(b"ccc");
        let (_, raw) = chunk.finish(7);
        assert_eq!(blob_head(&raw), Some((7, 3)));
        let at = |index| blob_at(raw.clone(), index);
        assert_eq!(at(0).as_deref(), Some(&b"a"[..]));
        assert_eq!(at(1).as_deref(), Some(&b""[..]));
        assert_eq!(at(2).as_deref(), Some(&b"ccc"[..]));
        assert_eq!(at(3), None);
        for cut in 0..raw.len() {
            assert_eq!(blob_at(raw[..cut].to_vec(), 2), None, "cut to {cut} bytes");
        }
    }
}
