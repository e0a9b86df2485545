//! One input, and everything that follows from it.
use crate::{Event, NewEvent, State};
use std::collections::VecDeque;

/// Decisions that one input may lead to. What is counted on stays far below: the waiting
/// purchases of a client, the rules of a trigger and the rules of a phase have limits of their own.
pub const DECISIONS_MAX: usize = 256;

/// Deciders that answer each other without end: a bug, and never a matter of configuration that
/// passed [`crate::rules::check`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{event_type} {event} led to more than {DECISIONS_MAX} decisions; nothing of it may be \
     appended: load the last snapshot, and report this event"
)]
pub struct Runaway {
    /// The input's id.
    pub event: String,
    /// The input's type.
    pub event_type: &'static str,
}

impl State {
    /// Folds the input in, decides on it, and does the same with each decision in turn, breadth
    /// first, until nothing more comes. The decisions are appended in one batch.
    ///
    /// After an error the state is half-way through the input and must be thrown away.
    pub fn step(&mut self, input: &Event) -> Result<Vec<NewEvent>, Runaway> {
        self.evolve(input);
        let mut waiting: VecDeque<NewEvent> = self.decide(input).into();
        let mut decided = Vec::with_capacity(waiting.len());
        while let Some(mut new) = waiting.pop_front() {
            if decided.len() == DECISIONS_MAX {
                let event_type = input.payload.event_type();
                return Err(Runaway { event: input.id(), event_type });
            }
            let correlation = new.correlation.take();
            let event = new.decided_from(input);
            self.evolve(&event);
            waiting.extend(self.decide(&event));
            let Event { payload, connection, entity, .. } = event;
            decided.push(NewEvent { payload, connection, entity, correlation });
        }
        Ok(decided)
    }
}
