//! What comes back, before a connector sees it: captured values taken out, proofs checked, and
//! every byte of a secret scrubbed.
use super::captured::CaptureError;
use crate::recipe::{RecipeError, Secrets, evaluate};
use crate::vault::Secret;
use hub_sandbox::types::{Capture, Proof, Response};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

/// What stands where a secret stood.
const SCRUBBED: &[u8] = b"***";
/// Shorter values are not scrubbed: they would eat ordinary text.
const SCRUB_BYTES_MIN: usize = 4;

/// Why a response is not handed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// A proof's recipe.
    #[error("the proof of the vendor's answer: {0}")]
    Recipe(#[from] RecipeError),
    /// The vendor did not prove itself.
    #[error(
        "the vendor's answer does not prove that it knows the shared secret: {0} is not what it \
         must be. Is the address right, and does the password hold?"
    )]
    NotProven(String),
    /// What is to be captured is not there.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

/// Checks the proofs. Applies to successes only: an error answer proves nothing and is the
/// connector's to read.
pub fn prove(
    response: &Response,
    proofs: &[Proof],
    secrets: &dyn Secrets,
) -> Result<(), ResponseError> {
    for proof in proofs {
        let expected = evaluate(&proof.recipe, &response.body, secrets)?.bytes;
        let found =
            at(response, &proof.at).ok_or_else(|| ResponseError::NotProven(proof.at.clone()))?;
        if !bool::from(found.as_bytes().ct_eq(&expected)) {
            return Err(ResponseError::NotProven(proof.at.clone()));
        }
    }
    Ok(())
}

/// Takes the captured values out of the response.
pub fn capture(
    response: &mut Response,
    captures: &[Capture],
) -> Result<Vec<(Capture, Secret)>, ResponseError> {
    let mut taken = Vec::new();
    for capture in captures {
        let value = at(response, &capture.at)
            .filter(|v| !v.is_empty())
            .ok_or_else(|| CaptureError::NotThere(capture.at.clone()))?;
        taken.push((capture.clone(), Secret::new(value.into_bytes())));
    }
    Ok(taken)
}

/// Removes every occurrence of these values from body and headers, in the forms in which a JSON
/// or form encoder would write them.
pub fn scrub(response: &mut Response, values: &[Vec<u8>]) {
    for value in values {
        let json = serde_json::to_string(&String::from_utf8_lossy(value)).unwrap_or_default();
        let form: String = url::form_urlencoded::byte_serialize(value).collect();
        let forms = [value.clone(), json.trim_matches('"').into(), form.into_bytes()];
        for form in forms.iter().filter(|f| f.len() >= SCRUB_BYTES_MIN) {
            replace(&mut response.body, form);
            for header in &mut response.headers {
                replace(&mut header.value, form);
            }
        }
    }
}

fn replace(text: &mut Vec<u8>, secret: &[u8]) {
    let mut from = 0;
    while let Some(found) = find(&text[from..], secret) {
        let at = from + found;
        text.splice(at..at + secret.len(), SCRUBBED.iter().copied());
        from = at + SCRUBBED.len();
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The text at `json:/pointer` (RFC 6901) or `header:name`.
fn at(response: &Response, place: &str) -> Option<String> {
    if let Some(name) = place.strip_prefix("header:") {
        let header = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
        return String::from_utf8(header.value.clone()).ok();
    }
    let pointer = place.strip_prefix("json:")?;
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    match body.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &str) -> Response {
        Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_secret_that_the_vendor_echoes_is_scrubbed_in_every_form() {
        let secret = b"s3cr\"t/+ x".to_vec();
        let mut r = response(r#"raw s3cr"t/+ x json "s3cr\"t/+ x" form s3cr%22t%2F%2B+x end"#);
        scrub(&mut r, &[secret]);
        let text = String::from_utf8(r.body).unwrap();
        assert_eq!(text, r#"raw *** json "***" form *** end"#);
    }

    #[test]
    fn what_is_captured_is_found_by_pointer_and_by_header() {
        let mut r = response(r#"{"a":{"token":"abcd"},"n":7}"#);
        r.headers.push(hub_sandbox::types::Header { name: "x-t".into(), value: b"hh".to_vec() });
        let want = |at: &str| Capture { at: at.into(), name: "t".into(), ttl_s: None };
        for (place, value) in [("json:/a/token", "abcd"), ("json:/n", "7"), ("header:X-T", "hh")] {
            let taken = capture(&mut r, &[want(place)]).unwrap();
            assert_eq!(taken[0].1.expose(), value.as_bytes());
        }
        assert!(capture(&mut r, &[want("json:/missing")]).is_err());
    }
}
