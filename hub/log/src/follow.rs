//! Following the stream.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::api::{Follow, Record, Sequence};
use crate::error::ReadError;
use crate::read;
use crate::state::Durable;
use crate::store::Store;

/// Reads from the store, and waits on the durable end: the writer keeps nothing for it.
pub(crate) struct SledFollower {
    pub(crate) store: Arc<Store>,
    pub(crate) durable: watch::Receiver<Durable>,
    pub(crate) position: Sequence,
}

impl SledFollower {
    async fn next(&mut self, records_max: usize) -> Result<Vec<Record>, ReadError> {
        loop {
            let durable = *self.durable.borrow_and_update();
            if durable.closed {
                return Err(ReadError::Closed);
            }
            if durable.last > self.position {
                let (from, last) = (self.position + 1, durable.last);
                let read = |tree: &_| read::forward(tree, from, last, records_max.max(1));
                let records = self.store.read("event", from, read)?;
                if let Some(record) = records.last() {
                    self.position = record.sequence;
                    return Ok(records);
                }
            }
            if self.durable.changed().await.is_err() {
                return Err(ReadError::Closed);
            }
        }
    }
}

impl Follow for SledFollower {
    fn next_batch(&mut self, records_max: usize) -> BoxFuture<'_, Result<Vec<Record>, ReadError>> {
        self.next(records_max).boxed()
    }

    fn position(&self) -> Sequence {
        self.position
    }
}
