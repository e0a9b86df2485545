//! Which segments become one: neighbours only, so that segments stay disjoint in sequences and
//! their documents ascend.

use std::sync::Arc;
use std::thread;

use tantivy::IndexWriter;
use tantivy::index::SegmentId;

use crate::error::{IndexError, engine};
use crate::part::Part;
use crate::shared::{Shared, locked};

/// So many neighbours of about one size become one, of about the next size.
const FACTOR: usize = 8;

/// The segments to merge next, in their order; none if all is well.
///
/// Size `n` is from `FACTOR^n` events up. Eight of a size are merged together with the smaller
/// ones between them, so an event moves up with each merge, and is merged once a size.
fn plan(docs: &[u32], docs_max: u32) -> Option<std::ops::Range<usize>> {
    let size = |docs: u32| docs.max(1).ilog(FACTOR as u32);
    let mergeable = |docs: u32| docs <= docs_max / 2;
    let most = docs.iter().filter(|docs| mergeable(**docs)).map(|docs| size(*docs)).max()?;
    for now in 0..=most {
        let runs = docs.split(|docs| !mergeable(*docs) || size(*docs) > now);
        let mut at = 0;
        for run in runs {
            if run.iter().filter(|docs| size(**docs) == now).count() >= FACTOR {
                let mut sum = 0;
                let within = run.iter().take_while(|docs| {
                    sum += **docs;
                    sum <= docs_max
                });
                return Some(at..at + within.count());
            }
            at += run.len() + 1;
        }
    }
    None
}

/// Starts a merge if one is due and none goes on. It runs beside what comes in.
pub(crate) fn merge_if_due(
    shared: &Arc<Shared>,
    writer: &mut IndexWriter,
) -> Result<bool, IndexError> {
    let parts = locked(&shared.state).committed.parts.clone();
    let docs: Vec<u32> = parts.iter().map(|part: &Arc<Part>| part.docs()).collect();
    let Some(due) = plan(&docs, shared.options.merge_events_max) else { return Ok(false) };
    if !shared.merge_begins() {
        return Ok(false);
    }
    let ids: Vec<SegmentId> = parts[due].iter().map(|part| part.id()).collect();
    drop(parts);
    let merge = writer.merge(&ids);
    let at_end = Arc::clone(shared);
    let waiting = thread::Builder::new().name("index-merge".to_owned()).spawn(move || {
        let merged = merge.wait().map_err(engine("merge segments"));
        let shown = merged.and_then(|_| {
            // A merge changes no position.
            at_end.publish(|| Ok(locked(&at_end.state).committed.position))
        });
        if let Err(error) = shown {
            // Nothing is lost: the segments it was made of are still there.
            tracing::warn!(%error, "a merge of index segments did not end");
        }
        at_end.merge_ended();
    });
    if let Err(error) = waiting {
        shared.merge_ended();
        return Err(engine("start a merge")(error));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::plan;

    /// Whatever comes in, segments stay few, and each event is merged a few times only.
    #[test]
    fn segments_stay_few() {
        for commit in [1, 700, 20_000, 100_000] {
            let (mut docs, mut merged, mut total) = (Vec::new(), 0_u64, 0_u64);
            for n in 0..4_000 {
                // In between an idle time's.
                docs.push(if n % 3 == 0 { 1 } else { commit });
                total += u64::from(commit);
                while let Some(due) = plan(&docs, 4_000_000) {
                    assert!(due.len() >= 2, "{docs:?}");
                    let sum: u32 = docs[due.clone()].iter().sum();
                    assert!(sum <= 4_000_000);
                    merged += u64::from(sum);
                    docs.splice(due, [sum]);
                }
            }
            let frozen = usize::try_from(total / 2_000_000).unwrap();
            assert!(docs.len() <= 50 + frozen, "commits of {commit}: {} segments", docs.len());
            let often = merged / total;
            assert!(often <= 8, "commits of {commit}: merged {often} times");
        }
    }
}
