//! The clock's half of timers: what a decider set elapses as an event, exactly once.
use crate::clock;
use crate::engine::EngineHandle;
use crate::journal::{Draft, Journal};
use crate::stored::Source;
use hub_log::Dedup;
use hub_schemas::events::ops::TimerElapsed;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Sleeps no longer than this, so that a clock that was set forward is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// After an append that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Between two looks at all timers: the state changes thousands of times a second under load.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(50);

/// Lets timers elapse until told to stop.
pub async fn run(journal: Arc<Journal>, engine: EngineHandle, stop: CancellationToken) {
    let mut changes = engine.changes();
    loop {
        let now_ms = clock::now_ms();
        let (due, next) = engine.read(|state| {
            let due: Vec<(String, i64)> = state
                .timers()
                .filter(|(_, at_ms)| *at_ms <= now_ms)
                .map(|(timer, at_ms)| (timer.to_owned(), at_ms))
                .collect();
            let next = state.timers().map(|(_, at)| at).filter(|at| *at > now_ms).min();
            (due, next)
        });
        let mut failed = false;
        let mut last = 0;
        for (timer, at_ms) in due {
            let dedup = Dedup {
                scope: "timer".to_owned(),
                key: format!("{timer}@{at_ms}").into_bytes(),
                body_hash: [0; 32],
            };
            let draft = Draft::new(Source::Timer, now_ms, TimerElapsed { timer, at_ms });
            match journal.append(&draft, Some(dedup)).await {
                Ok(committed) => last = committed.last().unwrap_or(last).max(last),
                Err(error) => {
                    tracing::warn!(%error, "a timer could not elapse; it will in a moment");
                    failed = true;
                }
            }
        }
        // The engine takes them out of the state: look again only after that.
        if last > 0 && !engine.reached(last).await {
            return;
        }
        let wait = next
            .map_or(SLEEP_MAX, |at| Duration::from_millis(at.abs_diff(now_ms)))
            .min(if failed { RETRY } else { SLEEP_MAX });
        tokio::time::sleep(LOOK_AGAIN_MIN).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
