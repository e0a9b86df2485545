//! The load generator: connections that are kept, each with one request in flight.
//!
//! It shares the processors with what it measures, so it does as little as can be: requests are
//! ready-made bytes, and an answer's head is parsed by what hyper parses with.
use super::BenchError;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Connections at once, as in the figures to reach.
pub(super) const CONNECTIONS: usize = 64;
/// The largest answer that is read, in bytes: the contenders answer with an empty body.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Headers of an answer.
const HEADERS_MAX: usize = 32;

/// What a turn sends.
pub(super) struct Feed {
    pub(super) requests: Vec<Vec<u8>>,
    /// Start over at the end; otherwise the turn ends there.
    pub(super) again: bool,
}

/// What a turn gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) answers: usize,
    pub(super) requests_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Sends for so long, or until there is nothing to send. Every answer must be a 200. Blocks.
pub(super) fn run(to: SocketAddr, feed: &Arc<Feed>, time: Duration) -> Result<Turn, BenchError> {
    // Half of the processors: the rest is for what is measured.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = (cores / 2).clamp(1, CONNECTIONS);
    let next = Arc::new(AtomicUsize::new(0));
    let start = Barrier::new(threads);
    let drive = |thread: usize| -> Result<(Vec<Duration>, Instant, Instant), BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(BenchError::io("start its load generator"));
        let mine = (0..CONNECTIONS).filter(|n| n % threads == thread).count();
        let connected = runtime.and_then(|runtime| {
            let streams = runtime.block_on(connect(to, mine))?;
            Ok((runtime, streams))
        });
        // Whatever happened: nobody may wait for ever.
        start.wait();
        let (runtime, streams) = connected?;
        let began = Instant::now();
        let took = runtime.block_on(send(streams, feed.clone(), next.clone(), began + time))?;
        Ok((took, began, Instant::now()))
    };
    let done = std::thread::scope(|scope| {
        let drive = &drive;
        let spawn = |n| {
            let named = std::thread::Builder::new().name("bench-load".to_owned());
            named.spawn_scoped(scope, move || drive(n)).expect("the machine has a thread to spare")
        };
        let threads: Vec<_> = (0..threads).map(spawn).collect();
        let joined = threads.into_iter().map(|t| t.join().expect("the load generator's thread"));
        joined.collect::<Result<Vec<_>, _>>()
    })?;
    let began = done.iter().map(|(_, began, _)| *began).min();
    let ended = done.iter().map(|(_, _, ended)| *ended).max();
    let elapsed = began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended - began);
    let mut took: Vec<Duration> = done.into_iter().flat_map(|(took, ..)| took).collect();
    took.sort_unstable();
    let at = |share: usize| {
        took.get(took.len() * share / 100).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    Ok(Turn {
        answers: took.len(),
        requests_per_s: took.len() as f64 / elapsed.as_secs_f64(),
        p50_ms: at(50),
        p99_ms: at(99),
    })
}

async fn connect(to: SocketAddr, connections: usize) -> Result<Vec<TcpStream>, BenchError> {
    let failed = BenchError::io("connect to what it measures");
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(to).await.map_err(&failed)?;
        stream.set_nodelay(true).map_err(&failed)?;
        streams.push(stream);
    }
    Ok(streams)
}

async fn send(
    streams: Vec<TcpStream>,
    feed: Arc<Feed>,
    next: Arc<AtomicUsize>,
    end: Instant,
) -> Result<Vec<Duration>, BenchError> {
    let mut tasks = tokio::task::JoinSet::new();
    for stream in streams {
        let (feed, next) = (feed.clone(), next.clone());
        tasks.spawn(one_connection(stream, feed, next, end));
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done.expect("a connection of the load generator does not panic")?);
    }
    Ok(all)
}

async fn one_connection(
    mut stream: TcpStream,
    feed: Arc<Feed>,
    next: Arc<AtomicUsize>,
    end: Instant,
) -> Result<Vec<Duration>, BenchError> {
    let mut took = Vec::new();
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    let mut asked = Instant::now();
    while asked < end {
        let mut at = next.fetch_add(1, Relaxed);
        if feed.again {
            at %= feed.requests.len();
        }
        let Some(request) = feed.requests.get(at) else { break };
        stream.write_all(request).await.map_err(BenchError::io("send a request"))?;
        answer(&mut stream, &mut buffer).await?;
        let answered = Instant::now();
        took.push(answered - asked);
        asked = answered;
    }
    Ok(took)
}

/// Reads one answer to its end.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(), BenchError> {
    let wrong = |detail: String| BenchError::Wrong { what: "the server", detail };
    let mut filled = 0;
    loop {
        let more =
            stream.read(&mut buffer[filled..]).await.map_err(BenchError::io("read an answer"))?;
        if more == 0 {
            return Err(wrong(format!(
                "it closed the connection, or answered with more than {ANSWER_BYTES_MAX} bytes"
            )));
        }
        filled += more;
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let parsed = head.parse(&buffer[..filled]).map_err(|e| wrong(format!("not HTTP: {e}")))?;
        let httparse::Status::Complete(head_bytes) = parsed else { continue };
        let length = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok())
            .ok_or_else(|| wrong("an answer without content-length".to_owned()))?;
        if filled < head_bytes + length {
            continue;
        }
        return match head.code {
            Some(200) => Ok(()),
            code => {
                let body = String::from_utf8_lossy(&buffer[head_bytes..filled]);
                Err(wrong(format!("it answered {} {body}", code.unwrap_or(0))))
            }
        };
    }
}
