//! One slot of the key file: 256 bytes, so that none straddles a sector of 512.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | 1 live, 2 destroyed; 0 in a slot that was never written |
//! | 1, 2..130 | length and text of the owner: a client's id, or `day/2026-11-21` |
//! | 130..138 | checksum of the owner: it never changes, so that a torn write cannot hide whose slot it was |
//! | 138..210 | the owner's key, wrapped by the master key; zeros once destroyed |
//! | 210..226, 226..242 | keyed hashes of e-mail and telephone; zeros for none |
//! | 242..250 | checksum of everything before |
//! | 250..256 | zeros |

/// Bytes of a slot, and of the header.
pub const SLOT_BYTES: usize = 256;
/// The longest owner: the longest client id.
pub const OWNER_BYTES_MAX: usize = 128;
/// Bytes of a wrapped key: nonce, key, tag.
pub const WRAPPED_BYTES: usize = 24 + 32 + 16;
/// Bytes that are kept of a look-up's hash.
pub const LOOKUP_BYTES: usize = 16;

const OWNER: usize = 2;
const OWNER_SUM: usize = OWNER + OWNER_BYTES_MAX;
const WRAPPED: usize = OWNER_SUM + 8;
const EMAIL: usize = WRAPPED + WRAPPED_BYTES;
const PHONE: usize = EMAIL + LOOKUP_BYTES;
const SUM: usize = PHONE + LOOKUP_BYTES;

const LIVE: u8 = 1;
const DESTROYED: u8 = 2;

/// The hash under which a client is found; zeros for none.
pub type Lookup = [u8; LOOKUP_BYTES];

/// The hashes under which a client is found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lookups {
    /// Of the e-mail address.
    pub email: Lookup,
    /// Of the telephone number.
    pub phone: Lookup,
}

impl Lookups {
    /// Those that are there.
    pub fn all(&self) -> impl Iterator<Item = Lookup> {
        [self.email, self.phone].into_iter().filter(|one| *one != Lookup::default())
    }
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Whose.
    pub owner: String,
    /// The wrapped key; nothing once it was destroyed.
    pub wrapped: Option<[u8; WRAPPED_BYTES]>,
    /// How the client is found.
    pub lookups: Lookups,
}

/// What 256 bytes turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Never written.
    Empty,
    /// A slot.
    Slot(Slot),
    /// Not what was written: torn, or damaged.
    Damaged {
        /// Whose, if that much is readable.
        owner: Option<String>,
    },
}

/// The first eight bytes of a hash.
pub fn sum(bytes: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(bytes);
    let mut sum = [0; 8];
    sum.copy_from_slice(&hash.as_bytes()[..8]);
    sum
}

impl Slot {
    /// As it is written. The owner must not be longer than [`OWNER_BYTES_MAX`].
    pub fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[0] = if self.wrapped.is_some() { LIVE } else { DESTROYED };
        let owner = &self.owner.as_bytes()[..self.owner.len().min(OWNER_BYTES_MAX)];
        bytes[1] = u8::try_from(owner.len()).unwrap_or(u8::MAX);
        bytes[OWNER..OWNER + owner.len()].copy_from_slice(owner);
        let owner_sum = sum(&bytes[1..OWNER_SUM]);
        bytes[OWNER_SUM..WRAPPED].copy_from_slice(&owner_sum);
        if let Some(wrapped) = &self.wrapped {
            bytes[WRAPPED..EMAIL].copy_from_slice(wrapped);
            bytes[EMAIL..PHONE].copy_from_slice(&self.lookups.email);
            bytes[PHONE..SUM].copy_from_slice(&self.lookups.phone);
        }
        let whole = sum(&bytes[..SUM]);
        bytes[SUM..SUM + 8].copy_from_slice(&whole);
        bytes
    }

    /// What these bytes are.
    pub fn decode(bytes: &[u8; SLOT_BYTES]) -> Decoded {
        if bytes.iter().all(|b| *b == 0) {
            return Decoded::Empty;
        }
        let length = usize::from(bytes[1]).min(OWNER_BYTES_MAX);
        let known = sum(&bytes[1..OWNER_SUM]) == bytes[OWNER_SUM..WRAPPED];
        let owner = std::str::from_utf8(&bytes[OWNER..OWNER + length]).ok();
        let owner = owner.filter(|one| known && !one.is_empty()).map(str::to_owned);
        let whole = sum(&bytes[..SUM]) == bytes[SUM..SUM + 8];
        let wrapped = match bytes[0] {
            LIVE => bytes[WRAPPED..EMAIL].try_into().ok().map(Some),
            DESTROYED => Some(None),
            _ => None,
        };
        let (Some(owner), Some(wrapped), true) = (owner.clone(), wrapped, whole) else {
            return Decoded::Damaged { owner };
        };
        let mut lookups = Lookups::default();
        lookups.email.copy_from_slice(&bytes[EMAIL..PHONE]);
        lookups.phone.copy_from_slice(&bytes[PHONE..SUM]);
        Decoded::Slot(Self { owner, wrapped, lookups })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        let lookups = Lookups { email: [3; LOOKUP_BYTES], phone: [0; LOOKUP_BYTES] };
        Slot { owner: "x".repeat(OWNER_BYTES_MAX), wrapped: Some([7; WRAPPED_BYTES]), lookups }
    }

    #[test]
    fn a_slot_comes_back_and_every_changed_byte_is_noticed() {
        let bytes = slot().encode();
        assert_eq!(Slot::decode(&bytes), Decoded::Slot(slot()));
        for at in 0..SUM + 8 {
            let mut changed = bytes;
            changed[at] ^= 0x40;
            assert!(matches!(Slot::decode(&changed), Decoded::Damaged { .. }), "byte {at}");
        }
        assert_eq!(Slot::decode(&[0; SLOT_BYTES]), Decoded::Empty);
    }

    #[test]
    fn whose_slot_it_was_survives_any_tear_of_its_destruction() {
        let before = slot().encode();
        let after = Slot { wrapped: None, lookups: Lookups::default(), ..slot() }.encode();
        assert!(!after.windows(8).any(|w| w == [7; 8]), "the key is gone");
        for at in 1..SLOT_BYTES {
            for torn in
                [[&after[..at], &before[at..]].concat(), [&before[..at], &after[at..]].concat()]
            {
                let torn: [u8; SLOT_BYTES] = torn.try_into().unwrap();
                match Slot::decode(&torn) {
                    Decoded::Slot(one) => assert_eq!(one.owner, slot().owner),
                    Decoded::Damaged { owner } => assert_eq!(owner, Some(slot().owner)),
                    Decoded::Empty => panic!("it is not empty"),
                }
            }
        }
    }
}
