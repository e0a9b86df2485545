//! Prints durable appends per second of the log beside a plain file's.
//!
//! `cargo run --release -p hub-log --example log_bench -- DIR [SECONDS_PER_TURN [dedup]]`

use std::time::Duration;

use hub_log::bench::{BenchOptions, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give a directory on the disk to measure")?;
    let seconds: f64 = args.next().map_or(Ok(2.0), |seconds| seconds.parse())?;
    let dedup = args.next().is_some_and(|word| word == "dedup");
    std::fs::create_dir_all(&dir)?;
    let rows = run(&BenchOptions {
        dir: dir.into(),
        writers: vec![1, 64, 512],
        rounds: 7,
        turn: Duration::from_secs_f64(seconds),
        dedup,
    })?;
    for row in rows {
        println!("{row}");
    }
    Ok(())
}
