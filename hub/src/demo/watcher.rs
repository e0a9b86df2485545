//! Follows the hub's log over HTTP, whatever happens to the hub.
use super::view::View;
use super::{DemoError, HubApi};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the day waits for anything before it says that it did not come.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a log that had nothing new.
const LOOK_EVERY: Duration = Duration::from_millis(80);

/// Follows the log until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    view: Arc<Mutex<View>>,
    seen: watch::Receiver<Result<u64, String>>,
    task: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watcher {
    /// Begins at the beginning of the log.
    pub fn start(hub: HubApi) -> Self {
        let view = Arc::new(Mutex::new(View::default()));
        let (told, seen) = watch::channel(Ok(0));
        let task = tokio::spawn(follow(hub, view.clone(), told));
        Self { view, seen, task }
    }

    /// Looks at what is known now.
    pub fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `look` finds what it looks for. `about` is the client, account or payment whose
    /// state the error shows.
    ///
    /// # Errors
    /// When it does not within two minutes, or the log cannot be followed.
    pub async fn until<T>(
        &self,
        about: &str,
        awaited: &str,
        mut look: impl FnMut(&View) -> Option<T>,
    ) -> Result<T, DemoError> {
        let started = Instant::now();
        let mut seen = self.seen.clone();
        loop {
            let told = seen.borrow_and_update().clone();
            if let Some(found) = self.look(&mut look) {
                return Ok(found);
            }
            let timed_out = |extra: String| DemoError::TimedOut {
                awaited: format!("{awaited} ({about})"),
                waited_s: started.elapsed().as_secs(),
                seen: format!("{}{extra}", self.look(|view| view.seen(about))),
            };
            if let Err(error) = told {
                return Err(timed_out(format!("; and the log is followed no more: {error}")));
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            match tokio::time::timeout(left, seen.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(timed_out("; and the follower has ended".to_owned())),
                Err(_) => return Err(timed_out(String::new())),
            }
        }
    }
}

async fn follow(hub: HubApi, view: Arc<Mutex<View>>, told: watch::Sender<Result<u64, String>>) {
    let mut last = 0;
    loop {
        let page = match hub.page(last).await {
            Ok(page) => page,
            Err(error) => {
                told.send_modify(|seen| *seen = Err(error.to_string()));
                return;
            }
        };
        if !page.events.is_empty() {
            let mut view = view.lock().unwrap_or_else(PoisonError::into_inner);
            for event in &page.events {
                view.take(event);
                last = event.sequence;
            }
            drop(view);
            told.send_modify(|seen| *seen = Ok(last));
        }
        if page.next.is_none() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
