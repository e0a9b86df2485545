//! The hash chain over the event stream.
//!
//! Each record's hash is
//!
//! ```text
//! BLAKE3( hash of the record before (32 bytes; zeros for the first)
//!       ‖ sequence         u64 big-endian
//!       ‖ recorded_us      i64 big-endian
//!       ‖ blob id          u64 big-endian, 0 for none
//!       ‖ BLAKE3( body )   32 bytes )
//! ```
//!
//! The body goes in as its own hash, so that those who append hash their bodies side by side
//! and only 88 bytes a record are left for the one writer; and so that the chain can be shown
//! to hold without showing every body.
//!
//! Every field has a fixed length, so two different histories never hash the same input.
//! Changing, removing, inserting or reordering records changes every hash after. Whoever can rewrite the whole store can rewrite the whole chain:
//! against that, keep the last hash ([`crate::Verified::last_hash`]) somewhere else.
//!
//! A blob is covered by its id only, so that old blobs may be trimmed.

use crate::api::Sequence;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// What stands for the hash before the first record.
pub const GENESIS: Hash = [0; 32];

/// The hash of a body alone.
pub fn body_hash(body: &[u8]) -> Hash {
    *blake3::hash(body).as_bytes()
}

/// The hash of one record, from the hash before and what the record holds.
pub fn link(
    before: &Hash,
    sequence: Sequence,
    recorded_us: i64,
    blob: Option<u64>,
    body_hash: &Hash,
) -> Hash {
    let mut input = [0; 88];
    input[..32].copy_from_slice(before);
    input[32..40].copy_from_slice(&sequence.to_be_bytes());
    input[40..48].copy_from_slice(&recorded_us.to_be_bytes());
    input[48..56].copy_from_slice(&blob.unwrap_or(0).to_be_bytes());
    input[56..].copy_from_slice(body_hash);
    *blake3::hash(&input).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins the format: a log written today must verify under every later version.
    #[test]
    fn the_input_is_exactly_as_documented() {
        let before = [7; 32];
        let mut input = before.to_vec();
        input.extend(9_u64.to_be_bytes());
        input.extend((-5_i64).to_be_bytes());
        input.extend(3_u64.to_be_bytes());
        input.extend(blake3::hash(b"body").as_bytes());
        let hash = link(&before, 9, -5, Some(3), &body_hash(b"body"));
        assert_eq!(hash, *blake3::hash(&input).as_bytes());
    }

    #[test]
    fn every_field_counts() {
        let (x, y) = (body_hash(b"x"), body_hash(b"y"));
        let base = link(&GENESIS, 1, 2, None, &x);
        for other in [
            link(&[1; 32], 1, 2, None, &x),
            link(&GENESIS, 2, 2, None, &x),
            link(&GENESIS, 1, 3, None, &x),
            link(&GENESIS, 1, 2, Some(1), &x),
            link(&GENESIS, 1, 2, None, &y),
        ] {
            assert_ne!(base, other);
        }
    }
}
