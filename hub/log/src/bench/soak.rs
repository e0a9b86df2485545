//! Memory and space of a log that grows: both should level off, or grow as the payload does.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::load::{BODY_BYTES, Bodies};
use super::{BenchError, machine};
use crate::api::{Batch, Dedup, EventLog, NewRecord};
use crate::options::LogOptions;
use crate::sled_log::SledLog;

const IN_FLIGHT: usize = 256;

/// A raw delivery: one for every so many events.
const BLOB_BYTES: usize = 2_048;
const EVENTS_A_BLOB: u64 = 4;

/// How to soak a log.
#[derive(Debug, Clone)]
pub struct SoakOptions {
    /// An empty directory, or one with a log to go on with.
    pub dir: PathBuf,
    /// How many events to append: 600 bytes and a dedup key each, and a blob of 2 KiB every
    /// fourth.
    pub events: u64,
    /// A step is reported after so many. At least 1.
    pub report_every: u64,
}

/// How things stand after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoakStep {
    /// Events in the log.
    pub events: u64,
    /// Of this step.
    pub appends_per_s: f64,
    /// Resident memory of the process, in bytes; none where the machine does not say.
    pub resident_bytes: Option<u64>,
    /// Blocks the log's files take.
    pub disk_bytes: u64,
    /// Bytes of the bodies and blobs appended by this soak.
    pub payload_bytes: u64,
    /// Events the follower has seen, and reads of single events and pages so far.
    pub followed: u64,
    /// See `followed`.
    pub reads: u64,
}

impl fmt::Display for SoakStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let resident = self.resident_bytes.map_or(f64::NAN, mb);
        let Self { events, appends_per_s, followed, reads, .. } = self;
        let (disk, payload) = (mb(self.disk_bytes), mb(self.payload_bytes));
        let share = disk / payload;
        write!(
            f,
            "{events:>10} events  {appends_per_s:>8.0}/s  {resident:>6.0} MB resident  \
             {disk:>7.0} MB on disk, x{share:.2} of the payload  followed {followed}, {reads} reads"
        )
    }
}

/// Appends, while one follower sees every event and one reader asks for random old ones and
/// pages of the newest. `report` gets each step as it ends. Blocks, and must not be called on
/// an async runtime: it starts its own.
pub fn soak(
    options: &SoakOptions,
    report: &mut dyn FnMut(&SoakStep),
) -> Result<Vec<SoakStep>, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let log = Arc::new(SledLog::open(LogOptions::new(&options.dir))?);
    let before = log.last();
    let (followed, reads) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let readers = [
        runtime.spawn(follow(log.clone(), before, followed.clone())),
        runtime.spawn(look_around(log.clone(), reads.clone())),
    ];
    let bodies = Bodies::new();
    let mut steps = Vec::new();
    let (end, mut from) = (before + options.events, before);
    while from < end {
        let to = end.min(from + options.report_every.max(1));
        let start = Instant::now();
        runtime.block_on(append(&log, &bodies, from..to))?;
        let appended = to - before;
        let step = SoakStep {
            events: log.last(),
            appends_per_s: (to - from) as f64 / start.elapsed().as_secs_f64(),
            resident_bytes: machine::resident_bytes(),
            disk_bytes: machine::disk_bytes(&options.dir)?,
            payload_bytes: appended * BODY_BYTES as u64
                + appended / EVENTS_A_BLOB * BLOB_BYTES as u64,
            followed: followed.load(Ordering::Relaxed),
            reads: reads.load(Ordering::Relaxed),
        };
        report(&step);
        steps.push(step);
        from = to;
    }
    log.close();
    for reader in readers {
        runtime.block_on(reader).map_err(|e| BenchError::Wrong(e.to_string()))??;
    }
    Ok(steps)
}

async fn append(
    log: &SledLog,
    bodies: &Bodies,
    numbers: std::ops::Range<u64>,
) -> Result<(), BenchError> {
    let mut answers = stream::iter(numbers)
        .map(|number| {
            let (scope, key) = ("soak".into(), number.to_be_bytes().to_vec());
            let dedup = Dedup { scope, key, body_hash: [0; 32] };
            let records = vec![NewRecord::with_dedup(bodies.get(number), dedup)];
            let blob = number.is_multiple_of(EVENTS_A_BLOB).then(|| blob(bodies, number));
            log.append(Batch { records, blob, ..Batch::default() })
        })
        .buffered(IN_FLIGHT);
    while let Some(answer) = answers.next().await {
        answer.map_err(|e| BenchError::append(&e))?;
    }
    Ok(())
}

/// Some bodies in a row, as raw deliveries repeat themselves less than events do.
fn blob(bodies: &Bodies, number: u64) -> Bytes {
    let mut blob = Vec::with_capacity(BLOB_BYTES + BODY_BYTES);
    for next in (number..).take(BLOB_BYTES.div_ceil(BODY_BYTES)) {
        blob.extend_from_slice(&bodies.get(next.wrapping_mul(31)));
    }
    blob.truncate(BLOB_BYTES);
    blob.into()
}

async fn follow(log: Arc<SledLog>, after: u64, followed: Arc<AtomicU64>) -> Result<(), BenchError> {
    let mut follower = log.follow(after);
    drop(log);
    loop {
        match follower.next_batch(1_000).await {
            Ok(records) => followed.fetch_add(records.len() as u64, Ordering::Relaxed),
            Err(crate::ReadError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
    }
}

async fn look_around(log: Arc<SledLog>, reads: Arc<AtomicU64>) -> Result<(), BenchError> {
    let mut state = 1_u64;
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        // A multiplicative generator: which events it asks for only needs to be scattered.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = 1 + (state >> 16) % log.last().max(1);
        let seen = log.get(at).and_then(|_| log.read_back(log.last(), 20));
        match seen {
            Ok(_) => reads.fetch_add(2, Ordering::Relaxed),
            Err(crate::ReadError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
    }
}
