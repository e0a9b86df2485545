//! The log at some size: filling it, reading it in every way, its space, opening it again.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;

use super::figure::{Baseline, Figure, Goal, median};
use super::load::{BODY_BYTES, Bodies, Target};
use super::plain::PlainFile;
use super::reopen::{reopen, scan};
use super::{BenchError, machine};
use crate::api::{Batch, Dedup, EventLog, NewRecord};
use crate::chain::{GENESIS, body_hash, link};
use crate::options::LogOptions;
use crate::sled_log::SledLog;

/// Events in one batch of the bulk load, and batches in flight.
const BATCH: u64 = 40;
const IN_FLIGHT: usize = 128;

/// Events one contender loads before it is the other's turn.
const PORTION: u64 = 100_000;

/// Point gets in one round.
const GETS: u64 = 20_000;

/// How to measure a log of some size.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where to write; must be on the file system in question. What this makes there
    /// ("bench-store-N", "bench-plain-N") is emptied first and left there.
    pub dir: PathBuf,
    /// How many events of 600 bytes to load; rounded up to a whole batch of 40.
    pub events: u64,
    /// How often contender and baseline take turns reading; the medians count. At least 1.
    pub rounds: usize,
    /// Give every record a dedup key of its own, as deliveries have.
    pub dedup: bool,
}

/// Loads a log and a plain file with the same events, and measures both. Blocks, and must not
/// be called on an async runtime: it starts its own.
pub fn store(options: &StoreOptions) -> Result<Vec<Figure>, BenchError> {
    let events = options.events.max(1).next_multiple_of(BATCH);
    let dir = options.dir.join(format!("bench-store-{events}"));
    let plain_path = options.dir.join(format!("bench-plain-{events}"));
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    if plain_path.exists() {
        fs::remove_file(&plain_path)?;
    }
    let log = Arc::new(SledLog::open(LogOptions::new(&dir))?);
    let bodies = Arc::new(Bodies::new());
    let mut figures = vec![load(options, events, &log, &plain_path, &bodies)?];
    let plain = File::open(&plain_path)?;
    figures.extend([
        scans(options, events, &log, &plain)?,
        gets(options, events, &log, &plain, &bodies)?,
        verifies(options, events, &log, &bodies)?,
    ]);
    log.close();
    drop(log);
    figures.push(space(options, events, &dir)?);
    for cold in [false, true] {
        let reopened = reopen(&dir, cold)?;
        if reopened.events != events {
            let detail = format!("{} events of {events} after reopening", reopened.events);
            return Err(BenchError::Wrong(detail));
        }
        let how = if cold { "cold (files' cache dropped)" } else { "warm" };
        let millions = events as f64 / 1e6;
        let goal = Goal::AtMost { reach: millions.max(1.0), aim: 0.3 * millions.max(1.0) };
        figures.push(Figure {
            name: format!("reopen {how}, {events} events"),
            value: reopened.seconds,
            unit: "s",
            baseline: None,
            goal: Some(goal),
        });
    }
    Ok(figures)
}

/// The batch whose first event is `first`, from 0.
fn batch(bodies: &Bodies, first: u64, dedup: bool) -> Batch {
    let record = |number: u64| {
        let mut record = NewRecord::new(bodies.get(number));
        record.dedup = dedup.then(|| Dedup {
            scope: "bench".into(),
            key: number.to_be_bytes().to_vec(),
            body_hash: [0; 32],
        });
        record
    };
    Batch { records: (first..first + BATCH).map(record).collect(), ..Batch::default() }
}

fn load(
    options: &StoreOptions,
    events: u64,
    log: &Arc<SledLog>,
    plain_path: &Path,
    bodies: &Arc<Bodies>,
) -> Result<Figure, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let plain = PlainFile::create(plain_path)?;
    let (mut plain_s, mut log_s) = (0.0, 0.0);
    for from in (0..events).step_by(usize::try_from(PORTION).unwrap_or(usize::MAX)) {
        let firsts = || (from..events.min(from + PORTION)).step_by(BATCH as usize);
        let start = Instant::now();
        runtime.block_on(async {
            let mut answers = stream::iter(firsts())
                .map(|first| {
                    let mut joined = BytesMut::with_capacity(BODY_BYTES * BATCH as usize);
                    (first..first + BATCH).for_each(|n| joined.extend_from_slice(&bodies.get(n)));
                    plain.append(first, joined.freeze())
                })
                .buffered(IN_FLIGHT);
            while let Some(answer) = answers.next().await {
                answer?;
            }
            Ok::<_, BenchError>(())
        })?;
        plain_s += start.elapsed().as_secs_f64();
        let start = Instant::now();
        runtime.block_on(async {
            let mut answers = stream::iter(firsts())
                .map(|first| log.append(batch(bodies, first, options.dedup)))
                .buffered(IN_FLIGHT);
            while let Some(answer) = answers.next().await {
                answer.map_err(|e| BenchError::append(&e))?;
            }
            Ok::<_, BenchError>(())
        })?;
        log_s += start.elapsed().as_secs_f64();
    }
    if log.last() != events {
        return Err(BenchError::Wrong(format!("{} events of {events}", log.last())));
    }
    Ok(rate(format!("bulk load, {events} events"), events, log_s, "a plain file", plain_s, None))
}

fn scans(
    options: &StoreOptions,
    events: u64,
    log: &SledLog,
    mut plain: &File,
) -> Result<Figure, BenchError> {
    use std::io::Seek;
    let (mut plain_s, mut log_s) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..options.rounds.max(1) {
        let start = Instant::now();
        plain.rewind()?;
        while plain.read(&mut buffer)? > 0 {
            black_box(&buffer);
        }
        plain_s.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        if scan(log)? != events * BODY_BYTES as u64 {
            return Err(BenchError::Wrong("a scan finds another number of bytes".into()));
        }
        log_s.push(start.elapsed().as_secs_f64());
    }
    let what = "reading the plain file";
    let name = format!("full scan, {events} events");
    Ok(rate(name, events, median(log_s), what, median(plain_s), None))
}

fn gets(
    options: &StoreOptions,
    events: u64,
    log: &SledLog,
    plain: &File,
    bodies: &Bodies,
) -> Result<Figure, BenchError> {
    let at = |n: u64| {
        let hash = blake3::hash(&n.to_be_bytes());
        let number = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        number % events
    };
    let (mut plain_us, mut log_us) = (Vec::new(), Vec::new());
    for round in 0..options.rounds.max(1) as u64 {
        let places: Vec<u64> = (round * GETS..(round + 1) * GETS).map(at).collect();
        let each_us = |start: Instant| start.elapsed().as_secs_f64() * 1e6 / GETS as f64;
        let start = Instant::now();
        for place in &places {
            let mut body = [0; BODY_BYTES];
            plain.read_exact_at(&mut body, place * BODY_BYTES as u64)?;
            black_box(Bytes::copy_from_slice(&body));
        }
        plain_us.push(each_us(start));
        let start = Instant::now();
        for place in &places {
            let found = log.get(place + 1)?.map(|record| record.body);
            if found.is_none_or(|body| body != bodies.get(*place)) {
                return Err(BenchError::Wrong(format!("event {} is another", place + 1)));
            }
        }
        log_us.push(each_us(start));
    }
    Ok(Figure {
        name: format!("point get, {events} events"),
        value: median(log_us),
        unit: "us",
        baseline: Some(Baseline { what: "pread of the plain file", value: median(plain_us) }),
        goal: None,
    })
}

fn verifies(
    options: &StoreOptions,
    events: u64,
    log: &SledLog,
    bodies: &Bodies,
) -> Result<Figure, BenchError> {
    let (mut hash_s, mut log_s) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.max(1) {
        let start = Instant::now();
        let last = (1..=events).fold(GENESIS, |before, sequence| {
            link(&before, sequence, 0, None, &body_hash(&bodies.get(sequence)))
        });
        black_box(last);
        hash_s.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        if log.verify(1, &mut |_| ())?.records != events {
            return Err(BenchError::Wrong("verification walks another number of events".into()));
        }
        log_s.push(start.elapsed().as_secs_f64());
    }
    let goal = Some(Goal::AtLeast { reach: 0.5, aim: 0.8 });
    let (what, name) = ("the hashes alone, one thread", format!("verify, {events} events"));
    Ok(rate(name, events, median(log_s), what, median(hash_s), goal))
}

fn space(options: &StoreOptions, events: u64, dir: &Path) -> Result<Figure, BenchError> {
    let with = if options.dedup { "with" } else { "without" };
    Ok(Figure {
        name: format!("space per event, {events} events {with} dedup"),
        value: machine::disk_bytes(dir)? as f64 / events as f64,
        unit: "bytes",
        baseline: Some(Baseline { what: "the payload", value: BODY_BYTES as f64 }),
        goal: Some(Goal::AtMost { reach: 0.8, aim: 0.4 }),
    })
}

fn rate(
    name: String,
    events: u64,
    seconds: f64,
    what: &'static str,
    plain_seconds: f64,
    goal: Option<Goal>,
) -> Figure {
    let events = events as f64;
    let baseline = Some(Baseline { what, value: events / plain_seconds });
    Figure { name, value: events / seconds, unit: "events/s", baseline, goal }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That it measures what it says is checked within; here that it does so at all.
    #[test]
    fn every_figure_is_there_and_is_a_number() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        for dedup in [true, false] {
            let dir = dir.path().into();
            let options = StoreOptions { dir, events: 2_000, rounds: 1, dedup };
            let figures = store(&options).expect("it runs");
            let words = ["bulk", "scan", "point", "verify", "space", "warm", "cold"];
            for word in words {
                let figure = figures.iter().find(|figure| figure.name.contains(word));
                let figure = figure.unwrap_or_else(|| panic!("no figure of {word}"));
                assert!(figure.value.is_finite() && figure.value > 0.0, "{figure}");
            }
            assert_eq!(figures.len(), words.len());
        }
    }
}
