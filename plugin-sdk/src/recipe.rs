//! Recipes: how a signature is made, without making one. Only the hub has the secrets.
use crate::bindings::types::Op;
pub use crate::bindings::types::{Algorithm, Encoding};

/// A postfix program over byte strings; see `op` in the WIT file.
///
/// ```
/// use hub_plugin_sdk::{Algorithm, Encoding, Recipe};
/// // hex(HMAC-SHA256(webhook_secret, "1700000000." ‖ body))
/// let recipe = Recipe::new()
///     .secret("webhook_secret")
///     .push("1700000000.").body().concat(2)
///     .hmac(Algorithm::Sha256)
///     .encode(Encoding::Hex);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Recipe(pub(crate) Vec<Op>);

impl Recipe {
    /// An empty recipe.
    pub fn new() -> Self {
        Self::default()
    }
    fn op(mut self, op: Op) -> Self {
        self.0.push(op);
        self
    }
    /// Push these bytes.
    pub fn push(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.op(Op::Push(bytes.into()))
    }
    /// Push the secret of this name.
    pub fn secret(self, name: impl Into<String>) -> Self {
        self.op(Op::Secret(name.into()))
    }
    /// Push the body of the delivery or request that the recipe belongs to.
    pub fn body(self) -> Self {
        self.op(Op::Body)
    }
    /// Pop `n`, push them joined.
    pub fn concat(self, n: u32) -> Self {
        self.op(Op::Concat(n))
    }
    /// Pop UTF-8, push UTF-16 little-endian.
    pub fn utf16le(self) -> Self {
        self.op(Op::Utf16le)
    }
    /// Pop, push the digest.
    pub fn hash(self, algorithm: Algorithm) -> Self {
        self.op(Op::Hash(algorithm))
    }
    /// Pop the message, pop the key under it, push the MAC.
    pub fn hmac(self, algorithm: Algorithm) -> Self {
        self.op(Op::Hmac(algorithm))
    }
    /// Pop, push as text.
    pub fn encode(self, encoding: Encoding) -> Self {
        self.op(Op::Encode(encoding))
    }
    /// Pop text, push the bytes.
    pub fn decode(self, encoding: Encoding) -> Self {
        self.op(Op::Decode(encoding))
    }
}

/// A way in which a delivery, or one item of it, may prove where it came from.
#[derive(Debug, Clone)]
pub struct Check {
    /// Which item it vouches for; every item needs one check that passes.
    pub item: u32,
    /// What to compute.
    pub recipe: Recipe,
    /// What must come out.
    pub expect: Vec<u8>,
    /// The signed time stamp, Unix seconds, where there is one.
    pub signed_at_s: Option<i64>,
}

impl Check {
    /// A check of the whole delivery.
    pub fn new(recipe: Recipe, expect: impl Into<Vec<u8>>) -> Self {
        Self { item: 0, recipe, expect: expect.into(), signed_at_s: None }
    }
    /// The time stamp that the signature covers, Unix seconds.
    pub fn signed_at_s(mut self, seconds: i64) -> Self {
        self.signed_at_s = Some(seconds);
        self
    }
    /// The item that the check vouches for.
    pub fn item(mut self, item: u32) -> Self {
        self.item = item;
        self
    }
}
