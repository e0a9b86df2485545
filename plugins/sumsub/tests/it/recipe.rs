//! Evaluates recipes as the hub does, so that signatures are compared and not their recipes.
use hmac::{Hmac, Mac};
use hub_plugin_sdk::bindings::types::{Algorithm, Encoding, Op};

pub const SECRET: &str = "SoMe_SeCrEt_KeY";

/// What the recipe leaves, every secret being [`SECRET`].
pub fn evaluate(recipe: &[Op], body: &[u8]) -> Vec<u8> {
    let mut stack: Vec<Vec<u8>> = Vec::new();
    for op in recipe {
        let next = match op {
            Op::Push(bytes) => bytes.clone(),
            Op::Secret(_) => SECRET.as_bytes().to_vec(),
            Op::Body => body.to_vec(),
            Op::Concat(n) => {
                let at = stack.len() - *n as usize;
                stack.split_off(at).concat()
            }
            Op::Hmac(algorithm) => {
                let message = stack.pop().unwrap();
                let key = stack.pop().unwrap();
                hmac(*algorithm, &key, &message)
            }
            Op::Encode(Encoding::Hex) => hex::encode(stack.pop().unwrap()).into_bytes(),
            other => panic!("Sumsub's recipes do not need {other:?}"),
        };
        stack.push(next);
    }
    assert_eq!(stack.len(), 1, "a recipe leaves one value");
    stack.pop().unwrap()
}

pub fn hmac(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    macro_rules! with {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(key).unwrap();
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    match algorithm {
        Algorithm::Sha1 => with!(sha1::Sha1),
        Algorithm::Sha256 => with!(sha2::Sha256),
        Algorithm::Sha512 => with!(sha2::Sha512),
        other => panic!("Sumsub does not sign with {other:?}"),
    }
}
