//! `Idempotency-Key`: the same key and body is the same call; another body under a known key is
//! refused. The key's memory is the log's own dedup, at least 30 days.
use super::Problem;
use super::guard::Actor;
use crate::stored::event_id;
use axum::http::{HeaderMap, StatusCode};
use hub_log::{Appended, Committed, Dedup};

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// A call's key.
pub struct Key {
    scope: String,
    key: String,
    body_hash: [u8; 32],
}

impl Key {
    /// From the header; every call that changes something needs one.
    pub fn take(
        headers: &HeaderMap,
        actor: &Actor,
        call: &str,
        body: &[u8],
    ) -> Result<Self, Problem> {
        let given = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or("");
        if given.is_empty() || given.len() > KEY_BYTES_MAX {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency-key",
                "this call changes something: send an `Idempotency-Key` header of 1 to 200 \
                 characters, a new one for each thing you want done, the same one to try again",
            ));
        }
        Ok(Self {
            scope: format!("api/{}/{call}", actor.0),
            key: given.to_owned(),
            body_hash: *blake3::hash(body).as_bytes(),
        })
    }

    /// For the log.
    pub fn dedup(&self) -> Dedup {
        Dedup {
            scope: self.scope.clone(),
            key: self.key.clone().into_bytes(),
            body_hash: self.body_hash,
        }
    }

    /// An id that is the same whenever this key is used, so that a repeated call finds what the
    /// first one made.
    pub fn id(&self, prefix: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.scope.as_bytes()).update(b"\n").update(self.key.as_bytes());
        format!("{prefix}_{}", &hasher.finalize().to_hex()[..20])
    }
}

/// The event that a call made, now or when it was made first.
pub fn made(committed: &Committed) -> Result<u64, Problem> {
    match committed.records.first() {
        Some(Appended::New(sequence)) => Ok(*sequence),
        Some(Appended::Duplicate { sequence, same_body: true }) => Ok(*sequence),
        Some(Appended::Duplicate { sequence, same_body: false }) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            format!(
                "this Idempotency-Key was used with another body before ({}); use a new key",
                event_id(*sequence)
            ),
        )),
        None => Err(Problem::internal(&"an append of one record told of none")),
    }
}
