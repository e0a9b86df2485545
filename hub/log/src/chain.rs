//! The hash chain over the event stream.
//!
//! Each record's hash is
//!
//! ```text
//! BLAKE3( hash of the record before (32 bytes; zeros for the first)
//!       ‖ sequence      u64 big-endian
//!       ‖ recorded_us   i64 big-endian
//!       ‖ blob id       u64 big-endian, 0 for none
//!       ‖ body length   u64 big-endian
//!       ‖ body )
//! ```
//!
//! Every field has a fixed length except the last, whose length is a field, so two different
//! histories never hash the same input. Changing, removing, inserting or reordering records
//! changes every hash after. Whoever can rewrite the whole store can rewrite the whole chain:
//! against that, keep the last hash ([`crate::Verified::last_hash`]) somewhere else.
//!
//! A blob is covered by its id only, so that old blobs may be trimmed.

use crate::api::Sequence;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// What stands for the hash before the first record.
pub const GENESIS: Hash = [0; 32];

/// The hash of one record, from the hash before and what the record holds.
pub fn link(
    before: &Hash,
    sequence: Sequence,
    recorded_us: i64,
    blob: Option<u64>,
    body: &[u8],
) -> Hash {
    let mut head = [0; 64];
    head[..32].copy_from_slice(before);
    head[32..40].copy_from_slice(&sequence.to_be_bytes());
    head[40..48].copy_from_slice(&recorded_us.to_be_bytes());
    head[48..56].copy_from_slice(&blob.unwrap_or(0).to_be_bytes());
    head[56..].copy_from_slice(&(body.len() as u64).to_be_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head);
    hasher.update(body);
    *hasher.finalize().as_bytes()
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
        input.extend(4_u64.to_be_bytes());
        input.extend(b"body");
        assert_eq!(link(&before, 9, -5, Some(3), b"body"), *blake3::hash(&input).as_bytes());
    }

    #[test]
    fn every_field_counts() {
        let base = link(&GENESIS, 1, 2, None, b"x");
        for other in [
            link(&[1; 32], 1, 2, None, b"x"),
            link(&GENESIS, 2, 2, None, b"x"),
            link(&GENESIS, 1, 3, None, b"x"),
            link(&GENESIS, 1, 2, Some(1), b"x"),
            link(&GENESIS, 1, 2, None, b"y"),
            link(&GENESIS, 1, 2, None, b"x\0"),
        ] {
            assert_ne!(base, other);
        }
    }
}
