//! Signatures as the vendors make them, from their documentation.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

/// HMAC-SHA256.
pub fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Seconds since the Unix epoch.
pub fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// One `v1` of `Stripe-Signature` (docs.stripe.com/webhooks, "Verify webhook signatures manually").
pub fn stripe_v1(secret: &str, signed_at_s: i64, body: &[u8]) -> String {
    let signed = [format!("{signed_at_s}.").as_bytes(), body].concat();
    hex::encode(hmac_sha256(secret.as_bytes(), &signed))
}

/// `Stripe-Signature` with one `v1`.
pub fn stripe(secret: &str, signed_at_s: i64, body: &[u8]) -> String {
    format!("t={signed_at_s},v1={}", stripe_v1(secret, signed_at_s, body))
}

/// `additionalData.hmacSignature` of an Adyen notification item: HMAC-SHA256 over eight values
/// joined by colons, with the key's bytes, in base64 (docs.adyen.com, "Verify HMAC signatures").
pub fn adyen(key_hex: &str, item: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let signed = [
        text(&item["pspReference"]),
        text(&item["originalReference"]),
        text(&item["merchantAccountCode"]),
        text(&item["merchantReference"]),
        text(&item["amount"]["value"]),
        text(&item["amount"]["currency"]),
        text(&item["eventCode"]),
        text(&item["success"]),
    ]
    .join(":");
    let key = hex::decode(key_hex).expect("a key in hex");
    BASE64.encode(hmac_sha256(&key, signed.as_bytes()))
}

/// `x-signature` of the hostile connector's deliveries: see its README.
pub fn hostile(secret: &str, body: &[u8]) -> String {
    hex::encode(hmac_sha256(secret.as_bytes(), body))
}
