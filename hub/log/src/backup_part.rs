//! The bytes of a backup: parts that are checked one by one and as a whole.
//!
//! ```text
//! part: "hublogbk" ‖ version u16 ‖ kind u8 ‖ number u32 from 1 ‖ payload ‖ BLAKE3 of it all (32)
//! payload of tables (t), events (e), blobs (b):
//!       ( key length u16 ‖ value length u32 ‖ key ‖ value )*   as the store has them
//! payload of the head (h), the last part:
//!       last u64 ‖ its hash (32) ‖ last blob u64 ‖ trimmed below u64
//!       ‖ records u64 ‖ blobs u64 ‖ table entries u64
//!       ‖ BLAKE3 of the checks of all parts before (32)
//! ```
//!
//! All big-endian. Keys and values are those of [`crate::keys`], [`crate::chunk`] and
//! [`crate::frame`]: chunks go into a backup, and come out of it, byte for byte.

use crate::api::Sequence;
use crate::chain::Hash;

const MAGIC: &[u8; 8] = b"hublogbk";
const VERSION: u16 = 1;
const HEAD_BYTES: usize = 15;

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tables,
    Events,
    Blobs,
    Head,
}

impl Kind {
    fn tag(self) -> u8 {
        match self {
            Kind::Tables => b't',
            Kind::Events => b'e',
            Kind::Blobs => b'b',
            Kind::Head => b'h',
        }
    }

    fn of(tag: u8) -> Option<Self> {
        [Kind::Tables, Kind::Events, Kind::Blobs, Kind::Head]
            .into_iter()
            .find(|kind| kind.tag() == tag)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Tables => "tables",
            Kind::Events => "events",
            Kind::Blobs => "blobs",
            Kind::Head => "head",
        }
    }

    /// Whether a key of the store belongs into such a part.
    pub(crate) fn takes(self, key: &[u8]) -> bool {
        matches!(
            (self, key),
            (Kind::Tables, [b't', ..])
                | (Kind::Events, [b'e', ..] | [b'x', b'e', ..])
                | (Kind::Blobs, [b'b', ..] | [b'x', b'b', ..])
        )
    }
}

/// A part in the making.
pub(crate) struct Writing {
    bytes: Vec<u8>,
}

impl Writing {
    pub(crate) fn new(kind: Kind, number: u32) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.push(kind.tag());
        bytes.extend_from_slice(&number.to_be_bytes());
        Self { bytes }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == HEAD_BYTES
    }

    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8]) {
        let key_len = u16::try_from(key.len()).expect("a key has at most 600 bytes");
        let value_len = u32::try_from(value.len()).expect("a value has at most 60 KiB");
        self.bytes.extend_from_slice(&key_len.to_be_bytes());
        self.bytes.extend_from_slice(&value_len.to_be_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    /// The part, and its check.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Hash) {
        let check = *blake3::hash(&self.bytes).as_bytes();
        self.bytes.extend_from_slice(&check);
        (self.bytes, check)
    }
}

/// A part that was read, and is what was written.
pub(crate) struct Part<'a> {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    pub(crate) check: Hash,
    payload: &'a [u8],
}

impl<'a> Part<'a> {
    /// Says what is wrong with it.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let (data, check) =
            bytes.split_last_chunk::<32>().ok_or("it is too short to be a part of a backup")?;
        let (head, payload) =
            data.split_at_checked(HEAD_BYTES).ok_or("it is too short to be a part of a backup")?;
        if &head[..8] != MAGIC {
            return Err("it is not a part of a backup of the log".into());
        }
        let version = u16::from_be_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(format!("it has version {version}, and this program reads {VERSION}"));
        }
        if blake3::hash(data).as_bytes() != check {
            return Err("it does not fit its check: it is damaged or cut short".into());
        }
        let kind = Kind::of(head[10]).ok_or("it is of an unknown kind")?;
        let number = u32::from_be_bytes([head[11], head[12], head[13], head[14]]);
        Ok(Self { kind, number, check: *check, payload })
    }

    /// Its entries; none for the head.
    pub(crate) fn entries(&self) -> Option<Vec<(&'a [u8], &'a [u8])>> {
        let (mut rest, mut entries) = (self.payload, Vec::new());
        while !rest.is_empty() {
            let (key_len, after) = rest.split_first_chunk()?;
            let (value_len, after) = after.split_first_chunk()?;
            let (key, after) = after.split_at_checked(u16::from_be_bytes(*key_len).into())?;
            let value_len = usize::try_from(u32::from_be_bytes(*value_len)).ok()?;
            let (value, after) = after.split_at_checked(value_len)?;
            entries.push((key, value));
            rest = after;
        }
        Some(entries)
    }

    pub(crate) fn head(&self) -> Option<Summary> {
        Summary::decode(self.payload)
    }
}

/// What the last part says of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) last: Sequence,
    pub(crate) last_hash: Hash,
    pub(crate) blob_last: u64,
    pub(crate) trimmed_below: u64,
    pub(crate) records: u64,
    pub(crate) blobs: u64,
    pub(crate) table_entries: u64,
    /// Of the checks of all parts before, in order.
    pub(crate) parts_hash: Hash,
}

impl Summary {
    pub(crate) fn encode(&self, into: &mut Writing) {
        let out = &mut into.bytes;
        out.extend_from_slice(&self.last.to_be_bytes());
        out.extend_from_slice(&self.last_hash);
        for number in
            [self.blob_last, self.trimmed_below, self.records, self.blobs, self.table_entries]
        {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.parts_hash);
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let mut rest = payload;
        let number = |rest: &mut &[u8]| {
            let (number, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(u64::from_be_bytes(*number))
        };
        let hash = |rest: &mut &[u8]| {
            let (hash, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(*hash)
        };
        let summary = Self {
            last: number(&mut rest)?,
            last_hash: hash(&mut rest)?,
            blob_last: number(&mut rest)?,
            trimmed_below: number(&mut rest)?,
            records: number(&mut rest)?,
            blobs: number(&mut rest)?,
            table_entries: number(&mut rest)?,
            parts_hash: hash(&mut rest)?,
        };
        rest.is_empty().then_some(summary)
    }
}
