//! Timers: when deciders want to be woken.
use crate::{Event, State};
use hub_schemas::Payload;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is set and has not elapsed.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timers(BTreeMap<String, i64>);

impl Timers {
    /// When the timer is due, Unix milliseconds.
    pub fn due_ms(&self, timer: &str) -> Option<i64> {
        self.0.get(timer).copied()
    }
    /// Every timer with the time at which it is due, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(timer, at_ms)| (timer.as_str(), *at_ms))
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    let timers = &mut state.timers.0;
    match &event.payload {
        Payload::TimerSet(set) => {
            timers.insert(set.timer.clone(), set.at_ms);
        }
        // One that was moved since is still to come.
        Payload::TimerElapsed(elapsed)
            if timers.get(&elapsed.timer).is_some_and(|at_ms| *at_ms <= elapsed.at_ms) =>
        {
            timers.remove(&elapsed.timer);
        }
        _ => {}
    }
}
