//! What must be found: a plain search over all records, written another way than the index.

use std::collections::HashMap;

use hub_index::{Clause, Doc, Extract, OWNER, Order, Question};
use hub_log::EventLog;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::help::{Lines, TYPES, WORDS};

pub struct Model {
    docs: Vec<(u64, Doc)>,
}

impl Model {
    /// Reads the whole log.
    pub fn of(log: &dyn EventLog) -> Self {
        let mut owners: HashMap<String, String> = HashMap::new();
        let mut docs = Vec::new();
        let mut at = 1;
        loop {
            let records = log.read(at, 1000).unwrap();
            let Some(last) = records.last() else { return Self { docs } };
            at = last.sequence + 1;
            for record in &records {
                let doc = Lines(0).extract(record, &mut |flow| owners.get(flow).cloned());
                let Some(doc) = doc else { continue };
                if let Some((_, client)) = doc.tags.iter().find(|(name, _)| *name == OWNER) {
                    for flow in &doc.owns {
                        owners.entry(flow.clone()).or_insert_with(|| client.clone());
                    }
                }
                docs.push((record.sequence, doc));
            }
        }
    }

    /// All answers, without the limit.
    pub fn all(&self, question: &Question) -> Vec<u64> {
        let found = self.docs.iter().filter(|(sequence, doc)| {
            question.upto.is_none_or(|upto| *sequence <= upto)
                && question.since_ms.is_none_or(|since| doc.time_ms >= since)
                && question.until_ms.is_none_or(|until| doc.time_ms < until)
                && question.all.iter().all(|clause| holds(clause, doc))
        });
        let mut found: Vec<u64> = found.map(|(sequence, _)| *sequence).collect();
        if question.order == Order::NewestFirst {
            found.reverse();
        }
        found
    }

    pub fn counts(&self, name: &str) -> std::collections::BTreeMap<String, u64> {
        let mut counts = std::collections::BTreeMap::new();
        for (_, doc) in &self.docs {
            for (_, value) in doc.tags.iter().filter(|(found, _)| *found == name) {
                *counts.entry(value.clone()).or_insert(0) += 1;
            }
        }
        counts
    }
}

fn holds(clause: &Clause, doc: &Doc) -> bool {
    let tag = |wanted: &str, is: &dyn Fn(&str) -> bool| {
        doc.tags.iter().any(|(name, value)| *name == wanted && is(value))
    };
    let text = doc.text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    match clause {
        Clause::Tag(name, value) => tag(name, &|found| found == value),
        Clause::Prefix(name, prefix) => tag(name, &|found| found.starts_with(prefix.as_str())),
        Clause::Word(word) => words.any(|found| found == word.to_lowercase()),
        Clause::WordPrefix(prefix) => words.any(|found| found.starts_with(&prefix.to_lowercase())),
        Clause::Any(clauses) => clauses.iter().any(|clause| holds(clause, doc)),
        Clause::All(clauses) => clauses.iter().all(|clause| holds(clause, doc)),
    }
}

fn random_clause(rng: &mut impl Rng, depth: usize) -> Clause {
    let number = |rng: &mut _, max: i64| rand::Rng::random_range(rng, 0..max);
    match rng.random_range(0..if depth == 0 { 8 } else { 10 }) {
        0 => Clause::Tag("type", (*TYPES.choose(rng).unwrap()).to_owned()),
        1 => Clause::Tag("connection", format!("c{}", number(rng, 4))),
        2 => Clause::Tag(OWNER, format!("cl_{}", number(rng, 10))),
        3 => Clause::Tag("flow", format!("pay_{}", number(rng, 1000))),
        4 => {
            Clause::Prefix("type", ["dep", "deposit.", "kyc", "z"].choose(rng).unwrap().to_string())
        }
        // Up to some thousand values: more than are taken apart.
        5 => Clause::Prefix("cause", ["", "1", "12", "123"].choose(rng).unwrap().to_string()),
        6 => Clause::Word((*WORDS.choose(rng).unwrap()).to_owned()),
        7 => Clause::WordPrefix(["al", "pay", "1", "Ö", "gr"].choose(rng).unwrap().to_string()),
        8 => {
            let count = rng.random_range(0..4);
            Clause::Any((0..count).map(|_| random_clause(rng, depth - 1)).collect())
        }
        _ => {
            let count = rng.random_range(0..3);
            Clause::All((0..count).map(|_| random_clause(rng, depth - 1)).collect())
        }
    }
}

/// A random question about a log that ends at `last`.
pub fn random_question(rng: &mut impl Rng, last: u64) -> Question {
    let clauses = rng.random_range(0..4);
    let last_ms = i64::try_from(last).unwrap() * 10;
    let moment = |rng: &mut _| {
        let any = rand::Rng::random_range(rng, -5000..last_ms + 5000);
        rand::Rng::random_bool(rng, 0.3).then_some(any)
    };
    Question {
        all: (0..clauses).map(|_| random_clause(rng, 2)).collect(),
        since_ms: moment(rng),
        until_ms: moment(rng),
        after: None,
        upto: rng.random_bool(0.3).then(|| rng.random_range(0..last + 10)),
        order: if rng.random_bool(0.5) { Order::NewestFirst } else { Order::OldestFirst },
        limit: *[1, 3, 50, 1000].choose(rng).unwrap(),
    }
}
