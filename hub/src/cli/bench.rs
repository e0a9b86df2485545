//! `hub bench`
use super::{Failure, args::BenchArgs, args::BenchWhat};
use crate::bench::{self, BenchError, Options, Table};
use std::process::ExitCode;
use std::time::Duration;

/// Measures, and prints ratios against a baseline in the same run.
pub fn run(args: &BenchArgs) -> Result<ExitCode, Failure> {
    if args.seconds == 0 {
        return Err("--seconds is at least 1".into());
    }
    // What is written is worth nothing afterwards: a directory of its own that goes away, on the
    // disk that is asked for.
    let dir = match &args.dir {
        Some(dir) => std::fs::create_dir_all(dir)
            .and_then(|()| tempfile::tempdir_in(dir))
            .map_err(|e| format!("--dir {}: {e}", dir.display()))?,
        None => tempfile::tempdir().map_err(|e| format!("a temporary directory: {e}"))?,
    };
    println!(
        "{} processors; medians of interleaved turns, {} s for each contender; files in {}\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        args.seconds,
        args.dir.clone().unwrap_or_else(std::env::temp_dir).display()
    );
    let time = Duration::from_secs(args.seconds);
    let events = match (&args.events[..], args.what) {
        ([], BenchWhat::Log) => vec![1_000_000, 10_000_000],
        ([], _) => vec![1_000_000],
        (given, _) => given.to_vec(),
    };
    for (what, measure) in MEASUREMENTS {
        if !matches!(args.what, BenchWhat::All) && args.what != what {
            continue;
        }
        let options = Options { dir: dir.path().to_owned(), time, events: events.clone() };
        for table in on_own_thread(measure, options)? {
            println!("{table}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

type Measure = fn(&Options) -> Result<Vec<Table>, BenchError>;

const MEASUREMENTS: [(BenchWhat, Measure); 3] = [
    (BenchWhat::Log, bench::log),
    (BenchWhat::Sandbox, |options| Ok(vec![bench::sandbox(options)?])),
    (BenchWhat::Webhook, |options| Ok(vec![bench::webhook(options)?])),
];

/// Measurements start async runtimes of their own, which this thread, being in one, must not.
fn on_own_thread(measure: Measure, options: Options) -> Result<Vec<Table>, Failure> {
    let measured = std::thread::spawn(move || measure(&options)).join();
    Ok(measured.map_err(|_| "the measurement panicked; what it said is above")??)
}
