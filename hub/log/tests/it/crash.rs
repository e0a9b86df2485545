//! Killed at any moment, the log keeps every acknowledged batch whole, and no batch in part.
//!
//! The process that dies is this test binary again, told by the environment to append until it
//! is killed. (SIGKILL leaves the page cache: that a power cut is survived too takes another
//! kind of test.)

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hub_log::{Appended, Batch, EventLog, PutValue, SledLog};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::help::{T, body, keyed, open, put};

const DIR: &str = "HUB_LOG_CRASH_TEST_DIR";
const WRITERS: u64 = 8;

/// Batch `n` of a writer: one to three records, most with a raw blob, some with a table value.
fn nth(writer: u64, n: u64) -> Batch {
    let name = format!("{writer}.{n}");
    let mut records = vec![keyed("crash", &name, &format!("{name}.0"))];
    for part in 1..=n % 3 {
        records.push(keyed("crash", &format!("{name}.{part}"), &format!("{name}.{part}")));
    }
    // Rare, so that many groups have none: those with are written another way.
    let puts = match n % 40 {
        0 => vec![put(&writer.to_string(), PutValue::LastSequence)],
        _ => Vec::new(),
    };
    let blob =
        (!n.is_multiple_of(5)).then(|| format!("raw {name} {}", "again ".repeat(200)).into());
    Batch { records, blob, puts, ..Batch::default() }
}

/// What is in the log of each writer: how many batches, all of them whole.
fn check(log: &SledLog) -> BTreeMap<u64, u64> {
    let mut next = BTreeMap::<u64, u64>::new();
    let mut puts = BTreeMap::new();
    let (mut from, mut blob_last) = (1, 0);
    while from <= log.last() {
        let first = log.get(from).unwrap().unwrap();
        let mut name = body(&first.body).split('.').map(|part| part.parse::<u64>().unwrap());
        let (writer, n) = (name.next().unwrap(), name.next().unwrap());
        let expected = nth(writer, n);
        let found = log.read(from, expected.records.len()).unwrap();
        let bodies = expected.records.iter().map(|record| &record.body);
        assert!(found.iter().map(|record| &record.body).eq(bodies), "batch {writer}.{n} is torn");
        if let Some(raw) = expected.blob {
            blob_last += 1;
            assert!(found.iter().all(|record| record.blob == Some(blob_last)));
            assert_eq!(log.blob(blob_last).unwrap(), Some(raw));
        }
        from += expected.records.len() as u64;
        if !expected.puts.is_empty() {
            puts.insert(writer, from - 1);
        }
        let next = next.entry(writer).or_default();
        assert_eq!(*next, n, "batches of writer {writer} are in order, without a hole");
        *next += 1;
    }
    assert_eq!(log.blob(blob_last + 1).unwrap(), None, "a blob without its records");
    let table: BTreeMap<u64, u64> = log
        .table_scan(T, b"", None, 99)
        .unwrap()
        .into_iter()
        .map(|(key, value)| {
            let writer = String::from_utf8(key).unwrap().parse().unwrap();
            (writer, u64::from_be_bytes(value.as_ref().try_into().unwrap()))
        })
        .collect();
    assert_eq!(table, puts, "table values are as old as their records");
    assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, log.last());
    next
}

/// The process that is killed. On its own, this test does nothing.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let log = open(Path::new(&dir));
    let from = check(&log);
    let log = Arc::new(log);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let writers = (0..WRITERS).map(|writer| {
            let (log, from) = (log.clone(), from.get(&writer).copied().unwrap_or(0));
            tokio::spawn(async move {
                for n in from.. {
                    log.append(nth(writer, n)).await.unwrap();
                    writeln!(std::io::stdout(), "\nacked {writer} {n}").unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

#[tokio::test]
async fn killed_at_any_moment_every_acknowledged_batch_is_there_and_none_in_part() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut total = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acked = BTreeMap::new();
        let mut note = |line: std::io::Result<String>| {
            let line = line.unwrap();
            let mut words = line.strip_prefix("acked ")?.split(' ');
            let (writer, n) =
                (words.next()?.parse::<u64>().ok()?, words.next()?.parse::<u64>().ok()?);
            acked.insert(writer, n);
            Some(())
        };
        let wait_for = random.random_range(1..1_500);
        let seen = lines.by_ref().filter_map(&mut note).take(wait_for).count();
        assert_eq!(seen, wait_for, "the child ended by itself");
        // The moment itself falls anywhere between two acknowledgements.
        std::thread::sleep(Duration::from_micros(random.random_range(0..2_000)));
        child.kill().unwrap();
        // What it had acknowledged by then is in the pipe; a last line may be cut short.
        lines.filter_map(&mut note).for_each(drop);
        child.wait().unwrap();

        let log = open(dir.path());
        let next = check(&log);
        for (writer, n) in &acked {
            assert!(next[writer] > *n, "round {round}: acknowledged {writer}.{n} is lost");
        }
        for (writer, next) in &next {
            let done = log.append(nth(*writer, next - 1)).await.unwrap();
            assert!(matches!(done.records[0], Appended::Duplicate { same_body: true, .. }));
        }
        total = log.last();
    }
    println!("{total} records after 12 kills");
}
