//! Vendors' published vectors, and what must not come out.
use super::*;
use std::collections::HashMap;

struct Held(HashMap<&'static str, Vec<u8>>);
impl Secrets for Held {
    fn secret(&self, name: &str) -> Option<Secret> {
        self.0.get(name).map(|v| Secret::new(v.clone()))
    }
}
fn held(name: &'static str, value: &[u8]) -> Held {
    Held(HashMap::from([(name, value.to_vec())]))
}
fn push(text: &str) -> Op {
    Op::Push(text.as_bytes().to_vec())
}

#[test]
fn adyens_vector() {
    // Adyen's documentation sample; fixtures/vectors/adyen.json names the source.
    let v: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/vectors/adyen.json")).unwrap();
    let secrets = held("hmac_key", v["hmac_key_hex"].as_str().unwrap().as_bytes());
    let recipe = [
        Op::Secret("hmac_key".into()),
        Op::Decode(Encoding::Hex),
        push(v["signing_string"].as_str().unwrap()),
        Op::Hmac(Algorithm::Sha256),
        Op::Encode(Encoding::Base64),
    ];
    let out = evaluate_check(&recipe, b"", &secrets).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), v["expected_base64"].as_str().unwrap());
}

#[test]
fn mt5s_vectors() {
    let v: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/vectors/mt5.json")).unwrap();
    for vector in v["vectors"].as_array().unwrap() {
        let secrets = held("password", vector["password"].as_str().unwrap().as_bytes());
        let recipe = [
            Op::Secret("password".into()),
            Op::Utf16le,
            Op::Hash(Algorithm::Md5),
            push("WebAPI"),
            Op::Concat(2),
            Op::Hash(Algorithm::Md5),
            push(vector["srv_rand"].as_str().unwrap()),
            Op::Decode(Encoding::Hex),
            Op::Concat(2),
            Op::Hash(Algorithm::Md5),
            Op::Encode(Encoding::Hex),
        ];
        let out = evaluate(&recipe, b"", &secrets).unwrap();
        assert_eq!(out.bytes, vector["srv_rand_answer"].as_str().unwrap().as_bytes());
        assert!(!out.tainted);
    }
}

#[test]
fn an_ed25519_signature_verifies_and_a_changed_message_does_not() {
    let rng = ring::rand::SystemRandom::new();
    let pkcs8 = signature::Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
    let pair = signature::Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let public = signature::KeyPair::public_key(&pair).as_ref().to_vec();
    let secrets = held("key", pkcs8.as_ref());
    let signing = [Op::Secret("key".into()), Op::Body, Op::Sign(SignatureAlgorithm::Ed25519)];
    let signed = evaluate(&signing, b"hello", &secrets).unwrap();
    assert!(!signed.tainted);
    let verifying = |body: &[u8]| {
        let recipe = [
            Op::Push(public.clone()),
            Op::Push(signed.bytes.clone()),
            Op::Body,
            Op::Verify(SignatureAlgorithm::Ed25519),
        ];
        evaluate_check(&recipe, body, &secrets).unwrap()
    };
    assert_eq!(verifying(b"hello"), b"1");
    assert_eq!(verifying(b"hellO"), b"");
}

#[test]
fn a_secret_stays_tainted_through_everything_that_can_be_undone() {
    let secrets = held("s", b"hunter22");
    for undoable in [
        vec![],
        vec![Op::Utf16le],
        vec![Op::Encode(Encoding::Hex)],
        vec![Op::Encode(Encoding::Base64)],
        vec![push("x"), Op::Concat(2)],
        vec![Op::Encode(Encoding::Hex), Op::Decode(Encoding::Hex)],
    ] {
        let recipe = [vec![Op::Secret("s".into())], undoable].concat();
        assert!(evaluate(&recipe, b"", &secrets).unwrap().tainted, "{recipe:?}");
        assert_eq!(evaluate_check(&recipe, b"", &secrets), Err(RecipeError::Tainted));
    }
}

#[test]
fn a_bad_recipe_is_refused_and_says_where() {
    let secrets = held("s", b"x");
    let cases: [(&[Op], RecipeError); 6] = [
        (&[], RecipeError::NotOne(0)),
        (&[push("a"), push("b")], RecipeError::NotOne(2)),
        (&[Op::Concat(1)], RecipeError::Underflow(0, "concat")),
        (&[push("k"), Op::Hmac(Algorithm::Sha256)], RecipeError::Underflow(1, "hmac")),
        (&[Op::Secret("no".into())], RecipeError::NoSecret("no".into())),
        (
            &[push("zz"), Op::Decode(Encoding::Hex)],
            RecipeError::Form(1, "decode", "text of that encoding"),
        ),
    ];
    for (recipe, error) in cases {
        assert_eq!(evaluate(recipe, b"", &secrets).unwrap_err(), error);
    }
    let long = vec![push("a"); OPS_MAX + 1];
    assert_eq!(evaluate(&long, b"", &secrets).unwrap_err(), RecipeError::TooLong(OPS_MAX + 1));
    let doubling: Vec<Op> = std::iter::once(Op::Body)
        .chain(std::iter::repeat_n([Op::Body, Op::Concat(2)], 20).flatten())
        .collect();
    let body = vec![0; 1024 * 1024];
    assert!(matches!(evaluate(&doubling, &body, &secrets), Err(RecipeError::TooLarge(_))));
}
