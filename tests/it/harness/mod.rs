//! What the end-to-end tests share: a hub as a child process, its configuration, vendors on
//! loopback, and signatures made without the hub's own code.
pub mod echo;
pub mod http;
pub mod hub;
pub mod setup;
pub mod sign;
pub mod stripe;
pub mod vendors;

pub use http::{Api, count};
pub use hub::Hub;
pub use setup::{Connection, Setup};

use std::time::{Duration, Instant};

/// How long something that must happen may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something, and gives it; fails with `what` when the patience is over.
pub async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
