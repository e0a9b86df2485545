//! What one call may take (contract, §5).

/// Limits on every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time of one step, in milliseconds: an infinite loop ends.
    pub call_ms_max: u64,
    /// Linear memory of one instance, in bytes.
    pub memory_bytes_max: usize,
    /// All texts and bytes of a step together.
    pub output_bytes_max: usize,
    /// Events of one outcome.
    pub events_max: usize,
    /// Requests of one call. Kept by the caller, who drives the steps.
    pub steps_max: usize,
    /// Instances at work at once; further calls wait for their turn.
    pub instances_max: u32,
    /// How long a call waits for its turn, in milliseconds.
    pub turn_ms_max: u64,
    /// Log lines of one step; the rest is dropped.
    pub log_lines_max: usize,
    /// Characters of one log line.
    pub log_chars_max: usize,
    /// The largest component that is loaded, in bytes: a Python one brings its interpreter.
    pub component_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_ms_max: 250,
            memory_bytes_max: 64 * 1024 * 1024,
            output_bytes_max: 1024 * 1024,
            events_max: 1_000,
            steps_max: 16,
            instances_max: 64,
            turn_ms_max: 5_000,
            log_lines_max: 50,
            log_chars_max: 1_000,
            component_bytes_max: 64 * 1024 * 1024,
        }
    }
}
