//! Our ids in MT5's comments, which hold 31 characters.
//!
//! Source: the Web API's "Deposit/Withdrawal" page: 32 characters with the end-of-line character;
//! longer text is cut.

/// What a deal's comment holds, in bytes. An account's comment holds 63; one form for both is
/// easier to search by hand.
const COMMENT_BYTES_MAX: usize = 31;
/// How much of a long id's end is kept, for people: with `~` and 16 hex digits it fills a comment.
const TAIL_BYTES: usize = 14;

/// The reference of an id: the id itself if it fits; otherwise `~`, its 64-bit FNV-1a hash in hex,
/// and its last 14 bytes.
///
/// Ids hold no `~`, so a hashed one never equals a short one. Two long ids share a reference only
/// if they end in the same 14 bytes *and* their hashes collide: for ids that the hub makes at
/// random, less likely than 2⁻⁶⁴. It is no defence against somebody who chooses ids, and nobody
/// but the hub does.
pub(crate) fn reference(id: &str) -> String {
    if id.len() <= COMMENT_BYTES_MAX {
        return id.to_owned();
    }
    let tail = id.get(id.len() - TAIL_BYTES..).unwrap_or_default();
    format!("~{:016x}{tail}", fnv1a(id.bytes()))
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): a checksum, not a cryptographic hash.
pub(crate) fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // From the test vectors of draft-eastlake-fnv.
        assert_eq!(fnv1a("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar".bytes()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_reference_fits_a_comment_and_keeps_ids_apart() {
        let long = "prov_0190b5c2-1111-7222-8333-aaaabbbbcccc";
        let other = "prov_0190b5c2-1111-7222-8334-aaaabbbbcccc";
        assert_eq!(reference("op_0190b5c2"), "op_0190b5c2");
        assert_eq!(reference(&"x".repeat(31)).len(), 31);
        for id in [long, other, &"y".repeat(128)] {
            assert_eq!(reference(id).len(), 31, "{id}");
        }
        assert!(reference(long).ends_with("3-aaaabbbbcccc"), "{}", reference(long));
        assert_ne!(reference(long), reference(other));
        assert_eq!(reference(long), reference(long));
    }
}
