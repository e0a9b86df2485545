//! A question's conditions as terms, and those as the library's queries.

use std::ops::Bound;

use tantivy::query::{AllQuery, BooleanQuery, InvertedIndexRangeQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{InvertedIndexReader, Term};

use crate::question::Clause;
use crate::terms;

/// A beginning of terms is taken apart into at most so many; with more, the library collects
/// their events of the whole segment into a bit set.
const EXPANDED_MAX: usize = 64;

/// What an event's terms must be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Term(Vec<u8>),
    Prefix(Vec<u8>),
    Any(Vec<Need>),
    All(Vec<Need>),
}

impl Need {
    pub(crate) fn all(clauses: &[Clause]) -> Self {
        Need::All(clauses.iter().map(Self::of).collect())
    }

    fn of(clause: &Clause) -> Self {
        // What a caller gives as one word may be several, or none.
        let words = |text: &str, last: fn(&str) -> Need| {
            let mut words: Vec<String> = terms::words(text).collect();
            let Some(end) = words.pop() else { return Need::Any(Vec::new()) };
            let mut all: Vec<Need> = words.iter().map(|w| Need::Term(terms::word(w))).collect();
            all.push(last(&end));
            Need::All(all)
        };
        match clause {
            Clause::Tag(name, value) => Need::Term(terms::tag(name, value)),
            Clause::Prefix(name, prefix) => Need::Prefix(terms::tag_prefix(name, prefix)),
            Clause::Word(text) => words(text, |word| Need::Term(terms::word(word))),
            Clause::WordPrefix(text) => words(text, |word| Need::Prefix(terms::word(word))),
            Clause::Any(clauses) => Need::Any(clauses.iter().map(Self::of).collect()),
            Clause::All(clauses) => Need::All(clauses.iter().map(Self::of).collect()),
        }
    }

    /// For one segment. Nothing if the segment has no such event.
    pub(crate) fn query(
        &self,
        field: Field,
        terms: &InvertedIndexReader,
    ) -> std::io::Result<Option<Planned>> {
        let term = |bytes: &[u8]| Term::from_field_bytes(field, bytes);
        match self {
            Need::Term(bytes) => {
                let known = terms.terms().term_ord(bytes)?.is_some();
                let query = || TermQuery::new(term(bytes), IndexRecordOption::Basic);
                Ok(known.then(|| Planned::new(Box::new(query()))))
            }
            Need::Prefix(prefix) => {
                let (found, more) = expand(terms, prefix)?;
                if more {
                    let above = terms::after_prefix(prefix)
                        .map_or(Bound::Unbounded, |above| Bound::Excluded(term(&above)));
                    let range = InvertedIndexRangeQuery::new(Bound::Included(term(prefix)), above);
                    return Ok(Some(Planned { query: Box::new(range), costly: true }));
                }
                let query = |bytes: &Vec<u8>| -> Box<dyn Query> {
                    Box::new(TermQuery::new(term(bytes), IndexRecordOption::Basic))
                };
                Ok(any(found.iter().map(query).collect(), false))
            }
            Need::Any(needs) => {
                let found = needs.iter().filter_map(|n| n.query(field, terms).transpose());
                let found: Vec<Planned> = found.collect::<std::io::Result<_>>()?;
                let costly = found.iter().any(|f| f.costly);
                Ok(any(found.into_iter().map(|f| f.query).collect(), costly))
            }
            Need::All(needs) => {
                let mut musts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
                let mut costly = false;
                for need in needs {
                    let Some(found) = need.query(field, terms)? else { return Ok(None) };
                    costly |= found.costly;
                    musts.push((Occur::Must, found.query));
                }
                let query: Box<dyn Query> = match musts.len() {
                    0 => Box::new(AllQuery),
                    1 => musts.swap_remove(0).1,
                    _ => Box::new(BooleanQuery::new(musts)),
                };
                Ok(Some(Planned { query, costly }))
            }
        }
    }
}

/// A query of one segment.
pub(crate) struct Planned {
    pub(crate) query: Box<dyn Query>,
    /// To start it costs a walk over much of the segment, so it must not be started often.
    pub(crate) costly: bool,
}

impl Planned {
    fn new(query: Box<dyn Query>) -> Self {
        Self { query, costly: false }
    }
}

fn any(mut queries: Vec<Box<dyn Query>>, costly: bool) -> Option<Planned> {
    let query = match queries.len() {
        0 => return None,
        1 => queries.swap_remove(0),
        _ => Box::new(BooleanQuery::new(queries.into_iter().map(|q| (Occur::Should, q)).collect())),
    };
    Some(Planned { query, costly })
}

/// The terms that begin so, unless they are too many.
fn expand(terms: &InvertedIndexReader, prefix: &[u8]) -> std::io::Result<(Vec<Vec<u8>>, bool)> {
    let mut found = Vec::new();
    let mut range = terms.terms().range().ge(prefix);
    if let Some(above) = terms::after_prefix(prefix) {
        range = range.lt(above);
    }
    let mut stream = range.into_stream()?;
    while stream.advance() {
        if found.len() == EXPANDED_MAX {
            return Ok((found, true));
        }
        found.push(stream.key().to_vec());
    }
    Ok((found, false))
}
