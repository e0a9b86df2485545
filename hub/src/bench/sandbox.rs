//! One delivery to one canonical event: the bundled connector in its sandbox, against the same
//! code native. A fresh instance serves each call, as in the hub.
use super::deliveries::{CONNECTION, SIGNATURE, Signed};
use super::figure::{Goal, Ratio, Row, Table};
use super::{BenchError, Options, ROUNDS, median, native};
use crate::clock;
use crate::plugins;
use hub_sandbox::types::{Context, Delivery, Header, Outcome, Step};
use hub_sandbox::{Connector, Entry, Input};
use std::path::Path;
use std::time::{Duration, Instant};

/// Deliveries that are used over and over: more than the processor's nearest caches hold.
const DELIVERIES: usize = 512;
/// How many threads call at once.
const THREADS: [usize; 2] = [1, 2];

/// One delivery's way, with the parts that are measured.
struct Case {
    context: Context,
    delivery: Delivery,
    /// The same, as a call takes it.
    input: Input,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    /// The event alone: what is called normalisation.
    Receive,
    /// Everything that the hub asks of the connector for one webhook: two calls.
    Both,
}

type Call<'a> = &'a (dyn Fn(&Case, Work) -> Result<(), BenchError> + Sync);

pub(super) fn run(options: &Options) -> Result<Table, BenchError> {
    let sandbox = plugins::sandbox(None)?;
    let (connector, _) = plugins::load(&sandbox, "stripe", Path::new("."))?;
    let cases: Vec<Case> = (0..DELIVERIES).map(|_| case()).collect();
    check_the_same(&connector, &cases[0])?;
    let contenders: [(&str, Call<'_>); 2] =
        [("native", &native_call), ("sandbox", &|case, work| hosted_call(&connector, case, work))];
    let mut rows = Vec::new();
    for work in [Work::Receive, Work::Both] {
        for threads in THREADS {
            let mut rates: [Vec<f64>; 2] = Default::default();
            for _ in 0..ROUNDS {
                for (contender, rates) in contenders.iter().zip(&mut rates) {
                    rates.push(turn(contender, &cases, work, threads, options.turn())?);
                }
            }
            let rates = rates.map(median);
            for ((what, _), rate) in contenders.iter().zip(rates) {
                rows.push(row(what, work, threads, rate, rates[0]));
            }
        }
    }
    Ok(Table {
        title: "A 2 KB Stripe webhook to one canonical event (hub bench sandbox)".to_owned(),
        columns: vec!["deliveries/s", "us each"],
        rows,
        notes: vec![
            "receive: one call, one fresh instance; with authenticate: two of each. The native \
             code copies its input as the sandbox must"
                .to_owned(),
            "the signature itself is computed by neither: the hub does that".to_owned(),
        ],
    })
}

fn row(what: &str, work: Work, threads: usize, rate: f64, native: f64) -> Row {
    let calls = match work {
        Work::Receive => "receive",
        Work::Both => "authenticate + receive",
    };
    let plural = if threads == 1 { "thread" } else { "threads" };
    let ratio = match threads {
        1 => Ratio {
            value: native / rate,
            of: "x the native time",
            goal: Some(Goal::AtMost { reach: 2.0, aim: 1.5, unit: "" }),
        },
        _ => Ratio {
            value: rate / native,
            of: "of the native rate",
            goal: Some(Goal::AtLeast { reach: 0.6, aim: 0.75 }),
        },
    };
    Row {
        what: format!("{what}, {calls}, {threads} {plural}"),
        cells: vec![format!("{rate:.0}"), format!("{:.1}", threads as f64 * 1e6 / rate)],
        ratio: (what != "native").then_some(ratio),
    }
}

fn case() -> Case {
    let now_ms = clock::now_ms();
    let Signed { body, signature } = Signed::new(now_ms / 1000);
    let header = |(name, value): (&str, &str)| Header {
        name: name.to_owned(),
        value: value.as_bytes().to_vec(),
    };
    let headers = [
        ("host", "hub"),
        ("user-agent", "Stripe/1.0"),
        ("accept", "*/*"),
        ("content-type", "application/json; charset=utf-8"),
        (SIGNATURE, &signature),
        ("content-length", "2048"),
    ];
    let delivery = Delivery {
        method: "POST".to_owned(),
        path: String::new(),
        headers: headers.map(header).to_vec(),
        body: body.into_bytes(),
    };
    let context = Context {
        connection: CONNECTION.to_owned(),
        settings: "{}".to_owned(),
        now_ms,
        nonce: rand::random::<[u8; 16]>().to_vec(),
        live: false,
    };
    Case { context, input: Input::Delivery(delivery.clone()), delivery }
}

fn native_call(case: &Case, work: Work) -> Result<(), BenchError> {
    if work == Work::Both {
        native::authenticate(&case.context, &case.delivery)?;
    }
    native::receive(&case.context, &case.delivery).map(drop)
}

fn hosted_call(connector: &Connector, case: &Case, work: Work) -> Result<(), BenchError> {
    if work == Work::Both {
        connector.authenticate(&case.context, &case.delivery).map_err(wrong)?;
    }
    hosted(connector, case).map(drop)
}

fn hosted(connector: &Connector, case: &Case) -> Result<Outcome, BenchError> {
    match connector.call(Entry::WEBHOOK_RECEIVE, &case.context, &case.input, &[]).map_err(wrong)? {
        Step::Done(outcome) => Ok(outcome),
        other => Err(wrong(format!("its step is {other:?}"))),
    }
}

fn wrong(detail: impl ToString) -> BenchError {
    BenchError::Wrong { what: "the sandboxed connector", detail: detail.to_string() }
}

/// Both give the same checks and the same event, or their times cannot be compared.
fn check_the_same(connector: &Connector, case: &Case) -> Result<(), BenchError> {
    let checks = connector.authenticate(&case.context, &case.delivery).map_err(wrong)?;
    let native_checks = native::authenticate(&case.context, &case.delivery)?;
    let events = hosted(connector, case)?.events;
    let native_events = native::receive(&case.context, &case.delivery)?;
    if checks.len() != 1 || events.len() != 1 {
        return Err(wrong(format!("{} checks and {} events", checks.len(), events.len())));
    }
    if checks != native_checks || events != native_events {
        return Err(wrong(format!("it gives {events:?}, and the native code {native_events:?}")));
    }
    Ok(())
}

/// Deliveries a second, over all threads.
fn turn(
    (what, call): &(&str, Call<'_>),
    cases: &[Case],
    work: Work,
    threads: usize,
    time: Duration,
) -> Result<f64, BenchError> {
    let begin = Instant::now();
    let end = begin + time;
    let one_thread = |thread: usize| -> Result<u64, BenchError> {
        let mut done = 0;
        for case in cases.iter().cycle().skip(thread * cases.len() / threads) {
            call(case, work)?;
            done += 1;
            if Instant::now() >= end {
                break;
            }
        }
        Ok(done)
    };
    let done = std::thread::scope(|scope| {
        let one_thread = &one_thread;
        // With a name, so that a profiler tells them apart.
        let spawn = |thread| {
            let named = std::thread::Builder::new().name(format!("bench-{what}"));
            named
                .spawn_scoped(scope, move || one_thread(thread))
                .expect("the machine has a thread to spare")
        };
        let threads: Vec<_> = (0..threads).map(spawn).collect();
        let joined = threads.into_iter().map(|t| t.join().expect("a caller does not panic"));
        joined.sum::<Result<u64, _>>()
    })?;
    Ok(done as f64 / begin.elapsed().as_secs_f64())
}
