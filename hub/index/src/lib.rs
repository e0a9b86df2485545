//! The derived index of the event log: which events a question asks for, without reading them.
//!
//! The log is the truth; this is a shortcut to places in it. It is built behind the writer, kept
//! on disk, and thrown away and built again whenever it does not fit the log. The crate knows no
//! payments and no form of events: an [`Extract`] turns a record into a [`Doc`] of exact tags,
//! words and a time, and the index keeps only terms, sequences and times, no content.
//!
//! What always holds:
//!
//! * **A question never shows a hole.** A [`View`] holds what is committed and, extracted from
//!   the log itself, everything after it ("the tail"); both are searched as one. When the tail is
//!   longer than it may be, [`Index::view`] says so instead of leaving events out.
//! * **Never trusted.** The last commit names the sequence it reached and that record's hash,
//!   which covers every record before; every file carries a checksum. Whatever does not fit is
//!   wiped and built again.
//! * **Bounded memory.** What is committed is memory-mapped, and the tail, the owner cache and
//!   the indexing heap have limits; opening reads no records.
//! * **The log never waits for the index**, and the index stops well before it would take the
//!   last of the disk from the log.
//!
//! How a question stays fast on a term with millions of events: segments cover disjoint, adjacent
//! ranges of sequences (only neighbours are merged), and within one the documents ascend. So
//! "newest first" walks segments from the end, and in each looks at growing windows of documents
//! from the end, and stops at the limit.
//!
//! A map of the files: `doc`, `question`, `options`, `error` the words of the interface; `index`
//! its face; `terms` and `entry` an event as terms; `tail` and `owners` what is not committed
//! yet; `build`, `merge`, `run` the way in; `store` the life of the files; `snapshot`, `part`,
//! `zones`, `plan`, `view` the way back.

#![forbid(unsafe_code)]

pub mod bench;
mod build;
mod doc;
mod entry;
mod error;
mod index;
mod merge;
mod options;
mod owners;
mod part;
mod plan;
mod question;
mod run;
mod shared;
mod snapshot;
mod store;
mod tail;
mod terms;
mod view;
mod zones;

pub use doc::{Doc, Extract, OWNER};
pub use error::IndexError;
pub use index::{Index, Usage};
pub use options::IndexOptions;
pub use question::{Clause, Order, Question};
pub use view::View;
