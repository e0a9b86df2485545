//! What can go wrong in a call, by what it means for a retry (contract, §5).
use hub_schemas::Decline;

/// A classified error. The class decides what the hub does next.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// May work later.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// Not before so many milliseconds, where the vendor says so (`Retry-After`).
        retry_after_ms: Option<u64>,
    },
    /// The vendor understood and said no.
    #[error("declined: {} ({:?})", .0.vendor_code, .0.category)]
    Declined(Decline),
    /// The request is wrong; the same again will fail again.
    #[error("{0}")]
    InvalidRequest(String),
    /// The credentials do not hold.
    #[error("{0}")]
    Unauthorised(String),
    /// The vendor cannot do this.
    #[error("{0}")]
    Unsupported(String),
    /// The request left, and nobody knows what became of it.
    #[error("{0}")]
    UnknownOutcome(String),
    /// This delivery cannot be understood: it goes to quarantine with this reason.
    #[error("{0}")]
    NotUnderstood(String),
}

impl Error {
    /// May work later; the vendor does not say when.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient { message: message.into(), retry_after_ms: None }
    }
}

/// JSON that does not have the expected shape: in a webhook it means quarantine.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::NotUnderstood(format!("the JSON does not have the documented shape: {error}"))
    }
}

/// A vendor's id, amount or currency that the canonical types refuse.
macro_rules! not_understood {
    ($($source:ty),*) => {$(
        impl From<$source> for Error {
            fn from(error: $source) -> Self { Self::NotUnderstood(error.to_string()) }
        }
    )*};
}
not_understood!(
    hub_schemas::ids::IdError,
    hub_schemas::money::MoneyError,
    hub_schemas::country::CountryError
);
