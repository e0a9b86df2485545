//! Evaluates recipes: the one place where a secret meets a connector's request or check.
//!
//! Invariant: what a recipe gives may be seen by a connector (a vendor may echo it), so the
//! evaluator says whether a secret can be read back from it. Digests, MACs, signatures and
//! verdicts are one-way; everything else that touched a secret stays *tainted*.
use crate::vault::Secret;
use base64::{Engine as _, engine::general_purpose};
use hmac::{Hmac, Mac as _};
use hub_sandbox::types::{Algorithm, Encoding, Op, SignatureAlgorithm};
use md5::{Digest as _, Md5};
use ring::signature;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

/// Operations in one recipe: vendors' own need under twenty.
pub const OPS_MAX: usize = 64;
/// The largest value on the stack: a body and a little more.
pub const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a recipe gives nothing. Never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Too long.
    #[error("the recipe has {0} operations, at most {OPS_MAX} are allowed")]
    TooLong(usize),
    /// An operation found too little on the stack.
    #[error("operation {0} ({1}) needs more values than are on the stack")]
    Underflow(usize, &'static str),
    /// Not exactly one value was left.
    #[error("the recipe leaves {0} values, and must leave one")]
    NotOne(usize),
    /// A value grew too large.
    #[error("a value has {0} bytes, at most {VALUE_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// The connection has no such secret.
    #[error("the connection has no secret {0:?}; add it under `secrets` in hub.toml")]
    NoSecret(String),
    /// A value is not of the form that the operation takes.
    #[error("operation {0} ({1}): the value is not {2}")]
    Form(usize, &'static str, &'static str),
    /// A check would let the connector compare a secret with its own guess.
    #[error("a check must end in a digest, a MAC or a verification, never in a secret itself")]
    Tainted,
}

/// Where secrets come from.
pub trait Secrets {
    /// The secret of this name.
    fn secret(&self, name: &str) -> Option<Secret>;
}

/// What a recipe gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// A secret can be read back from them.
    pub tainted: bool,
}

/// Evaluates a recipe over a body.
pub fn evaluate(recipe: &[Op], body: &[u8], secrets: &dyn Secrets) -> Result<Value, RecipeError> {
    if recipe.len() > OPS_MAX {
        return Err(RecipeError::TooLong(recipe.len()));
    }
    let mut stack: Vec<Value> = Vec::new();
    for (i, op) in recipe.iter().enumerate() {
        let value = step(i, op, body, secrets, &mut stack)?;
        if value.bytes.len() > VALUE_BYTES_MAX {
            return Err(RecipeError::TooLarge(value.bytes.len()));
        }
        stack.push(value);
    }
    match <[Value; 1]>::try_from(stack) {
        Ok([value]) => Ok(value),
        Err(stack) => Err(RecipeError::NotOne(stack.len())),
    }
}

/// As [`evaluate`], for a check: what comes out must not be a secret.
pub fn evaluate_check(
    recipe: &[Op],
    body: &[u8],
    secrets: &dyn Secrets,
) -> Result<Vec<u8>, RecipeError> {
    let value = evaluate(recipe, body, secrets)?;
    if value.tainted { Err(RecipeError::Tainted) } else { Ok(value.bytes) }
}

fn step(
    i: usize,
    op: &Op,
    body: &[u8],
    secrets: &dyn Secrets,
    stack: &mut Vec<Value>,
) -> Result<Value, RecipeError> {
    let name = op_name(op);
    let mut pop = || stack.pop().ok_or(RecipeError::Underflow(i, name));
    let clean = |bytes| Ok(Value { bytes, tainted: false });
    match op {
        Op::Push(bytes) => clean(bytes.clone()),
        Op::Body => clean(body.to_vec()),
        Op::Secret(name) => {
            let secret = secrets.secret(name).ok_or_else(|| RecipeError::NoSecret(name.clone()))?;
            Ok(Value { bytes: secret.expose().to_vec(), tainted: true })
        }
        Op::Concat(n) => {
            let from =
                stack.len().checked_sub(*n as usize).ok_or(RecipeError::Underflow(i, name))?;
            let parts = stack.split_off(from);
            Ok(Value {
                tainted: parts.iter().any(|p| p.tainted),
                bytes: parts.iter().map(|p| p.bytes.as_slice()).collect::<Vec<_>>().concat(),
            })
        }
        Op::Utf16le => {
            let value = pop()?;
            let text = std::str::from_utf8(&value.bytes)
                .map_err(|_| RecipeError::Form(i, name, "UTF-8 text"))?;
            let bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            Ok(Value { bytes, tainted: value.tainted })
        }
        Op::Hash(algorithm) => clean(hash(*algorithm, &pop()?.bytes)),
        Op::Hmac(algorithm) => {
            let message = pop()?;
            let key = pop()?;
            clean(mac(*algorithm, &key.bytes, &message.bytes))
        }
        Op::Encode(encoding) => {
            let value = pop()?;
            Ok(Value { bytes: encode(*encoding, &value.bytes), tainted: value.tainted })
        }
        Op::Decode(encoding) => {
            let value = pop()?;
            let bytes = decode(*encoding, &value.bytes).ok_or(RecipeError::Form(
                i,
                name,
                "text of that encoding",
            ))?;
            Ok(Value { bytes, tainted: value.tainted })
        }
        Op::Verify(algorithm) => {
            let (message, signature, key) = (pop()?, pop()?, pop()?);
            let good = verify(*algorithm, &key.bytes, &signature.bytes, &message.bytes);
            clean(if good { b"1".to_vec() } else { Vec::new() })
        }
        Op::Sign(algorithm) => {
            let (message, key) = (pop()?, pop()?);
            let signature = sign(*algorithm, &key.bytes, &message.bytes)
                .ok_or(RecipeError::Form(i, name, "a PKCS #8 private key of that algorithm"))?;
            clean(signature)
        }
    }
}

fn op_name(op: &Op) -> &'static str {
    match op {
        Op::Push(_) => "push",
        Op::Secret(_) => "secret",
        Op::Body => "body",
        Op::Concat(_) => "concat",
        Op::Utf16le => "utf16le",
        Op::Hash(_) => "hash",
        Op::Hmac(_) => "hmac",
        Op::Encode(_) => "encode",
        Op::Decode(_) => "decode",
        Op::Verify(_) => "verify",
        Op::Sign(_) => "sign",
    }
}

fn hash(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Md5 => Md5::digest(bytes).to_vec(),
        Algorithm::Sha1 => Sha1::digest(bytes).to_vec(),
        Algorithm::Sha256 => Sha256::digest(bytes).to_vec(),
        Algorithm::Sha384 => Sha384::digest(bytes).to_vec(),
        Algorithm::Sha512 => Sha512::digest(bytes).to_vec(),
    }
}

fn mac(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    macro_rules! with {
        ($hash:ty) => {{
            let mut mac =
                <Hmac<$hash>>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    match algorithm {
        Algorithm::Md5 => with!(Md5),
        Algorithm::Sha1 => with!(Sha1),
        Algorithm::Sha256 => with!(Sha256),
        Algorithm::Sha384 => with!(Sha384),
        Algorithm::Sha512 => with!(Sha512),
    }
}

fn encode(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Hex => hex::encode(bytes).into_bytes(),
        Encoding::Base64 => general_purpose::STANDARD.encode(bytes).into_bytes(),
        Encoding::Base64url => general_purpose::URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
    }
}

fn decode(encoding: Encoding, text: &[u8]) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => hex::decode(text).ok(),
        Encoding::Base64 => general_purpose::STANDARD.decode(text).ok(),
        Encoding::Base64url => general_purpose::URL_SAFE_NO_PAD.decode(text).ok(),
    }
}

fn verify(algorithm: SignatureAlgorithm, key: &[u8], signature: &[u8], message: &[u8]) -> bool {
    let algorithm: &dyn signature::VerificationAlgorithm = match algorithm {
        SignatureAlgorithm::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
        SignatureAlgorithm::Ed25519 => &signature::ED25519,
    };
    signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
}

fn sign(algorithm: SignatureAlgorithm, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let rng = ring::rand::SystemRandom::new();
    match algorithm {
        SignatureAlgorithm::RsaSha256 => {
            let pair = signature::RsaKeyPair::from_pkcs8(key).ok()?;
            let mut out = vec![0; pair.public().modulus_len()];
            pair.sign(&signature::RSA_PKCS1_SHA256, &rng, message, &mut out).ok()?;
            Some(out)
        }
        SignatureAlgorithm::EcdsaP256Sha256 => {
            let algorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
            let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, key, &rng).ok()?;
            Some(pair.sign(&rng, message).ok()?.as_ref().to_vec())
        }
        SignatureAlgorithm::Ed25519 => {
            let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).ok()?;
            Some(pair.sign(message).as_ref().to_vec())
        }
    }
}

#[cfg(test)]
mod tests;
