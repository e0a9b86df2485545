//! State from the log, without deciding anything again.
use super::decode::{DecodeFailure, Decoded, decode};
use hub_domain::{Event, NewEvent, State};
use hub_log::{EventLog, ReadError};
use std::collections::VecDeque;

/// Records read at once.
const PAGE_RECORDS: usize = 1024;

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An event could not be taken.
    #[error(transparent)]
    Decode(#[from] DecodeFailure),
}

/// What a replay gives.
pub struct Replayed {
    /// The fold over the inputs up to `position`, and their decisions.
    pub state: State,
    /// The last input that had been decided on.
    pub position: u64,
    /// Inputs after it: still to be decided on, in order.
    pub waiting: VecDeque<Event>,
    /// The last record read.
    pub last: u64,
}

/// Folds the log from `position` on into `state`, which must be the state at `position`.
/// Inputs up to `decided_to`, and up to the last decision's cause, have been decided on: those
/// without a decision in the log led to none.
pub fn replay(
    log: &dyn EventLog,
    mut state: State,
    position: u64,
    decided_to: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Replayed, ReplayError> {
    // A decision says how far the engine had come: its cause is the engine's position, durable in
    // one batch with it. `decided_to` is further only after a long run of inputs without one.
    let mut decided_to = decided_to.max(position);
    let mut waiting: VecDeque<Event> = VecDeque::new();
    let mut at = position;
    let mut last = position;
    // The input whose decisions are being folded: they take its time and its place.
    let mut current: Option<Event> = None;
    loop {
        let page = log.read(last + 1, PAGE_RECORDS)?;
        let Some(end) = page.last() else { break };
        let end = end.sequence;
        for record in &page {
            let Decoded { event, decided_from, correlation } = decode(record)?;
            let Some(cause) = decided_from else {
                waiting.push_back(event);
                continue;
            };
            // Decisions of inputs that the state already holds are in it.
            if cause <= position {
                continue;
            }
            decided_to = decided_to.max(cause);
            while waiting.front().is_some_and(|input| input.sequence <= cause) {
                if let Some(input) = waiting.pop_front() {
                    state.evolve(&input);
                    at = input.sequence;
                    current = Some(input);
                }
            }
            if let Some(input) = current.as_ref().filter(|input| input.sequence == cause) {
                let Event { payload, connection, entity, .. } = event;
                let decision = NewEvent { payload, connection, entity, correlation };
                state.evolve(&decision.decided_from(input));
            }
        }
        last = end;
        progress(last);
    }
    while waiting.front().is_some_and(|input| input.sequence <= decided_to) {
        if let Some(input) = waiting.pop_front() {
            state.evolve(&input);
            at = input.sequence;
        }
    }
    Ok(Replayed { state, position: at.max(decided_to), waiting, last })
}
