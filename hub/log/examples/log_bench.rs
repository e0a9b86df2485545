//! Prints what the log costs beside its baselines.
//!
//! ```text
//! cargo run --release -p hub-log --example log_bench -- DIR appends [SECONDS_PER_TURN [WRITERS,…]]
//! cargo run --release -p hub-log --example log_bench -- DIR store [EVENTS,…]
//! cargo run --release -p hub-log --example log_bench -- DIR reopen warm|cold
//! ```
//!
//! `store` fills DIR/bench-store-EVENTS; `reopen` opens such a directory in this fresh process,
//! which is what its memory figures need.

use std::path::PathBuf;
use std::time::Duration;

use hub_log::bench::{BenchOptions, StoreOptions, reopen, run, store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().ok_or("give a directory on the disk to measure")?);
    let what = args.next().unwrap_or_else(|| "appends".into());
    match what.as_str() {
        "appends" => {
            let seconds: f64 = args.next().map_or(Ok(2.0), |seconds| seconds.parse())?;
            let writers = numbers(args.next().as_deref().unwrap_or("1,64,1024"))?;
            let turn = Duration::from_secs_f64(seconds);
            std::fs::create_dir_all(&dir)?;
            for row in run(&BenchOptions { dir, writers, rounds: 5, turn, dedup: true })? {
                println!("{row}");
            }
        }
        "store" => {
            std::fs::create_dir_all(&dir)?;
            for events in numbers(args.next().as_deref().unwrap_or("1000000"))? {
                let options = StoreOptions {
                    dir: dir.clone(),
                    events: events as u64,
                    rounds: 3,
                    dedup: true,
                };
                for figure in store(&options)? {
                    println!("{figure}");
                }
            }
        }
        "reopen" => {
            let cold = args.next().is_some_and(|word| word == "cold");
            println!("{}", reopen(&dir, cold)?);
        }
        other => return Err(format!("{other} is none of appends, store, reopen").into()),
    }
    Ok(())
}

fn numbers(list: &str) -> Result<Vec<usize>, std::num::ParseIntError> {
    list.split(',').map(str::parse).collect()
}
