//! What is kept of a dedup key.

use crate::api::Dedup;

/// A dedup key as kept: the first 16 bytes of `BLAKE3(scope length u64 BE ‖ scope ‖ key)`.
pub(crate) type Id = [u8; 16];

/// What a record's chunk keeps of its dedup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: Id,
    /// Of the body's hash.
    pub(crate) body: [u8; 8],
}

impl Mark {
    pub(crate) fn of(dedup: &Dedup) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(dedup.scope.len() as u64).to_be_bytes());
        hasher.update(dedup.scope.as_bytes());
        hasher.update(&dedup.key);
        let mut mark = Self { id: [0; 16], body: [0; 8] };
        mark.id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        mark.body.copy_from_slice(&dedup.body_hash[..8]);
        mark
    }
}

/// What the index looks for; a hit is compared by the whole id.
pub(super) fn short(id: &Id) -> u64 {
    u64::from_be_bytes(*id.first_chunk().expect("an id has 16 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_and_key_do_not_run_together() {
        let mark = |scope: &str, key: &str| {
            Mark::of(&Dedup { scope: scope.into(), key: key.into(), body_hash: [1; 32] })
        };
        assert_ne!(mark("ab", "c").id, mark("a", "bc").id);
        assert_eq!(mark("ab", "c"), mark("ab", "c"));
    }
}
