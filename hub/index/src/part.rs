//! One segment: a range of sequences, searched from either end.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tantivy::columnar::ColumnValues;
use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Weight};
use tantivy::{DocSet, InvertedIndexReader, SegmentReader};

use crate::error::{IndexError, engine};
use crate::plan::{Need, Planned};
use crate::question::{Order, Times};
use crate::store::{Fields, SEQUENCE, TIME};
use crate::zones::Zones;

/// Documents looked at first; each further look takes `WINDOW_GROWTH` times as many.
const WINDOW_DOCS: u32 = 8192;
const WINDOW_GROWTH: u32 = 8;

pub(crate) struct Part {
    reader: SegmentReader,
    terms: Arc<InvertedIndexReader>,
    sequences: Arc<dyn ColumnValues<u64>>,
    times: Arc<dyn ColumnValues<i64>>,
    zones: OnceLock<Zones>,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// What is looked for in a part, and how much of it.
pub(crate) struct Wanted<'a> {
    pub(crate) need: &'a Need,
    pub(crate) times: Times,
    /// The lowest and the highest sequence.
    pub(crate) bounds: (u64, u64),
    pub(crate) order: Order,
    pub(crate) limit: usize,
}

impl Part {
    pub(crate) fn open(reader: &SegmentReader, fields: &Fields) -> Result<Self, IndexError> {
        const DOING: &str = "open a segment";
        let terms = reader.inverted_index(fields.terms).map_err(engine(DOING))?;
        let columns = reader.fast_fields();
        let sequences = columns.column_first_or_default::<u64>(SEQUENCE).map_err(engine(DOING))?;
        let times = columns.column_first_or_default::<i64>(TIME).map_err(engine(DOING))?;
        let first = sequences.get_val(0);
        let last = sequences.get_val(reader.max_doc().saturating_sub(1));
        let zones = OnceLock::new();
        Ok(Self { reader: reader.clone(), terms, sequences, times, zones, first, last })
    }

    pub(crate) fn id(&self) -> SegmentId {
        self.reader.segment_id()
    }

    pub(crate) fn docs(&self) -> u32 {
        self.reader.max_doc()
    }

    pub(crate) fn terms(&self) -> &InvertedIndexReader {
        &self.terms
    }

    fn zones(&self) -> &Zones {
        self.zones.get_or_init(|| Zones::of(&*self.times, self.docs()))
    }

    /// The first document whose sequence is not below this one.
    fn doc_at(&self, sequence: u64) -> u32 {
        let (mut low, mut high) = (0, self.docs());
        while low < high {
            let middle = low.midpoint(high);
            if self.sequences.get_val(middle) < sequence { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Adds what is found to `found`, in order, until it has `limit`.
    pub(crate) fn search(
        &self,
        wanted: &Wanted<'_>,
        fields: &Fields,
        found: &mut Vec<u64>,
    ) -> Result<(), IndexError> {
        const DOING: &str = "search";
        let (low, high) = wanted.bounds;
        let mut rest = self.doc_at(low)..self.doc_at(high.saturating_add(1));
        if !wanted.times.is_open() {
            if !wanted.times.touches(self.times.min_value(), self.times.max_value()) {
                return Ok(());
            }
            let ranges = self.zones().ranges(wanted.times, rest);
            rest = ranges.first().map_or(0, |r| r.start)..ranges.last().map_or(0, |r| r.end);
        }
        if rest.is_empty() {
            return Ok(());
        }
        let planned = wanted.need.query(fields.terms, &self.terms).map_err(engine(DOING))?;
        let Some(Planned { query, costly }) = planned else { return Ok(()) };
        let scoring = EnableScoring::disabled_from_schema(&fields.schema);
        let weight = query.weight(scoring).map_err(engine(DOING))?;
        let mut window = if costly { u32::MAX } else { WINDOW_DOCS };
        while !rest.is_empty() && found.len() < wanted.limit {
            let width = window.min(rest.end - rest.start);
            let now = match wanted.order {
                Order::NewestFirst => rest.end - width..rest.end,
                Order::OldestFirst => rest.start..rest.start + width,
            };
            match wanted.order {
                Order::NewestFirst => rest.end = now.start,
                Order::OldestFirst => rest.start = now.end,
            }
            let docs = self.docs_in(&*weight, wanted, now, wanted.limit - found.len())?;
            found.extend(docs.iter().map(|doc| self.sequences.get_val(*doc)));
            window = window.saturating_mul(WINDOW_GROWTH);
        }
        Ok(())
    }

    /// At most `limit` documents of a window, in order.
    fn docs_in(
        &self,
        weight: &dyn Weight,
        wanted: &Wanted<'_>,
        window: Range<u32>,
        limit: usize,
    ) -> Result<VecDeque<u32>, IndexError> {
        let timed = !wanted.times.is_open();
        let ranges = if timed { self.zones().ranges(wanted.times, window) } else { vec![window] };
        let mut found = VecDeque::new();
        if ranges.is_empty() {
            return Ok(found);
        }
        let mut docs = weight.scorer(&self.reader, 1.0).map_err(engine("search"))?;
        for range in ranges {
            let mut doc = docs.doc();
            if doc < range.start {
                doc = docs.seek(range.start);
            }
            while doc < range.end {
                if !timed || wanted.times.has(self.times.get_val(doc)) {
                    match wanted.order {
                        Order::OldestFirst => found.push_back(doc),
                        Order::NewestFirst => {
                            found.truncate(limit - 1);
                            found.push_front(doc);
                        }
                    }
                    if wanted.order == Order::OldestFirst && found.len() == limit {
                        return Ok(found);
                    }
                }
                doc = docs.advance();
            }
        }
        Ok(found)
    }
}
