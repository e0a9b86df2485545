//! The open store, and its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use sled::Tree;

use crate::error::ReadError;

/// Gives the store's tree to whoever reads, until it is closed.
pub(crate) struct Store {
    db: RwLock<Option<sled::Db>>,
}

impl Store {
    pub(crate) fn new(db: sled::Db) -> Self {
        Self { db: RwLock::new(Some(db)) }
    }

    /// The one tree everything is in. A read under way keeps the store open: hold it briefly.
    pub(crate) fn tree(&self) -> Result<Tree, ReadError> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        db.as_ref().map(|db| Tree::clone(db)).ok_or(ReadError::Closed)
    }

    /// Reads. sled panics on some kinds of damage: that is an error about `what` near `at`.
    pub(crate) fn read<T, E: From<ReadError>>(
        &self,
        what: &'static str,
        at: u64,
        work: impl FnOnce(&Tree) -> Result<T, E>,
    ) -> Result<T, E> {
        let tree = self.tree()?;
        catch_unwind(AssertUnwindSafe(|| work(&tree))).unwrap_or_else(|panic| {
            let detail = format!("reading the `db` file near it failed: {}", said(&*panic));
            Err(ReadError::Corrupt { stream: what, at, detail }.into())
        })
    }

    /// How many bytes its files have; 0 if that cannot be said.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        db.as_ref().and_then(|db| db.size_on_disk().ok()).unwrap_or(0)
    }

    pub(crate) fn close(&self) {
        let db = self.db.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(db);
    }
}

/// The message of a panic.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic")
}
