//! Prints what the index costs and how fast it answers, beside the log itself.
//!
//! `cargo run --release -p hub-index --example index_bench -- DIR [EVENTS [QUESTIONS]]`

use hub_index::bench::{BenchOptions, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give a directory on the disk to measure")?;
    let events = args.next().map_or(Ok(1_000_000), |events| events.parse())?;
    let questions = args.next().map_or(Ok(1_000), |questions| questions.parse())?;
    std::fs::create_dir_all(&dir)?;
    print!("{}", run(&BenchOptions { dir: dir.into(), events, questions })?);
    Ok(())
}
