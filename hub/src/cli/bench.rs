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
    for (what, measure) in MEASUREMENTS {
        if !matches!(args.what, BenchWhat::All) && args.what != what {
            continue;
        }
        let options = Options { dir: dir.path().to_owned(), time };
        println!("{}", on_own_thread(measure, options)?);
    }
    Ok(ExitCode::SUCCESS)
}

type Measure = fn(&Options) -> Result<Table, BenchError>;

const MEASUREMENTS: [(BenchWhat, Measure); 3] = [
    (BenchWhat::Log, bench::log),
    (BenchWhat::Sandbox, bench::sandbox),
    (BenchWhat::Webhook, bench::webhook),
];

/// Measurements start async runtimes of their own, which this thread, being in one, must not.
fn on_own_thread(measure: Measure, options: Options) -> Result<Table, Failure> {
    let measured = std::thread::spawn(move || measure(&options)).join();
    Ok(measured.map_err(|_| "the measurement panicked; what it said is above")??)
}
