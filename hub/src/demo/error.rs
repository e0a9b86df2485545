//! What can go wrong with a demo.
use std::path::PathBuf;

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A simulator did not start, or refused a control call.
    #[error("simulated vendor: {0}")]
    Simulator(#[from] hub_simulators::SimError),
    /// The simulated KYC vendor refused.
    #[error("simulated Sumsub: {0}")]
    Applicant(#[from] hub_simulators::sumsub::NoSuchChange),
    /// The simulated market refused.
    #[error("simulated MT5: {0}")]
    Market(#[from] hub_simulators::mt5::MarketError),
    /// A file of the demo could not be written.
    #[error("{path}: {source}; choose another directory with --data", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The data directory is in use.
    #[error(
        "{path} holds files already, and a demo's day needs an empty log; name another directory \
         with --data, or serve this one: hub serve --config {path}/hub.toml", path = path.display()
    )]
    NotEmpty {
        /// Which.
        path: PathBuf,
    },
    /// The master key could not be made.
    #[error(transparent)]
    Key(#[from] crate::vault::KeyError),
    /// The demo's own configuration does not load.
    #[error("the demo's hub.toml: {0}")]
    Config(#[from] crate::config::ConfigError),
    /// The hub did not start.
    #[error("the hub did not start: {0}")]
    Start(#[from] crate::app::StartError),
    /// The hub refused a call: trying again would not help.
    #[error("{call} was refused with {status}: {body}")]
    Refused {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// The hub did not answer, or only with errors, for too long.
    #[error("{call} got no answer in {waited_s} s; the last thing it got was: {last}")]
    NoAnswer {
        /// Method and path.
        call: String,
        /// For how long it was tried.
        waited_s: u64,
        /// The last error.
        last: String,
    },
    /// An answer is not of the form that the API promises.
    #[error("the answer to {call} is not what it should be: {why}")]
    Answer {
        /// Method and path.
        call: String,
        /// What is wrong.
        why: String,
    },
    /// Something did not come to pass.
    #[error("waited {waited_s} s for {awaited}; seen so far: {seen}")]
    TimedOut {
        /// What was awaited.
        awaited: String,
        /// For how long.
        waited_s: u64,
        /// What was there instead.
        seen: String,
    },
    /// A part of the day panicked.
    #[error("a part of the demo's day stopped: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl DemoError {
    /// An answer that lacks something.
    pub(super) fn answer(call: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Answer { call: call.into(), why: why.to_string() }
    }
    /// A file that could not be written or read.
    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
