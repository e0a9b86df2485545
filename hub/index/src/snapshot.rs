//! What is committed, as of one commit: its segments and its position belong together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tantivy::Searcher;
use tantivy::index::SegmentId;

use crate::error::{IndexError, engine};
use crate::part::{Part, Wanted};
use crate::question::Order;
use crate::store::Fields;
use crate::terms;

pub(crate) struct Snapshot {
    /// The last event that is committed.
    pub(crate) position: u64,
    /// Ascending by sequence, and disjoint.
    pub(crate) parts: Vec<Arc<Part>>,
    fields: Fields,
    /// Keeps the segments' files.
    _searcher: Searcher,
}

impl Snapshot {
    /// Takes over the parts that `before` has open.
    pub(crate) fn new(
        searcher: Searcher,
        fields: &Fields,
        position: u64,
        before: Option<&Snapshot>,
    ) -> Result<Self, IndexError> {
        let known: HashMap<SegmentId, &Arc<Part>> =
            before.iter().flat_map(|b| &b.parts).map(|part| (part.id(), part)).collect();
        let mut parts = Vec::new();
        for reader in searcher.segment_readers().iter().filter(|r| r.max_doc() > 0) {
            parts.push(match known.get(&reader.segment_id()) {
                Some(part) => Arc::clone(part),
                None => Arc::new(Part::open(reader, fields)?),
            });
        }
        parts.sort_by_key(|part| part.first);
        Ok(Self { position, parts, fields: fields.clone(), _searcher: searcher })
    }

    /// Why it cannot be what the index wrote, if so.
    pub(crate) fn flaw(&self) -> Option<String> {
        let mut end = 0;
        for part in &self.parts {
            let (first, last) = (part.first, part.last);
            if first <= end || last < first || last > self.position {
                let position = self.position;
                return Some(format!(
                    "it has a segment of events {first} to {last} after {end} and up to {position}"
                ));
            }
            end = last;
        }
        None
    }

    /// Adds what is found to `found`, in order, until it has the limit.
    pub(crate) fn search(
        &self,
        wanted: &Wanted<'_>,
        found: &mut Vec<u64>,
    ) -> Result<(), IndexError> {
        let (low, high) = wanted.bounds;
        let mut parts: Vec<&Arc<Part>> =
            self.parts.iter().filter(|part| part.first <= high && part.last >= low).collect();
        if wanted.order == Order::NewestFirst {
            parts.reverse();
        }
        for part in parts {
            if found.len() >= wanted.limit {
                break;
            }
            part.search(wanted, &self.fields, found)?;
        }
        Ok(())
    }

    /// Whose flow it is. The newest segments first: flows are short.
    pub(crate) fn owner(&self, flow: &str) -> Result<Option<String>, IndexError> {
        let Some(key) = terms::owned_key(flow) else { return Ok(None) };
        let Some(above) = terms::after_prefix(&key) else { return Ok(None) };
        for part in self.parts.iter().rev() {
            let range = part.terms().terms().range().ge(&key).lt(&above);
            let mut stream = range.into_stream().map_err(engine("look up an owner"))?;
            if stream.advance() {
                let owner = &stream.key()[key.len()..];
                return Ok(Some(String::from_utf8_lossy(owner).into_owned()));
            }
        }
        Ok(None)
    }

    /// Adds how many events have each value of a tag.
    pub(crate) fn count(
        &self,
        name: &str,
        counts: &mut BTreeMap<String, u64>,
    ) -> Result<(), IndexError> {
        let key = terms::key(name);
        let above = terms::after_prefix(&key).unwrap_or_default();
        for part in &self.parts {
            let range = part.terms().terms().range().ge(&key).lt(&above);
            let mut stream = range.into_stream().map_err(engine("count"))?;
            while stream.advance() {
                let value = String::from_utf8_lossy(&stream.key()[key.len()..]);
                let events = u64::from(stream.value().doc_freq);
                match counts.get_mut(value.as_ref()) {
                    Some(count) => *count += events,
                    None => drop(counts.insert(value.into_owned(), events)),
                }
            }
        }
        Ok(())
    }
}
