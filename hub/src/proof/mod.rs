//! Proof that the log is what it was: signed checkpoints of the hash chain, the walk that compares
//! them with the log, and exports that anybody can verify without the hub.
//!
//! The chain alone shows that nothing was changed in the middle; whoever can rewrite the whole
//! store could rewrite the whole chain. A checkpoint, signed and kept elsewhere, shows that too.
mod audit;
mod bundle;
mod checkpoint;
mod keep;
mod key;
mod read_bundle;

pub use audit::{Audit, audit};
pub use bundle::{Range, WriteError, write_bundle};
pub use checkpoint::{Checkpoint, CheckpointError, Verifier};
pub use keep::{KeepError, Kept, run as run_checkpoints};
pub use key::{LogKey, LogKeyError};
pub use read_bundle::{BundleError, BundleVerdict, read_bundle};
