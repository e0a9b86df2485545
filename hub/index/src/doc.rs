//! What the index is told of a record.

use hub_log::Record;

/// The tag whose value owns what [`Doc::owns`] names.
pub const OWNER: &str = "client";

/// A record as the index sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doc {
    /// When it happened, Unix milliseconds. Need not ascend, but should nearly.
    pub time_ms: i64,
    /// Exact terms: a name and a value, such as `("type", "deposit.settled")`. A name may come
    /// more than once. Names are short words without control characters.
    pub tags: Vec<(&'static str, String)>,
    /// Searched by words.
    pub text: String,
    /// Names of flows (a payment, an account) that this event ties to the value of its [`OWNER`]
    /// tag, the first if there are several. The first event that ties a flow wins; without an
    /// [`OWNER`] tag this does nothing.
    pub owns: Vec<String>,
}

/// Turns records into documents.
pub trait Extract: Send + Sync + 'static {
    /// A record's document; nothing for a record that no question may find.
    ///
    /// It is called with the records in their order. `owner` tells whose a flow is, by all
    /// records before this one, so that an event that carries only the flow's id can be tagged
    /// with its owner. The same record and the same answers must always give the same document.
    fn extract(
        &self,
        record: &Record,
        owner: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Option<Doc>;

    /// Changes whenever the same record would give another document: the index is then rebuilt.
    fn version(&self) -> u32;
}
