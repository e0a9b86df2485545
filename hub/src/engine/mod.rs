//! Feeds the log through the deciders, in order, and appends what they decide.
//!
//! Invariants:
//! - The decisions of an input are appended in one atomic batch, and each names its input: that is
//!   the engine's position, durable with the decisions. A crash neither loses nor repeats one.
//! - State is the fold over the log in *engine order*: each input, then its decisions (they name it
//!   as their cause). In the log other inputs may stand between; [`replay`] puts them in order, so
//!   that replayed and live state are the same, byte for byte.
//! - Nothing leaves the process because of a decision that is not durable: the dispatcher follows
//!   the log, not the engine.
mod decode;
mod live;
mod replay;
mod snapshot;

pub use decode::{DecodeFailure, Decoded, decode};
pub use live::{Engine, EngineError, EngineHandle, durable_position};
pub use replay::{ReplayError, Replayed, replay};
pub use snapshot::{Snapshot, SnapshotError, digest, snapshot_path};
