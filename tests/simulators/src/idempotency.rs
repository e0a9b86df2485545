//! Answers kept by `Idempotency-Key`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// An answer as it was first given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Method and path that the key was first used with.
    pub endpoint: String,
    /// The parameters, in a form that two equal requests share.
    pub parameters: String,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The vendor's identifier of the first request.
    pub request_id: String,
}

/// The answers of one account.
#[derive(Debug)]
pub struct Keys {
    age_max: Duration,
    kept: HashMap<String, (Timestamp, Kept)>,
}

impl Keys {
    /// Keeps answers for `age_max`.
    #[must_use]
    pub fn new(age_max: Duration) -> Self {
        Self { age_max, kept: HashMap::new() }
    }

    /// The answer kept for `key`, unless it is too old at `now`.
    #[must_use]
    pub fn get(&self, key: &str, now: Timestamp) -> Option<&Kept> {
        let (since, kept) = self.kept.get(key)?;
        let age_max = SignedDuration::try_from(self.age_max).unwrap_or(SignedDuration::MAX);
        (now.duration_since(*since) < age_max).then_some(kept)
    }

    /// Keeps an answer from `now` on.
    pub fn keep(&mut self, key: &str, now: Timestamp, kept: Kept) {
        self.kept.insert(key.to_owned(), (now, kept));
    }
}
