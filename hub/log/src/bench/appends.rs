//! Durable appends, against the same group commit over a plain file.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::BenchError;
use super::figure::median;
use super::load::{self, Bodies, Measured, Target};
use super::plain::PlainFile;
use crate::api::{Batch, Dedup, EventLog, NewRecord};
use crate::options::LogOptions;
use crate::sled_log::SledLog;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Where to write; must be on the file system in question. Two new entries are made there,
    /// and left there.
    pub dir: PathBuf,
    /// Numbers of concurrent writers to try.
    pub writers: Vec<usize>,
    /// How often the contenders take turns; the medians count. At least 1.
    pub rounds: usize,
    /// Length of one turn.
    pub turn: Duration,
    /// Give every record a dedup key of its own, as deliveries have.
    pub dedup: bool,
}

/// One contender with one number of writers.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// "plain file" or "log".
    pub what: &'static str,
    /// How many append at the same time, each waiting for its answer.
    pub writers: usize,
    /// Durable appends a second.
    pub appends_per_s: f64,
    /// Half of the appends took at most this long, in microseconds.
    pub p50_us: f64,
    /// 99 of 100 took at most this long, in microseconds.
    pub p99_us: f64,
    /// Processor time of the whole process for one append, the load included, in microseconds.
    pub cpu_us: f64,
    /// Its rate as a share of the plain file's.
    pub rate_ratio: f64,
    /// Its p50 as a multiple of the plain file's.
    pub p50_ratio: f64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, writers, appends_per_s, p50_us, p99_us, cpu_us, rate_ratio, p50_ratio } =
            self;
        write!(
            f,
            "{what:<10} {writers:>5} writers {appends_per_s:>9.0}/s  p50 {p50_us:>7.0} us  \
             p99 {p99_us:>7.0} us  cpu {cpu_us:>5.1} us  rate x{rate_ratio:.2}  p50 x{p50_ratio:.2}"
        )
    }
}

/// Runs the benchmark; two rows for each number of writers. Blocks, and must not be called on
/// an async runtime: it starts its own.
pub fn run(options: &BenchOptions) -> Result<Vec<Row>, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let bodies = Arc::new(Bodies::new());
    let log_dir = options.dir.join("bench-log");
    let log: Arc<dyn EventLog> = Arc::new(SledLog::open(LogOptions::new(log_dir))?);
    let plain: Arc<dyn Target> = Arc::new(PlainFile::create(&options.dir.join("bench-plain"))?);
    let logged: Arc<dyn Target> = Arc::new(Logged { log: log.clone(), dedup: options.dedup });
    let mut rows = Vec::new();
    for &writers in &options.writers {
        let mut turns: [Vec<Measured>; 2] = Default::default();
        for _ in 0..options.rounds.max(1) {
            for (target, turns) in [&plain, &logged].into_iter().zip(&mut turns) {
                let turn = load::run(target.clone(), bodies.clone(), writers, options.turn);
                turns.push(runtime.block_on(turn)?);
            }
        }
        let [plain, logged] = turns.map(medians);
        let row = |what, measured: &Measured| Row {
            what,
            writers,
            appends_per_s: measured.appends_per_s,
            p50_us: measured.p50_us,
            p99_us: measured.p99_us,
            cpu_us: measured.cpu_us,
            rate_ratio: measured.appends_per_s / plain.appends_per_s,
            p50_ratio: measured.p50_us / plain.p50_us,
        };
        rows.extend([row("plain file", &plain), row("log", &logged)]);
    }
    log.close();
    Ok(rows)
}

/// Each figure's own median over the turns.
fn medians(turns: Vec<Measured>) -> Measured {
    let of = |figure: fn(&Measured) -> f64| median(turns.iter().map(figure).collect());
    Measured {
        appends_per_s: of(|m| m.appends_per_s),
        p50_us: of(|m| m.p50_us),
        p99_us: of(|m| m.p99_us),
        cpu_us: of(|m| m.cpu_us),
    }
}

/// The log, as the load sees it.
struct Logged {
    log: Arc<dyn EventLog>,
    dedup: bool,
}

impl Target for Logged {
    fn append(&self, number: u64, body: bytes::Bytes) -> load::Answer {
        let mut record = NewRecord::new(body);
        if self.dedup {
            let (scope, key) = ("bench".into(), number.to_be_bytes().to_vec());
            record.dedup = Some(Dedup { scope, key, body_hash: [0; 32] });
        }
        let answer = self.log.append(Batch { records: vec![record], ..Batch::default() });
        Box::pin(async move {
            let done = answer.await;
            done.map(drop).map_err(|e| BenchError::Append { what: "log", detail: e.to_string() })
        })
    }
}
