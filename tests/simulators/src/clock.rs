//! The time a simulator lives in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that is shared by its clones: the system's, one that runs faster, or one moved by hand.
///
/// A simulator whose webhooks carry a signed time (Stripe) should stay on [`Clock::system`], or a receiver on
/// real time rejects them as stale, which is what it should do.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Mutex<Kind>>);

#[derive(Debug)]
enum Kind {
    System,
    Scaled { start: Timestamp, began: std::time::Instant, factor: f64 },
    Manual(Timestamp),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::of(Kind::System)
    }

    /// Starts at `start` and runs `factor` times as fast as the system's time (negative counts as 0).
    #[must_use]
    pub fn scaled(start: Timestamp, factor: f64) -> Self {
        Self::of(Kind::Scaled { start, began: std::time::Instant::now(), factor: factor.max(0.0) })
    }

    /// Stands at `start` until [`Clock::advance`] or [`Clock::set`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::of(Kind::Manual(start))
    }

    fn of(kind: Kind) -> Self {
        Self(Arc::new(Mutex::new(kind)))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Kind::System => Timestamp::now(),
            Kind::Scaled { start, began, factor } => {
                let passed = SignedDuration::from_secs_f64(began.elapsed().as_secs_f64() * factor);
                start.saturating_add(passed).unwrap_or(*start)
            }
            Kind::Manual(now) => *now,
        }
    }

    /// Seconds since the Unix epoch, now.
    #[must_use]
    pub fn unix_s(&self) -> i64 {
        self.now().as_second()
    }

    /// Moves every clone to `now`, and makes the clock a manual one.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Kind::Manual(now);
    }

    /// Moves every clone forward by `by`, and makes the clock a manual one.
    pub fn advance(&self, by: Duration) {
        let now = self.now();
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.set(now.saturating_add(by).unwrap_or(Timestamp::MAX));
    }
}
