//! Durable appends: the log's own benchmark, with what is to be reached.
use super::figure::{Goal, Ratio, Row, Table};
use super::{BenchError, Options, ROUNDS};
use hub_log::bench::{self, BenchOptions};

const WRITERS: [usize; 3] = [1, 64, 512];

pub(super) fn run(options: &Options) -> Result<Table, BenchError> {
    let measured = bench::run(&BenchOptions {
        dir: options.dir.clone(),
        writers: WRITERS.to_vec(),
        rounds: ROUNDS as usize,
        turn: options.turn(),
        dedup: true,
    })?;
    Ok(Table {
        title: "Durable appends of 600 bytes (hub bench log)".to_owned(),
        columns: vec!["appends/s", "p50 us", "p99 us"],
        rows: measured.iter().map(row).collect(),
        notes: vec![
            "plain file: write + fdatasync, the same queue and group commit; the log also \
             deduplicates and chains"
                .to_owned(),
        ],
    })
}

fn row(measured: &bench::Row) -> Row {
    let cells = [measured.appends_per_s, measured.p50_us, measured.p99_us];
    let ratio = match measured.writers {
        1 => Ratio {
            value: measured.p50_ratio,
            of: "x the plain p50",
            goal: Some(Goal::AtMost { reach: 1.6, aim: 1.2, unit: "" }),
        },
        writers => Ratio {
            value: measured.rate_ratio,
            of: "of the plain rate",
            goal: Some(match writers {
                64 => Goal::AtLeast { reach: 0.65, aim: 0.9 },
                _ => Goal::AtLeast { reach: 0.7, aim: 1.0 },
            }),
        },
    };
    Row {
        what: format!("{}, {} {}", measured.what, measured.writers, writers(measured.writers)),
        cells: cells.iter().map(|figure| format!("{figure:.0}")).collect(),
        ratio: (measured.what != "plain file").then_some(ratio),
    }
}

fn writers(count: usize) -> &'static str {
    if count == 1 { "writer" } else { "writers" }
}
