//! The load: many writers, each with one append in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};

use super::{BenchError, machine};

/// Every append of a process has its own number, over all turns.
static NUMBER: AtomicU64 = AtomicU64::new(1);

pub(super) type Answer = BoxFuture<'static, Result<(), BenchError>>;

/// What is being measured.
pub(super) trait Target: Send + Sync + 'static {
    /// Appends; ready once durable.
    fn append(&self, number: u64, body: Bytes) -> Answer;
}

/// What one turn gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub(super) appends_per_s: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) cpu_us: f64,
}

/// Bodies of 600 bytes that look like events: mostly the same words, each with its own ids.
pub(super) struct Bodies(Vec<Bytes>);

impl Bodies {
    pub(super) fn new() -> Self {
        Self((0..4_096).map(body).collect())
    }

    pub(super) fn get(&self, number: u64) -> Bytes {
        let at = number % self.0.len() as u64;
        self.0[usize::try_from(at).expect("below the number of bodies")].clone()
    }
}

/// Length of each of [`Bodies`].
pub(super) const BODY_BYTES: usize = 600;

fn body(number: u32) -> Bytes {
    let id = blake3::hash(&number.to_be_bytes()).to_hex();
    let (event, client, delivery) = (&id[..32], &id[32..44], &id[44..64]);
    let mut body = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"evt_{event}\",\"source\":\"connection/psp-eu\",\
         \"type\":\"payment.deposit.settled\",\"subject\":\"client/{client}\",\
         \"time\":\"2026-01-02T03:04:{:02}.{:06}Z\",\"entity\":\"acme-eu\",\
         \"connection\":\"psp-eu\",\"deliveryid\":\"dlv_{delivery}\",\
         \"correlationid\":\"pay_{client}\",\"datacontenttype\":\"application/json\",\
         \"data\":{{\"payment\":\"pay_{client}\",\"amount\":{{\"amount\":\"{}.{:02}\",\
         \"currency\":\"EUR\"}},\"method\":\"card\",\"status\":\"settled\",\"note\":\"",
        number % 60,
        number * 97 % 1_000_000,
        number * 31 % 5_000,
        number % 100,
    );
    while body.len() < BODY_BYTES - 3 {
        body.push('.');
    }
    body.push_str("\"}}");
    Bytes::from(body)
}

/// One turn.
pub(super) async fn run(
    target: Arc<dyn Target>,
    bodies: Arc<Bodies>,
    writers: usize,
    turn: Duration,
) -> Result<Measured, BenchError> {
    let (start, cpu) = (Instant::now(), machine::cpu_time());
    let writer = |_| {
        let (target, bodies) = (target.clone(), bodies.clone());
        let write = async move {
            let mut took_us = Vec::new();
            while start.elapsed() < turn {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let asked = Instant::now();
                target.append(number, bodies.get(number)).await?;
                took_us.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            Ok::<_, BenchError>(took_us)
        };
        let task = tokio::spawn(write);
        async { task.await.expect("a writer of the benchmark does not panic") }
    };
    let took_us = try_join_all((0..writers).map(writer)).await?;
    let seconds = start.elapsed().as_secs_f64();
    let mut took_us: Vec<f64> = took_us.into_iter().flatten().collect();
    let cpu = (machine::cpu_time() - cpu).as_secs_f64() * 1e6;
    took_us.sort_by(f64::total_cmp);
    let at = |share: usize| took_us.get(took_us.len() * share / 100).copied().unwrap_or(f64::NAN);
    Ok(Measured {
        appends_per_s: took_us.len() as f64 / seconds,
        p50_us: at(50),
        p99_us: at(99),
        cpu_us: cpu / took_us.len() as f64,
    })
}
