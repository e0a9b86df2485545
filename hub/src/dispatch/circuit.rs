//! Circuits: a vendor that fails many times in a row is left alone for a while.
use hub_schemas::ConnectionId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a result changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It is open now, after so many failures in a row.
    Opened(u32),
    /// It is closed again.
    Closed,
}

#[derive(Default)]
struct One {
    failures: u32,
    open_until: Option<Instant>,
    /// Told open, and not yet told closed.
    open: bool,
}

/// One circuit a connection.
pub struct Circuits {
    failures_max: u32,
    open_for: Duration,
    all: Mutex<HashMap<ConnectionId, One>>,
}

impl Circuits {
    /// Opens after so many failures in a row, for so long.
    pub fn new(failures_max: u32, open_for: Duration) -> Self {
        Self { failures_max, open_for, all: Mutex::new(HashMap::new()) }
    }

    /// How long nothing may be sent, if the circuit is open. Once the time is over, one after
    /// another is let through: the first failure opens it again.
    pub fn wait(&self, connection: &ConnectionId) -> Option<Duration> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let until = all.get(connection)?.open_until?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Open circuits whose time is over: told closed, so that routing sends them traffic again.
    /// The next failure opens them at once.
    pub fn expired(&self) -> Vec<ConnectionId> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        all.iter_mut()
            .filter(|(_, one)| one.open && one.open_until.is_some_and(|until| until <= now))
            .map(|(id, one)| {
                one.open = false;
                one.failures = self.failures_max.saturating_sub(1);
                id.clone()
            })
            .collect()
    }

    /// Takes up a circuit that was open when the hub stopped: due to be closed at once, and one
    /// failure opens it again.
    pub fn take_up(&self, connection: &ConnectionId) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all.entry(connection.clone()).or_default();
        one.open = true;
        one.open_until = Some(Instant::now());
    }

    /// Notes a result.
    pub fn note(&self, connection: &ConnectionId, failed: bool) -> Change {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all.entry(connection.clone()).or_default();
        if !failed {
            one.failures = 0;
            one.open_until = None;
            return if std::mem::take(&mut one.open) { Change::Closed } else { Change::None };
        }
        one.failures = one.failures.saturating_add(1);
        if one.failures < self.failures_max {
            return Change::None;
        }
        one.open_until = Some(Instant::now() + self.open_for);
        if std::mem::replace(&mut one.open, true) {
            Change::None
        } else {
            Change::Opened(one.failures)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_so_many_in_a_row_and_closes_on_success() {
        let circuits = Circuits::new(3, Duration::from_secs(3600));
        let psp = ConnectionId::new("psp").unwrap();
        assert_eq!(circuits.note(&psp, true), Change::None);
        assert_eq!(circuits.note(&psp, false), Change::None, "a success starts the count anew");
        assert_eq!(circuits.note(&psp, true), Change::None);
        assert_eq!(circuits.note(&psp, true), Change::None);
        assert_eq!(circuits.wait(&psp), None);
        assert_eq!(circuits.note(&psp, true), Change::Opened(3));
        assert!(circuits.wait(&psp).is_some());
        assert_eq!(circuits.note(&psp, false), Change::Closed);
        assert_eq!(circuits.wait(&psp), None);
    }

    #[test]
    fn after_its_time_one_failure_is_enough() {
        let circuits = Circuits::new(3, Duration::ZERO);
        let psp = ConnectionId::new("psp").unwrap();
        for _ in 0..3 {
            circuits.note(&psp, true);
        }
        assert_eq!(circuits.expired(), std::slice::from_ref(&psp));
        assert_eq!(circuits.expired(), [], "told once");
        assert_eq!(circuits.note(&psp, true), Change::Opened(3));
    }
}
