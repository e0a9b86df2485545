//! The event log: appends, reading, space, reopening and questions, each beside its baseline and
//! with what is to be reached. The measuring is the log's and the index's own.
use super::figure::{Goal, Ratio, Row, Table};
use super::{BenchError, Options, ROUNDS};
use hub_log::bench::{self, BenchOptions, Figure, StoreOptions};

const WRITERS: [usize; 3] = [1, 64, 1_024];
/// Rounds of what takes long.
const READ_ROUNDS: usize = 3;
const QUESTIONS: usize = 500;

pub(super) fn run(options: &Options) -> Result<Vec<Table>, BenchError> {
    let mut tables = vec![appends(options)?];
    for events in &options.events {
        tables.push(store(options, *events)?);
    }
    if let Some(events) = options.events.first() {
        tables.push(index(options, *events)?);
    }
    Ok(tables)
}

fn appends(options: &Options) -> Result<Table, BenchError> {
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
        rows: measured.iter().map(append_row).collect(),
        notes: vec![
            "plain file: write + fdatasync, the same queue and group commit; the log also \
             deduplicates and chains"
                .to_owned(),
        ],
    })
}

fn append_row(measured: &bench::Row) -> Row {
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

fn store(options: &Options, events: u64) -> Result<Table, BenchError> {
    let measured = bench::store(&StoreOptions {
        dir: options.dir.clone(),
        events,
        rounds: READ_ROUNDS,
        dedup: true,
    })?;
    Ok(Table {
        title: format!("A log of {events} events of 600 bytes"),
        columns: vec!["measured", "", "baseline"],
        rows: measured.iter().map(figure_row).collect(),
        notes: vec!["cold: its files were dropped from the page cache before".to_owned()],
    })
}

fn figure_row(figure: &Figure) -> Row {
    let digits =
        |value: f64| if value < 1_000.0 { format!("{value:.2}") } else { format!("{value:.0}") };
    let baseline = figure.baseline.map(|b| format!("{} ({})", digits(b.value), b.what));
    let goal = figure.goal.map(|goal| match goal {
        bench::Goal::AtLeast { reach, aim } => Goal::AtLeast { reach, aim },
        bench::Goal::AtMost { reach, aim } => Goal::AtMost { reach, aim, unit: "" },
    });
    let ratio = match figure.ratio() {
        Some(value) => Some(Ratio { value, of: "x the baseline", goal }),
        None => goal.map(|goal| Ratio { value: figure.value, of: figure.unit, goal: Some(goal) }),
    };
    Row {
        what: figure.name.clone(),
        cells: vec![digits(figure.value), figure.unit.to_owned(), baseline.unwrap_or_default()],
        ratio,
    }
}

fn index(options: &Options, events: u64) -> Result<Table, BenchError> {
    let dir = options.dir.join("index");
    let report = hub_index::bench::run(&hub_index::bench::BenchOptions {
        dir,
        events,
        questions: QUESTIONS,
    })?;
    let point_get = report.rows.first().map_or(f64::NAN, |row| row.p50_us);
    let rows = report.rows.iter().enumerate().map(|(at, row)| Row {
        what: row.what.to_owned(),
        cells: vec![format!("{:.0}", row.p50_us), format!("{:.0}", row.p99_us)],
        ratio: (at > 0).then_some(Ratio {
            value: row.p50_us / point_get,
            of: "x a point get",
            goal: None,
        }),
    });
    let mut notes = vec![
        format!(
            "{:.0} events/s while building, {:.2} of a bare scan; {:.0} bytes an event on disk, \
             beside {:.0} of the log; opened in {:.0} ms",
            report.index_per_s,
            report.index_per_s / report.scan_per_s,
            report.index_bytes_per_event,
            report.log_bytes_per_event,
            report.open_ms
        ),
        "a question for 50 events gives their places; reading them comes on top".to_owned(),
    ];
    if let Some([before, most, after]) = report.memory_mib {
        notes.push(format!(
            "memory: {before:.0} MiB before, {most:.0} while building, {after:.0} after"
        ));
    }
    Ok(Table {
        title: format!("Questions to the index of {events} events"),
        columns: vec!["p50 us", "p99 us"],
        rows: rows.collect(),
        notes,
    })
}
