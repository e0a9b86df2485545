//! Webhook to durable 200 over HTTP: the whole path, against a handler that only reads the body.
use super::deliveries::Signed;
use super::figure::{Goal, Ratio, Row, Table};
use super::load::{self, CONNECTIONS, Feed, Turn};
use super::servers::{self, Hub};
use super::{BenchError, Options, ROUNDS, median, unsandboxed};
use crate::clock;
use std::sync::Arc;
use std::time::Duration;

/// Requests made for each second of a turn: more than the path answers. Should one answer more,
/// its turn ends early, and what it did counts.
const REQUESTS_PER_S: f64 = 40_000.0;
/// Requests of one turn at the most: they are made before it and wait in memory, 2.4 KB each.
const REQUESTS_MAX: f64 = 60_000.0;

#[derive(Default)]
struct Turns {
    bare: Vec<Turn>,
    unsandboxed: Vec<Turn>,
    hub: Vec<Turn>,
}

pub(super) fn run(options: &Options) -> Result<Table, BenchError> {
    let bare = servers::bare()?;
    let unsandboxed = unsandboxed::start(&options.dir.join("bench-unsandboxed"))?;
    let hub = Hub::start(&options.dir.join("bench-hub"))?;
    let mut turns = Turns::default();
    let (mut behind, mut taken) = (0, 0);
    // One round to warm caches and connections up, which does not count.
    for round in 0..=ROUNDS {
        let first = feed(options.turn(), true);
        let bare = load::run(bare.address, &first, options.turn())?;
        let unsandboxed = load::run(unsandboxed.address, &first, options.turn())?;
        drop(first);
        let unseen = feed(options.turn(), false);
        let before = hub.accepted();
        let through = load::run(hub.address(), &unseen, options.turn())?;
        behind = behind.max(hub.behind());
        hub.settle();
        let accepted = hub.accepted() - before;
        if accepted != through.answers as u64 {
            let detail = format!("it answered {} and accepted {accepted}", through.answers);
            return Err(BenchError::Wrong { what: "the hub", detail });
        }
        taken += accepted;
        if round > 0 {
            turns.bare.push(bare);
            turns.unsandboxed.push(unsandboxed);
            turns.hub.push(through);
        }
    }
    hub.stop();
    unsandboxed.stop();
    bare.stop();
    Ok(table(&turns, taken, behind))
}

/// Fresh, and signed now: Stripe's signatures are good for five minutes.
fn feed(turn: Duration, again: bool) -> Arc<Feed> {
    let now_s = clock::now_ms() / 1000;
    let requests = (turn.as_secs_f64() * REQUESTS_PER_S).clamp(1.0, REQUESTS_MAX) as usize;
    let requests = (0..requests).map(|_| Signed::new(now_s).request()).collect();
    Arc::new(Feed { requests, again })
}

fn of(turns: &[Turn], figure: fn(&Turn) -> f64) -> f64 {
    median(turns.iter().map(figure).collect())
}

fn table(turns: &Turns, taken: u64, behind: u64) -> Table {
    let rate = |turns: &[Turn]| of(turns, |turn| turn.requests_per_s);
    let row = |what: &str, turns: &[Turn], ratio| Row {
        what: what.to_owned(),
        cells: vec![
            format!("{:.0}", rate(turns)),
            format!("{:.2}", of(turns, |turn| turn.p50_ms)),
            format!("{:.2}", of(turns, |turn| turn.p99_ms)),
        ],
        ratio,
    };
    let through = rate(&turns.hub);
    let share =
        |of: &'static str, baseline: f64, goal| Ratio { value: through / baseline, of, goal };
    let p99 = Ratio {
        value: of(&turns.hub, |turn| turn.p99_ms),
        of: "ms p99",
        goal: Some(Goal::AtMost { reach: 10.0, aim: 4.0, unit: " ms" }),
    };
    let of_bare = share(
        "of the bare handler",
        rate(&turns.bare),
        Some(Goal::AtLeast { reach: 0.25, aim: 0.45 }),
    );
    let of_unsandboxed = share(
        "of native + plain file",
        rate(&turns.unsandboxed),
        Some(Goal::AtLeast { reach: 0.75, aim: 0.95 }),
    );
    let also = |ratio| Row { ratio: Some(ratio), ..Row::default() };
    Table {
        title: format!(
            "A 2 KB Stripe webhook to a durable 200, {CONNECTIONS} connections (hub bench webhook)"
        ),
        columns: vec!["requests/s", "p50 ms", "p99 ms"],
        rows: vec![
            row("bare handler: body read, 200", &turns.bare, None),
            row("native connector, plain file", &turns.unsandboxed, None),
            row("the hub, whole path", &turns.hub, Some(of_bare)),
            also(of_unsandboxed),
            also(p99),
        ],
        notes: vec![
            "load generator, server and disk share this machine; every delivery has ids of its \
             own and a good signature"
                .to_owned(),
            "the native path has signature, schema, sealed delivery and fdatasync, but no \
             sandbox, dedup, chain, engine or index"
                .to_owned(),
            format!(
                "the hub took {taken} deliveries, each once; engine and index were at most \
                 {behind} events behind at the end of a turn"
            ),
        ],
    }
}
