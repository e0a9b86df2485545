//! Where in a segment a time can be: the least and the greatest of every few thousand documents.
//!
//! Times nearly ascend with the sequence, but only nearly, so they cannot be searched by halves.

use std::ops::Range;

use tantivy::columnar::ColumnValues;

use crate::question::Times;

/// Documents of one zone.
const ZONE_DOCS: u32 = 4096;

pub(crate) struct Zones(Vec<(i64, i64)>);

impl Zones {
    /// Reads the whole column: some milliseconds for a million documents.
    pub(crate) fn of(times: &dyn ColumnValues<i64>, docs: u32) -> Self {
        let mut values = vec![0; ZONE_DOCS as usize];
        let zones = (0..docs).step_by(ZONE_DOCS as usize).map(|start| {
            let values = &mut values[..ZONE_DOCS.min(docs - start) as usize];
            times.get_range(u64::from(start), values);
            let bound = |(min, max): (i64, i64), time: &i64| (min.min(*time), max.max(*time));
            values.iter().fold((i64::MAX, i64::MIN), bound)
        });
        Self(zones.collect())
    }

    /// The ranges of documents within `docs` that may have such a time, ascending.
    pub(crate) fn ranges(&self, times: Times, docs: Range<u32>) -> Vec<Range<u32>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        let first = docs.start / ZONE_DOCS;
        for (zone, (min, max)) in (first..).zip(self.0.iter().skip(first as usize)) {
            let start = (zone * ZONE_DOCS).max(docs.start);
            let end = zone.saturating_add(1).saturating_mul(ZONE_DOCS).min(docs.end);
            if start >= docs.end {
                break;
            }
            if !times.touches(*min, *max) {
                continue;
            }
            match ranges.last_mut().filter(|last| last.end == start) {
                Some(last) => last.end = end,
                None => ranges.push(start..end),
            }
        }
        ranges
    }
}
