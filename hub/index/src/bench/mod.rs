//! What the index costs and how fast it answers, beside the log itself.
//!
//! Absolute figures depend on the machine and on the hour, so each stands beside what the log
//! alone takes: indexing beside a bare scan, a question beside reading one event by its sequence.

mod ask;
mod synthetic;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use hub_log::{AppendError, Batch, EventLog, LogOptions, NewRecord, OpenError, ReadError, SledLog};

use crate::error::IndexError;
use crate::index::Index;
use crate::options::IndexOptions;
use synthetic::Synthetic;

/// Events appended as one batch.
const BATCH_EVENTS: u64 = 1000;

/// Events read at once by a scan.
const PAGE_RECORDS: usize = 2048;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Where to write; a log and an index are made there, and left there. A log that has enough
    /// events from an earlier run is used as it is.
    pub dir: PathBuf,
    /// How many events.
    pub events: u64,
    /// How often each kind of question is asked.
    pub questions: usize,
}

/// How long a kind of question takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What is asked.
    pub what: &'static str,
    /// Half of them took at most this long, in microseconds.
    pub p50_us: f64,
    /// 99 of 100 took at most this long, in microseconds.
    pub p99_us: f64,
    /// Events found on average.
    pub found: f64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, p50_us, p99_us, found } = self;
        write!(f, "{what:<44} p50 {p50_us:>8.1} us  p99 {p99_us:>8.1} us  found {found:>5.1}")
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How many events there are.
    pub events: u64,
    /// A bare scan of the log, events a second.
    pub scan_per_s: f64,
    /// The same with each record turned into a document, in one thread.
    pub extract_per_s: f64,
    /// Building the index from nothing, its last merges included, events a second.
    pub index_per_s: f64,
    /// Bytes of an event's body on average.
    pub body_bytes: f64,
    /// Bytes on disk of the log, by event.
    pub log_bytes_per_event: f64,
    /// Bytes on disk of the index, by event.
    pub index_bytes_per_event: f64,
    /// Segments at the end.
    pub segments: usize,
    /// Opening the finished index, its checksums included, in milliseconds. Nothing of the log
    /// is read but one record.
    pub open_ms: f64,
    /// Memory of this process that is not of files, in MiB: before the index was built, at most
    /// while it was (looked at once in a while), and after the questions. It has the log's cache
    /// in it. Nothing where the system does not tell.
    pub memory_mib: Option<[f64; 3]>,
    /// How long questions take.
    pub rows: Vec<Row>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events of {:.0} bytes", self.events, self.body_bytes)?;
        writeln!(f, "scan of the log     {:>9.0} events/s", self.scan_per_s)?;
        writeln!(f, "scan and extract    {:>9.0} events/s", self.extract_per_s)?;
        let share = self.index_per_s / self.scan_per_s;
        writeln!(
            f,
            "building the index  {:>9.0} events/s  x{share:.2} of the scan",
            self.index_per_s
        )?;
        writeln!(f, "log on disk         {:>9.1} bytes/event", self.log_bytes_per_event)?;
        let (index, segments) = (self.index_bytes_per_event, self.segments);
        writeln!(f, "index on disk       {index:>9.1} bytes/event in {segments} segments")?;
        writeln!(f, "opening the index   {:>9.1} ms", self.open_ms)?;
        if let Some([before, most, after]) = self.memory_mib {
            writeln!(
                f,
                "memory, log's cache included: {before:.0} MiB before, {most:.0} MiB while"
            )?;
            writeln!(f, "  building, {after:.0} MiB after the questions")?;
        }
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// Why a benchmark gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The log did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log did not take the events.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The machine refused.
    #[error("the benchmark could not go on: {0}")]
    Machine(#[from] std::io::Error),
}

/// Fills a log, builds an index of it, and asks. Blocks, also on a runtime of its own, so not
/// from within one.
pub fn run(options: &BenchOptions) -> Result<Report, BenchError> {
    let log_dir = options.dir.join("log");
    let log: Arc<dyn EventLog> = Arc::new(SledLog::open(LogOptions::new(&log_dir))?);
    fill(&log, options.events)?;
    let events = log.last();
    let mut body_bytes = 0;
    let scan_per_s = rate(events, || scan(&*log, |record| body_bytes += record.body.len()))?;
    let extract_per_s = rate(events, || scan(&*log, |record| drop(synthetic::document(record))))?;

    let before = anonymous_mib();
    let mut most = before;
    let extract = Arc::new(Synthetic);
    let dir = options.dir.join("index");
    let settings = IndexOptions::default();
    let mut told = 0;
    let mut built = None;
    let index_per_s = rate(events, || {
        let progress = &mut |at: u64| {
            if at >= told + 100_000 {
                told = at;
                most = most.zip(anonymous_mib()).map(|(most, now)| most.max(now));
            }
        };
        let log = Arc::clone(&log);
        built = Some(Index::rebuild(&dir, log, extract.clone(), settings.clone(), progress)?);
        Ok(())
    })?;
    drop(built);
    let start = Instant::now();
    let index = Index::open(&dir, Arc::clone(&log), extract, settings)?;
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let usage = index.usage()?;
    let rows = ask::rows(&*log, &index, options.questions)?;
    let each = |bytes: u64| bytes as f64 / events as f64;
    Ok(Report {
        events,
        scan_per_s,
        extract_per_s,
        index_per_s,
        body_bytes: each(body_bytes as u64),
        log_bytes_per_event: each(bytes_in(&log_dir)?),
        index_bytes_per_event: each(usage.disk_bytes),
        segments: usage.segments,
        open_ms,
        memory_mib: before.zip(most).zip(anonymous_mib()).map(|((b, m), a)| [b, m, a]),
        rows,
    })
}

fn fill(log: &Arc<dyn EventLog>, events: u64) -> Result<(), BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    while log.last() < events {
        let first = log.last() + 1;
        let end = (first + BATCH_EVENTS).min(events + 1);
        let records = (first..end).map(|n| NewRecord::new(synthetic::body(n))).collect();
        runtime.block_on(log.append(Batch { records, ..Batch::default() }))?;
    }
    Ok(())
}

fn rate(events: u64, work: impl FnOnce() -> Result<(), BenchError>) -> Result<f64, BenchError> {
    let start = Instant::now();
    work()?;
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

fn scan(log: &dyn EventLog, mut each: impl FnMut(&hub_log::Record)) -> Result<(), BenchError> {
    let mut at = 1;
    loop {
        let records = log.read(at, PAGE_RECORDS)?;
        let Some(last) = records.last() else { return Ok(()) };
        at = last.sequence + 1;
        records.iter().for_each(&mut each);
    }
}

fn bytes_in(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { bytes_in(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

/// Resident memory that is not of mapped files.
fn anonymous_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
