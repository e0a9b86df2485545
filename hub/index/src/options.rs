//! What can be set.

use std::time::Duration;

/// How an index is built and what it may cost.
#[derive(Debug, Clone)]
pub struct IndexOptions {
    /// Commits after so many events. Default 20,000.
    pub commit_events: usize,
    /// Commits so long after the first event that is not committed. Default 1 s. Each commit
    /// costs some ten file syncs; questions see what is not committed all the same.
    pub commit_after: Duration,
    /// Memory of the indexing thread; at least 15 MiB. Default 40 MiB.
    pub heap_bytes: usize,
    /// A view that would need more events than these beside the index is refused with
    /// [`crate::IndexError::Behind`]. Default 100,000.
    pub tail_events_max: usize,
    /// The same in bytes of terms: bounds the memory of events that are not committed.
    /// Default 64 MiB.
    pub tail_bytes_max: usize,
    /// Owners of flows that are remembered. Default 65,536, some 10 MB.
    pub owners_max: usize,
    /// Segments above this are not merged further. Default 4,000,000 events.
    pub merge_events_max: u32,
    /// Space the file system must have for the index to go on: more than the log's own reserve,
    /// so that the index stops first. Default 256 MiB.
    pub free_bytes_reserve: u64,
    /// Wait after a failure. Default 3 s.
    pub retry_after: Duration,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            commit_events: 20_000,
            commit_after: Duration::from_secs(1),
            heap_bytes: 40 << 20,
            tail_events_max: 100_000,
            tail_bytes_max: 64 << 20,
            owners_max: 65_536,
            merge_events_max: 4_000_000,
            free_bytes_reserve: 256 << 20,
            retry_after: Duration::from_secs(3),
        }
    }
}
