//! Signatures, in and out.
//!
//! Requests: `X-App-Token`, `X-App-Access-Ts` (seconds, within a minute of the server's time) and
//! `X-App-Access-Sig` = lower-case hex HMAC-SHA256(secret, ts ‖ METHOD ‖ path?query ‖ body)
//! (`docs.sumsub.com/reference/authentication`). Webhooks: `X-Payload-Digest` over the raw body, with the algorithm
//! in `X-Payload-Digest-Alg` (`docs.sumsub.com/docs/webhooks`).

use axum::body::Bytes;
use axum::http::HeaderMap;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::webhooks::{Attempt, Signed};

/// How far a request's time may be from the server's, either way.
pub const REQUEST_SKEW_S_MAX: u64 = 60;

/// The digest of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestAlg {
    /// The legacy default.
    Sha1,
    /// Today's default.
    Sha256,
    /// The longest.
    Sha512,
}

impl DigestAlg {
    /// What `X-Payload-Digest-Alg` says.
    #[must_use]
    pub fn header_value(self) -> &'static str {
        match self {
            Self::Sha1 => "HMAC_SHA1_HEX",
            Self::Sha256 => "HMAC_SHA256_HEX",
            Self::Sha512 => "HMAC_SHA512_HEX",
        }
    }

    /// The digest of `body`, in lower-case hexadecimal.
    #[must_use]
    pub fn digest(self, secret: &str, body: &[u8]) -> String {
        match self {
            Self::Sha1 => mac_hex::<Hmac<Sha1>>(secret, &[body]),
            Self::Sha256 => mac_hex::<Hmac<Sha256>>(secret, &[body]),
            Self::Sha512 => mac_hex::<Hmac<Sha512>>(secret, &[body]),
        }
    }
}

/// Why a request is not let in. Each is answered with 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A header is missing.
    #[error(
        "Not all authentication parameters are provided: X-App-Token, X-App-Access-Sig and X-App-Access-Ts"
    )]
    Incomplete,
    /// Another token than the configured one.
    #[error("Invalid app token")]
    Token,
    /// The time is not a number of seconds.
    #[error("X-App-Access-Ts must be a number of seconds since the Unix epoch")]
    Timestamp,
    /// The time is too far from the server's.
    #[error("Request expired: X-App-Access-Ts must be within 1 minute of the server's time")]
    Expired,
    /// The signature does not match.
    #[error("Request signature mismatch")]
    Signature,
}

impl Refused {
    /// Sumsub's `errorCode` and `errorName`.
    #[must_use]
    pub fn code(self) -> (u32, &'static str) {
        match self {
            Self::Token => (4002, "app-token-private-part-mismatch"),
            Self::Signature => (4003, "app-token-signature-mismatch"),
            Self::Expired => (4004, "app-token-request-expired"),
            Self::Timestamp => (4005, "app-token-invalid-value"),
            Self::Incomplete => (4006, "app-token-not-all-auth-params-provided"),
        }
    }
}

/// One request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// Path and query exactly as sent.
    pub path_and_query: &'a str,
    /// The body exactly as sent.
    pub body: &'a [u8],
}

/// The signature that `request` should carry.
#[must_use]
pub fn request_signature(secret: &str, ts: &str, request: Request<'_>) -> String {
    let parts =
        [ts.as_bytes(), request.method.as_bytes(), request.path_and_query.as_bytes(), request.body];
    mac_hex::<Hmac<Sha256>>(secret, &parts)
}

/// Lets a request in, or says why not.
///
/// # Errors
/// The first check that fails, in the order headers, token, time, signature.
pub fn check(
    token: &str,
    secret: &str,
    now_unix_s: i64,
    headers: &HeaderMap,
    request: Request<'_>,
) -> Result<(), Refused> {
    let header = |name| headers.get(name).and_then(|v| v.to_str().ok()).ok_or(Refused::Incomplete);
    let (given_token, ts, signature) =
        (header("x-app-token")?, header("x-app-access-ts")?, header("x-app-access-sig")?);
    if given_token != token {
        return Err(Refused::Token);
    }
    let at: i64 = ts.parse().map_err(|_| Refused::Timestamp)?;
    if at.abs_diff(now_unix_s) > REQUEST_SKEW_S_MAX {
        return Err(Refused::Expired);
    }
    if signature != request_signature(secret, ts, request) {
        return Err(Refused::Signature);
    }
    Ok(())
}

/// Signs a webhook.
pub(super) fn sign_webhook(alg: DigestAlg, secret: &str, attempt: Attempt<'_>) -> Signed {
    let body = attempt.body.as_bytes();
    let digest = if attempt.wrong_signature {
        alg.digest("not the configured secret", body)
    } else {
        alg.digest(secret, body)
    };
    Signed {
        headers: vec![
            ("X-Payload-Digest".into(), digest),
            ("X-Payload-Digest-Alg".into(), alg.header_value().into()),
        ],
        body: Bytes::copy_from_slice(body),
    }
}

fn mac_hex<M: Mac + hmac::digest::KeyInit>(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac =
        <M as Mac>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf %s … | openssl dgst -sha256 -hmac simulated-secret-key` from the string that the
    /// authentication page shows as the example of what is signed.
    #[test]
    fn signs_the_documented_example_string() {
        let request = Request {
            method: "POST",
            path_and_query: "/resources/accessTokens?userId=cfd20712-24a2-4c7d-9ab0-146f3c142335&levelName=basic-kyc-level&ttlInSecs=600",
            body: b"",
        };
        let signature = request_signature("simulated-secret-key", "1607551635", request);
        assert_eq!(signature, "752879f2ede12ad55e87caa0dfb1bd29bc69514863baaebf22ac066f42a55a57");
    }
}
