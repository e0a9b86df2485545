//! The open store, and its end.

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

    pub(crate) fn close(&self) {
        let db = self.db.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(db);
    }
}
