//! Kinds of questions, each asked many times about another place.

use std::hint::black_box;
use std::time::Instant;

use hub_log::EventLog;

use super::synthetic::{client_of, connection_of, payment_of, time_of, type_of};
use super::{BenchError, Row};
use crate::doc::OWNER;
use crate::index::Index;
use crate::question::{Clause, Order, Question};

/// Events of one page.
const PAGE: usize = 50;

const HOUR_MS: i64 = 3_600_000;

fn tag(name: &'static str, value: impl Into<String>) -> Clause {
    Clause::Tag(name, value.into())
}

fn newest(all: Vec<Clause>) -> Question {
    Question { all, limit: PAGE, ..Question::default() }
}

fn within_an_hour(all: Vec<Clause>, at: u64) -> Question {
    let since = time_of(at);
    Question { since_ms: Some(since), until_ms: Some(since + HOUR_MS), ..newest(all) }
}

type Kind = (&'static str, fn(u64) -> Question);

/// Each makes a question of the sequence of a random event.
const KINDS: [Kind; 10] = [
    ("by client", |at| newest(vec![tag(OWNER, client_of(payment_of(at), 10_000_000))])),
    ("by payment, oldest first", |at| {
        let subject = tag("subject", format!("payment/pay_{:010}", payment_of(at)));
        Question { order: Order::OldestFirst, ..newest(vec![subject]) }
    }),
    ("by type, newest first", |at| newest(vec![tag("type", type_of(at))])),
    ("by type, from a place on", |at| Question {
        after: Some(at),
        ..newest(vec![tag("type", type_of(at))])
    }),
    ("by type's beginning", |_| newest(vec![Clause::Prefix("type", "deposit.".into())])),
    ("by type, connection and hour", |at| {
        let all = vec![tag("type", type_of(at)), tag("connection", connection_of(payment_of(at)))];
        within_an_hour(all, at)
    }),
    ("by hour", |at| within_an_hour(Vec::new(), at)),
    ("by a rare word", |at| newest(vec![Clause::Word(format!("ref{at:x}"))])),
    ("by common words and a beginning", |at| {
        let account = format!("visa captured ref{:x}", at >> 8);
        newest(vec![Clause::text(&account)])
    }),
    ("by cause", |at| newest(vec![tag("cause", at.to_string())])),
];

pub(super) fn rows(
    log: &dyn EventLog,
    index: &Index,
    questions: usize,
) -> Result<Vec<Row>, BenchError> {
    let last = log.last().max(1);
    // A fixed walk over the whole log in no order.
    let places: Vec<u64> =
        (0..questions as u64).map(|n| 1 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % last).collect();
    let mut rows = vec![measure("log: one event by sequence", &places, |at| {
        Ok(usize::from(black_box(log.get(at)?).is_some()))
    })?];
    for (what, kind) in KINDS {
        rows.push(measure(what, &places, |at| {
            Ok(black_box(index.view()?.search(&kind(at))?).len())
        })?);
    }
    rows.push(measure("by client, and its events read", &places, |at| {
        let client = newest(vec![tag(OWNER, client_of(payment_of(at), 10_000_000))]);
        let found = index.view()?.search(&client)?;
        for sequence in &found {
            black_box(log.get(*sequence)?);
        }
        Ok(found.len())
    })?);
    rows.push(measure("count by type", &places[..places.len().min(100)], |_| {
        Ok(black_box(index.view()?.counts("type")?).len())
    })?);
    Ok(rows)
}

fn measure(
    what: &'static str,
    places: &[u64],
    mut ask: impl FnMut(u64) -> Result<usize, BenchError>,
) -> Result<Row, BenchError> {
    let mut found = 0;
    let mut took_us = Vec::with_capacity(places.len());
    for at in places {
        let start = Instant::now();
        found += ask(*at)?;
        took_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    took_us.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (took_us.len() as f64 * share) as usize;
        took_us.get(place.min(took_us.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let found = found as f64 / places.len().max(1) as f64;
    Ok(Row { what, p50_us: at(0.5), p99_us: at(0.99), found })
}
