//! Things that a vendor does some time after it answered: settle a debit, pay a payout, flush a batch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{NotQuiet, WebhookSender};

/// Runs things later; clones share the count of what is outstanding.
#[derive(Debug, Clone)]
pub struct Later {
    outstanding: Arc<watch::Sender<u64>>,
    stop: CancellationToken,
    runtime: tokio::runtime::Handle,
}

impl Later {
    /// On the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self {
            outstanding: Arc::new(watch::Sender::new(0)),
            stop: CancellationToken::new(),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// Runs `what` after `time`, unless stopped by then.
    pub fn run(&self, time: Duration, what: impl FnOnce() + Send + 'static) {
        self.outstanding.send_modify(|n| *n += 1);
        let later = self.clone();
        self.runtime.spawn(async move {
            tokio::select! {
                () = later.stop.cancelled() => {}
                () = tokio::time::sleep(time) => what(),
            }
            later.outstanding.send_modify(|n| *n -= 1);
        });
    }

    /// Waits until nothing is outstanding here, and then until no webhook is pending at `sender`.
    ///
    /// # Errors
    /// When something still is after `timeout`; both kinds are counted.
    pub async fn quiesce(&self, sender: &WebhookSender, timeout: Duration) -> Result<(), NotQuiet> {
        let start = tokio::time::Instant::now();
        let mut outstanding = self.outstanding.subscribe();
        let idle = tokio::time::timeout(timeout, outstanding.wait_for(|n| *n == 0)).await.is_ok();
        let quiet = sender.quiesce(timeout.saturating_sub(start.elapsed())).await;
        if idle {
            return quiet;
        }
        let deliveries = Box::new(sender.deliveries());
        let pending = deliveries.pending + *self.outstanding.borrow();
        Err(NotQuiet { pending, waited: timeout, deliveries })
    }

    /// Drops what is outstanding.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

impl Default for Later {
    fn default() -> Self {
        Self::new()
    }
}
