//! Following the log, behind its writer.

use std::sync::Arc;
use std::time::Instant;

use hub_log::ReadError;
use tokio_util::sync::CancellationToken;

use crate::build::{Builder, Next};
use crate::error::IndexError;
use crate::index::Index;
use crate::shared::locked;

impl Index {
    /// Builds the index behind the log's writer until told to stop, and then commits. After a
    /// failure it tries again every [`crate::IndexOptions::retry_after`]; meanwhile
    /// [`Index::failure`] tells why, and views get what is missing from the log, as long as
    /// that is not too much. Ends also when the log is closed.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.blocking(Builder::step).await {
                Ok(next) => {
                    self.tell(None);
                    match next {
                        Next::More => {}
                        Next::Wait(until) => self.wait(until, &stop).await,
                    }
                }
                Err(IndexError::Log(ReadError::Closed)) => break,
                Err(error) => {
                    self.tell(Some(&error));
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(self.shared.options.retry_after) => {}
                    }
                }
            }
        }
        if let Err(error) = self.blocking(|builder, shared| builder.commit(shared)).await {
            tracing::warn!(%error, "the index goes without its last commit");
        }
        let let_go = |builder: &mut Builder, _: &_| {
            builder.abandon();
            Ok(())
        };
        // It cannot fail.
        let _done = self.blocking(let_go).await;
    }

    async fn wait(&self, until: Option<Instant>, stop: &CancellationToken) {
        let added = locked(&self.builder).added();
        let mut follower = self.shared.log.follow(added);
        let due = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = due => {}
            // What it is, and whether it failed, the next step finds.
            _records = follower.next_batch(1) => {}
        }
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Builder, &Arc<crate::shared::Shared>) -> Result<T, IndexError>
        + Send
        + 'static,
    ) -> Result<T, IndexError> {
        let this = Arc::clone(self);
        let work = move || work(&mut locked(&this.builder), &this.shared);
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => Err(crate::error::engine("work")(error)),
        }
    }

    fn tell(&self, error: Option<&IndexError>) {
        let mut failure = locked(&self.shared.failure);
        match (&*failure, error) {
            (None, Some(error)) => tracing::error!(%error, "the index stopped; it tries again"),
            (Some(_), None) => tracing::info!("the index goes on"),
            _ => {}
        }
        *failure = error.map(ToString::to_string);
    }
}
