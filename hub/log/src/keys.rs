//! Where things are in the store: one tree, so that one batch of the store is one atomic unit,
//! with a tag byte for each kind.
//!
//! ```text
//! 'b' ‖ first blob id u64 BE                       a chunk of blobs
//! 'd' ‖ last sequence covered u64 BE               (format 1) a part of the dedup index
//! 'e' ‖ first sequence u64 BE                      a chunk of events
//! 'i' ‖ run u32 BE ‖ 'b' or 'f' ‖ first id u64 BE  a block or filter of the dedup index
//! 'm' ‖ name                                       about the store itself
//! 't' ‖ table ‖ 0 ‖ key                            a side table's value
//! 'x' ‖ stream tag ‖ first u64 BE ‖ piece u16 BE   the rest of a large chunk
//! ```

use crate::api::Table;

/// The format's stamp.
pub(crate) const FORMAT: &[u8] = b"mformat";

/// Which runs the dedup index has.
pub(crate) const DEDUP_MANIFEST: &[u8] = b"mdedup";

/// Blobs with an id below the value, u64 BE, were trimmed, unless their chunk is there.
pub(crate) const TRIMMED: &[u8] = b"mtrimmed";

/// Ties the store to its head file ([`crate::head_file`]).
pub(crate) const MOMENTS: &[u8] = b"mmoments";

/// Parts of the dedup index as format 1 has it.
pub(crate) const DEDUP_V1: &[u8] = b"d";

/// Parts of the dedup index.
pub(crate) const DEDUP: &[u8] = b"i";

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Events,
    Blobs,
}

impl Stream {
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Stream::Events => b'e',
            Stream::Blobs => b'b',
        }
    }

    /// The word errors use for one of its members.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Stream::Events => "event",
            Stream::Blobs => "blob",
        }
    }

    /// Key of the chunk that starts at `first`.
    pub(crate) fn chunk(self, first: u64) -> [u8; 9] {
        let mut key = [self.tag(); 9];
        key[1..].copy_from_slice(&first.to_be_bytes());
        key
    }

    /// The number in a chunk's key, if it is one of this stream.
    pub(crate) fn first_of(self, key: &[u8]) -> Option<u64> {
        let number = key.strip_prefix(&[self.tag()])?;
        Some(u64::from_be_bytes(number.try_into().ok()?))
    }

    /// Key of the `piece`-th continuation (from 1) of the chunk that starts at `first`.
    pub(crate) fn piece(self, first: u64, piece: u16) -> [u8; 12] {
        let mut key = [b'x'; 12];
        key[1] = self.tag();
        key[2..10].copy_from_slice(&first.to_be_bytes());
        key[10..].copy_from_slice(&piece.to_be_bytes());
        key
    }
}

/// The number in such a key of format 1.
pub(crate) fn dedup_v1_to(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(DEDUP_V1)?.try_into().ok()?))
}

/// What a saved run of the dedup index consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saved {
    Block,
    Filter,
}

/// What all keys of a run start with.
pub(crate) fn saved_run(run: u32) -> [u8; 5] {
    let mut key = [DEDUP[0]; 5];
    key[1..].copy_from_slice(&run.to_be_bytes());
    key
}

/// What all keys of a run's blocks or filters start with.
pub(crate) fn saved_kind(run: u32, kind: Saved) -> [u8; 6] {
    let mut key = [0; 6];
    key[..5].copy_from_slice(&saved_run(run));
    key[5] = match kind {
        Saved::Block => b'b',
        Saved::Filter => b'f',
    };
    key
}

/// Key of the block or filter that starts with `short`.
pub(crate) fn saved(run: u32, kind: Saved, short: u64) -> [u8; 14] {
    let mut key = [0; 14];
    key[..6].copy_from_slice(&saved_kind(run, kind));
    key[6..].copy_from_slice(&short.to_be_bytes());
    key
}

/// The run in such a key.
pub(crate) fn saved_run_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*key.strip_prefix(DEDUP)?.first_chunk()?))
}

/// The eight bytes in such a key.
pub(crate) fn saved_short(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(6..)?.try_into().ok()?))
}

/// What all keys of a table start with. A name holds no NUL, so no table is another's prefix.
pub(crate) fn table(table: Table) -> Vec<u8> {
    let mut key = Vec::with_capacity(table.name().len() + 2);
    key.push(b't');
    key.extend_from_slice(table.name().as_bytes());
    key.push(0);
    key
}

/// Key of a table's value.
pub(crate) fn table_key(of: Table, key: &[u8]) -> Vec<u8> {
    let mut full = table(of);
    full.extend_from_slice(key);
    full
}
