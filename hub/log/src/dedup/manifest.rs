//! What of the saved index counts: one value, so that a crash leaves the old or the new.
//!
//! ```text
//! floor u64 ‖ next id u32 ‖ tail id u32 (0 none) ‖ tail to u64 ‖ runs u32
//! ‖ ( id u32 ‖ from u64 ‖ to u64 ‖ entries u64 )* ‖ ( id of garbage u32 )* ‖ check (8)
//! ```
//!
//! All big-endian. The tail is what was in memory, saved as blocks without filters.

use super::block;
use super::run::Run;
use crate::api::Sequence;
use crate::keys;

/// See the module.
#[derive(Default)]
pub(super) struct Manifest {
    pub(super) floor: Sequence,
    pub(super) next_id: u32,
    pub(super) tail: Option<(u32, Sequence)>,
    pub(super) runs: Vec<Run>,
    pub(super) garbage: Vec<u32>,
}

/// The value, from its parts; `garbage` includes what is in the making.
pub(super) fn encode(
    floor: Sequence,
    next_id: u32,
    tail: Option<(u32, Sequence)>,
    runs: &[Run],
    garbage: impl Iterator<Item = u32>,
) -> Vec<u8> {
    let (tail, tail_to) = tail.unwrap_or_default();
    let mut out = floor.to_be_bytes().to_vec();
    out.extend(next_id.to_be_bytes());
    out.extend(tail.to_be_bytes());
    out.extend(tail_to.to_be_bytes());
    out.extend(u32::try_from(runs.len()).expect("there are some dozen runs").to_be_bytes());
    for run in runs {
        out.extend(run.id.to_be_bytes());
        out.extend(run.from.to_be_bytes());
        out.extend(run.to.to_be_bytes());
        out.extend(run.entries.to_be_bytes());
    }
    garbage.for_each(|id| out.extend(id.to_be_bytes()));
    block::seal(keys::DEDUP_MANIFEST, out)
}

/// None if it is damaged.
pub(super) fn decode(value: &[u8]) -> Option<Manifest> {
    let mut rest = block::unseal(keys::DEDUP_MANIFEST, value)?;
    let (floor, next_id) = (u64_of(&mut rest)?, u32_of(&mut rest)?);
    let (tail, tail_to) = (u32_of(&mut rest)?, u64_of(&mut rest)?);
    let tail = (tail != 0).then_some((tail, tail_to));
    let mut manifest = Manifest { floor, next_id, tail, ..Manifest::default() };
    for _ in 0..u32_of(&mut rest)? {
        manifest.runs.push(Run {
            id: u32_of(&mut rest)?,
            from: u64_of(&mut rest)?,
            to: u64_of(&mut rest)?,
            entries: u64_of(&mut rest)?,
            stretches: Vec::new(),
        });
    }
    while !rest.is_empty() {
        manifest.garbage.push(u32_of(&mut rest)?);
    }
    Some(manifest)
}

fn u64_of(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_be_bytes(*number))
}

fn u32_of(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}
