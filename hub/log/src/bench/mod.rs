//! What the log costs, measured beside what it must cost.
//!
//! Absolute figures depend on the machine, its disk and the hour; ratios to a baseline measured
//! in the same run hold. So contender and baseline take turns in one process, on one file
//! system, and medians are compared. Everything here is for people who measure, not for tests:
//! nothing is asserted against a clock.
//!
//! | what | beside |
//! |---|---|
//! | [`run`]: durable appends by many writers | a plain file, write + fdatasync, same queue and group commit |
//! | [`store`]: bulk load | the same plain file, the same batches |
//! | its scan, its point get | reading that file through, a `pread` at the known place |
//! | its verify | the hashes alone, one thread, bodies in memory |
//! | its space | the payload's bytes |
//! | [`reopen`]: opening again, warm and cold, memory | |
//! | [`soak`]: memory and space while it grows | |

mod appends;
mod figure;
mod load;
mod machine;
mod plain;
mod reopen;
mod soak;
mod store;

use crate::error::{AppendError, OpenError, ReadError, VerifyError};

pub use appends::{BenchOptions, Row, run};
pub use figure::{Baseline, Figure, Goal};
pub use reopen::{Reopened, reopen};
pub use soak::{SoakOptions, SoakStep, soak};
pub use store::{StoreOptions, store};

/// Why a benchmark gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The log did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The plain file or the runtime could not be made.
    #[error("the benchmark could not start: {0}")]
    Start(#[from] std::io::Error),
    /// An append was refused.
    #[error("an append to the {what} failed: {detail}")]
    Append {
        /// Which contender.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// A read failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The chain did not hold.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The log does not hold what was written to it, so its speed says nothing.
    #[error("the log does not hold what was written to it: {0}")]
    Wrong(String),
}

impl BenchError {
    fn append(error: &AppendError) -> Self {
        Self::Append { what: "log", detail: error.to_string() }
    }
}
