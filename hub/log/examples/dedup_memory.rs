//! Appends records with dedup keys, and prints what the index takes and how long appends wait.
//!
//! `cargo run --release -p hub-log --example dedup_memory -- DIR [MILLIONS]`

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use hub_log::{Batch, Dedup, EventLog, LogOptions, NewRecord, SledLog};

fn nth(n: u64) -> NewRecord {
    let dedup = Dedup { scope: "psp".into(), key: n.to_be_bytes().to_vec(), body_hash: [0; 32] };
    NewRecord::with_dedup(format!("{{\"event\":{n:0>100}}}"), dedup)
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give a directory")?;
    let millions: u64 = args.next().map_or(Ok(10), |millions| millions.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let mut log = SledLog::open(LogOptions::new(&dir))?;
    let mut next = log.last();
    for million in 1..=millions {
        let (start, mut slowest) = (Instant::now(), Duration::ZERO);
        while next < million * 1_000_000 {
            let wave = Instant::now();
            // 64 batches of four at once.
            let batches = (0..64).map(|batch| {
                let records = (0..4).map(|part| nth(next + batch * 4 + part)).collect();
                log.append(Batch { records, ..Batch::default() })
            });
            runtime.block_on(try_join_all(batches))?;
            slowest = slowest.max(wave.elapsed());
            next += 256;
        }
        let (stats, took) = (log.stats(), start.elapsed());
        println!(
            "{million:>3} M: {:>7.0} records/s, slowest group {slowest:>6.1?}, {} keys in {:.1} MB, \
             {} MB resident, {} MB on disk",
            1e6 / took.as_secs_f64(),
            stats.dedup_keys,
            stats.dedup_memory_bytes as f64 / 1e6,
            resident_mb(),
            stats.disk_bytes / 1_000_000,
        );
    }
    let start = Instant::now();
    log.close();
    println!("closed in {:.2?}", start.elapsed());
    log = SledLog::open(LogOptions::new(&dir))?;
    println!("{:?}, {} MB resident", log.opened(), resident_mb());
    let start = Instant::now();
    for n in 0..1_000 {
        let records = vec![nth(n * (next / 1_000))];
        let done = runtime.block_on(log.append(Batch { records, ..Batch::default() }))?;
        assert!(!done.written, "key {n} is not known");
    }
    println!("1,000 duplicates, one by one, all over the index, in {:.2?}", start.elapsed());
    Ok(())
}
