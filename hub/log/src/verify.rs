//! Walking the hash chain.

use sled::Tree;

use crate::api::Sequence;
use crate::chain::{GENESIS, Hash};
use crate::error::{ReadError, VerifyError};
use crate::keys::Stream;
use crate::read::Chunks;

/// What a walk found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records were walked: from the first of the chunk that holds `from`, to the last.
    pub records: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// The last durable sequence when the walk began.
    pub last: Sequence,
    /// Its hash; zeros for an empty log. Kept elsewhere, it shows a chain that was rewritten as
    /// a whole.
    pub last_hash: Hash,
}

/// See [`crate::EventLog::verify`].
pub(crate) fn verify(
    tree: &Tree,
    from: Sequence,
    last: Sequence,
    progress: &mut dyn FnMut(Sequence),
) -> Result<Verified, VerifyError> {
    let from = from.max(1);
    let mut found = Verified { records: 0, bytes: 0, last, last_hash: GENESIS };
    if from > last {
        return Ok(found);
    }
    let mut chunks = Chunks::new(tree, from, last).map_err(broken)?;
    let (mut next, mut recorded_us) = (from, i64::MIN);
    while let Some(chunk) = chunks.next().map_err(broken)? {
        let trusted = match chunk.first {
            1 => GENESIS,
            _ if found.records == 0 => chunk.before,
            _ => found.last_hash,
        };
        if chunk.before != trusted {
            return Err(VerifyError::Broken {
                sequence: chunk.first,
                detail: "it does not follow from the record before".into(),
            });
        }
        for record in chunk.records() {
            let record = record.map_err(broken)?;
            if record.recorded_us < recorded_us {
                return Err(VerifyError::Broken {
                    sequence: record.sequence,
                    detail: "its time is before that of the record before".into(),
                });
            }
            recorded_us = record.recorded_us;
            found.records += 1;
            found.bytes += record.body.len() as u64;
            found.last_hash = record.hash;
            next = record.sequence + 1;
        }
        progress(chunk.last());
    }
    if next <= last {
        return Err(VerifyError::Broken {
            sequence: next,
            detail: "it is missing: the stream ends before it".into(),
        });
    }
    Ok(found)
}

/// Damage to the stream is the answer here; anything else is a failure to look.
fn broken(error: ReadError) -> VerifyError {
    match error {
        ReadError::Corrupt { stream, at, detail } if stream == Stream::Events.noun() && at > 0 => {
            VerifyError::Broken { sequence: at, detail }
        }
        other => VerifyError::Read(other),
    }
}
