//! The kinds of entries in a trace, for the recorder that writes them (`interpose`, which has
//! this file too) and for `trace`, which reads them.
//!
//! An entry is `kind u8 ‖ id u32 ‖ at u64 ‖ length u32`, little-endian, and `length` bytes.

/// Bytes before an entry's data.
pub const HEAD_BYTES: usize = 17;

/// A file that was there before is met: id, data = path below the root.
pub const SEEN: u8 = 1;
/// A file appeared under this name: id, data = path.
pub const CREATED: u8 = 2;
/// A directory appeared: id, data = path.
pub const MADE_DIR: u8 = 3;
/// Bytes were written: id, at = offset, data.
pub const WROTE: u8 = 4;
/// The length was set: id, at = length.
pub const RESIZED: u8 = 5;
/// fsync began: id, at = a number for the end.
pub const FSYNC: u8 = 6;
/// fdatasync began: id, at = a number for the end.
pub const FDATASYNC: u8 = 7;
/// A sync came back well: at = its number.
pub const SYNCED: u8 = 8;
/// A sync came back with an error: at = its number.
pub const SYNC_FAILED: u8 = 9;
/// sync_file_range: id. Makes nothing durable.
pub const RANGE: u8 = 10;
/// A name moved: data = from ‖ NUL ‖ to.
pub const RENAMED: u8 = 11;
/// A name went away: data = path.
pub const UNLINKED: u8 = 12;
/// The process under test said something, for instance that a batch was acknowledged.
pub const MARK: u8 = 13;
/// A fault was injected: data = what.
pub const FAULT: u8 = 14;
/// Something the recorder does not follow: data = what. A run with one proves nothing.
pub const UNKNOWN: u8 = 15;
