//! Identifiers drawn from a seed: the same seed and the same calls give the same identifiers.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded source of identifiers and other choices.
#[derive(Debug)]
pub struct Ids(ChaCha8Rng);

impl Ids {
    /// A source from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// `prefix` and then `len` characters of `alphabet`.
    ///
    /// # Panics
    /// When `alphabet` is empty.
    pub fn from_alphabet(&mut self, prefix: &str, len: usize, alphabet: &[u8]) -> String {
        let mut id = String::with_capacity(prefix.len() + len);
        id.push_str(prefix);
        id.extend((0..len).map(|_| char::from(alphabet[self.0.random_range(0..alphabet.len())])));
        id
    }

    /// `prefix` and `len` letters and digits, as in `pi_3MtwBwLkdIwHu7ix28a3tqPa`.
    pub fn alphanumeric(&mut self, prefix: &str, len: usize) -> String {
        self.from_alphabet(
            prefix,
            len,
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        )
    }

    /// `len` capital letters and digits, as in Adyen's `QFQTPCQ8HXSKGK82`.
    pub fn capitals(&mut self, len: usize) -> String {
        self.from_alphabet("", len, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    }

    /// `len` hexadecimal digits, lower case.
    pub fn hex(&mut self, len: usize) -> String {
        self.from_alphabet("", len, b"0123456789abcdef")
    }

    /// `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A number from 0 up to but not including 1.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }
}
