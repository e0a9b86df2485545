//! `hub bench`: what this machine does, beside what it could do at best.
//!
//! Absolute figures depend on the machine, its disk and the hour; ratios hold. So every contender
//! takes turns with its baseline, in this process and on the same disk, and medians are compared.
//! Nothing here is asserted against a clock: a slow machine gives other figures, never a failure.
//!
//! | file | what |
//! |---|---|
//! | `figure.rs` | a table's rows, and what is to be reached |
//! | `log.rs` | the event log: appends, reading, space, reopening, questions |
//! | `sandbox.rs`, `native.rs` | a connector in the sandbox against the same code native |
//! | `webhook.rs` | webhook to durable 200 against a bare handler |
//! | `deliveries.rs`, `load.rs` | signed webhooks, and what sends them |
//! | `servers.rs`, `unsandboxed.rs`, `plain.rs` | what they are sent to |
mod deliveries;
mod figure;
mod load;
mod log;
mod native;
mod plain;
mod sandbox;
mod servers;
mod unsandboxed;
mod webhook;

pub use figure::Table;

use std::path::PathBuf;
use std::time::Duration;

/// How often each contender has its turn: the medians of so many count.
const ROUNDS: u32 = 5;

/// What to measure with.
#[derive(Debug, Clone)]
pub struct Options {
    /// A directory of its own on the disk in question; what is written there is left there.
    pub dir: PathBuf,
    /// Time for each contender, over all its turns.
    pub time: Duration,
    /// Sizes of the logs that are read and reopened, in events.
    pub events: Vec<u64>,
}

impl Options {
    fn turn(&self) -> Duration {
        self.time / ROUNDS
    }
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file, a thread or a socket could not be had.
    #[error("the benchmark could not {what}: {source}")]
    Io {
        /// What it was doing.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The log's own benchmark failed.
    #[error(transparent)]
    Log(#[from] hub_log::bench::BenchError),
    /// The index's own benchmark failed.
    #[error(transparent)]
    Index(#[from] hub_index::bench::BenchError),
    /// The connector could not be loaded.
    #[error(transparent)]
    Plugin(#[from] crate::plugins::PluginError),
    /// The hub did not start.
    #[error("the hub under test did not start: {0}")]
    Start(#[from] crate::app::StartError),
    /// Its configuration is not one.
    #[error("the configuration of the hub under test: {0}")]
    Config(#[from] crate::config::ConfigError),
    /// Its master key could not be made.
    #[error(transparent)]
    Key(#[from] crate::vault::KeyError),
    /// The log for the path without a sandbox did not open.
    #[error(transparent)]
    Open(#[from] hub_log::OpenError),
    /// A contender does not do what it is measured for, so its speed says nothing.
    #[error("{what} does not do what is measured: {detail}")]
    Wrong {
        /// Which contender.
        what: &'static str,
        /// What it did.
        detail: String,
    },
}

impl BenchError {
    fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// Durable appends of the log against a plain file. Blocks; not for an async runtime's thread.
pub fn log(options: &Options) -> Result<Vec<Table>, BenchError> {
    log::run(options)
}

/// One delivery to one event: native against the sandbox. Blocks.
pub fn sandbox(options: &Options) -> Result<Table, BenchError> {
    sandbox::run(options)
}

/// Webhook to durable 200. Blocks; not for an async runtime's thread.
pub fn webhook(options: &Options) -> Result<Table, BenchError> {
    webhook::run(options)
}

/// The middle one; each figure of several turns has its own.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_does_what_it_is_measured_for() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().to_owned(),
            time: Duration::from_millis(20) * ROUNDS,
            events: Vec::new(),
        };
        let sandbox = sandbox(&options).unwrap().to_string();
        assert!(sandbox.contains("2 threads"), "{sandbox}");
        let webhook = webhook(&options).unwrap().to_string();
        assert!(webhook.contains("bare handler"), "{webhook}");
    }

    #[test]
    fn the_median_is_no_mean() {
        assert_eq!(median(vec![1000.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
