//! A log of random documents, and an extractor of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hub_index::{Doc, Extract, Index, IndexOptions, OWNER};
use hub_log::{Batch, EventLog, LogOptions, NewRecord, Record, SledLog};
use rand::Rng;
use rand::seq::IndexedRandom;
use tempfile::TempDir;

pub const TYPES: &[&str] =
    &["deposit.requested", "deposit.settled", "deposit.failed", "kyc.passed", "kyc", "depositor"];
pub const WORDS: &[&str] =
    &["Alpha", "alphabet", "beta", "BETA", "Öl", "10", "1050", "pay", "x", "payment", "größe"];

/// A record as a test writes it: time, tags, text, flows, one line each.
pub fn body(doc: &Doc) -> String {
    let tags: Vec<String> =
        doc.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}\n{}\n{}\n{}", doc.time_ms, tags.join(","), doc.text, doc.owns.join(","))
}

/// Reads what [`body`] wrote. A record without an owner gets its flow's.
pub struct Lines(pub u32);

const NAMES: &[&str] = &["type", "connection", "flow", "entity", "cause", OWNER];

impl Extract for Lines {
    fn extract(
        &self,
        record: &Record,
        owner: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Option<Doc> {
        let text = std::str::from_utf8(&record.body).unwrap();
        let mut lines = text.split('\n');
        let time_ms = lines.next()?.parse().ok()?;
        let mut tags = Vec::new();
        for (name, value) in lines.next()?.split(',').filter_map(|tag| tag.split_once('=')) {
            let name = NAMES.iter().find(|known| **known == name)?;
            tags.push((*name, value.to_owned()));
        }
        let text = lines.next()?.to_owned();
        let owns = lines.next()?.split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect();
        if !tags.iter().any(|(name, _)| *name == OWNER) {
            let flow = tags.iter().find(|(name, _)| *name == "flow");
            if let Some(client) = flow.and_then(|(_, flow)| owner(flow)) {
                tags.push((OWNER, client));
            }
        }
        Some(Doc { time_ms, tags, text, owns })
    }

    fn version(&self) -> u32 {
        self.0
    }
}

/// A random document; `at` is about where in the log it is.
pub fn random_doc(rng: &mut impl Rng, at: i64) -> Doc {
    let mut tags = vec![("type", (*TYPES.choose(rng).unwrap()).to_owned())];
    let mut owns = Vec::new();
    if rng.random_bool(0.7) {
        tags.push(("connection", format!("c{}", rng.random_range(0..3))));
    }
    let flow = format!("pay_{}", (at / 4 + rng.random_range(-8..8)).max(0));
    if rng.random_bool(0.6) {
        tags.push(("flow", flow.clone()));
    }
    if rng.random_bool(0.3) {
        tags.push((OWNER, format!("cl_{}", rng.random_range(0..9))));
        owns.push(flow);
    }
    if rng.random_bool(0.1) {
        tags.push(("entity", "E".repeat(rng.random_range(230..250))));
    }
    tags.push(("cause", (at - 1).to_string()));
    let words: Vec<&str> =
        (0..rng.random_range(0..4)).map(|_| *WORDS.choose(rng).unwrap()).collect();
    Doc { time_ms: at * 10 + rng.random_range(-3000..3000), tags, text: words.join("-"), owns }
}

/// A log in a directory of its own, and where its index goes.
pub struct Fixture {
    pub log: Arc<dyn EventLog>,
    pub dir: TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(SledLog::open(LogOptions::new(dir.path().join("log"))).unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { log, dir, runtime }
    }

    pub fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    pub fn index_dir(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    /// Appends bodies as one batch.
    pub fn append(&self, bodies: Vec<String>) {
        append(&self.log, &self.runtime, bodies);
    }

    /// Appends random documents, and here and there a record that no question may find.
    pub fn append_random(&self, rng: &mut impl Rng, count: usize) {
        let first = i64::try_from(self.log.last()).unwrap() + 1;
        let bodies = (first..).take(count).map(|at| random_body(rng, at));
        self.append(bodies.collect());
    }

    pub fn open(&self) -> Arc<Index> {
        self.open_as(1, small())
    }

    pub fn open_as(&self, version: u32, options: IndexOptions) -> Arc<Index> {
        let log = Arc::clone(&self.log);
        Index::open(&self.index_dir(), log, Arc::new(Lines(version)), options).unwrap()
    }
}

pub fn random_body(rng: &mut impl Rng, at: i64) -> String {
    if rng.random_bool(0.05) { "none".to_owned() } else { body(&random_doc(rng, at)) }
}

pub fn append(log: &Arc<dyn EventLog>, runtime: &tokio::runtime::Runtime, bodies: Vec<String>) {
    let records = bodies.into_iter().map(NewRecord::new).collect();
    runtime.block_on(log.append(Batch { records, ..Batch::default() })).unwrap();
}

/// Commits often, so that there are many segments and merges.
pub fn small() -> IndexOptions {
    IndexOptions {
        commit_events: 100,
        commit_after: Duration::from_millis(20),
        heap_bytes: 15 << 20,
        owners_max: 16,
        retry_after: Duration::from_millis(20),
        free_bytes_reserve: 0,
        ..IndexOptions::default()
    }
}

/// Takes in everything.
pub fn caught_up(index: &Index) {
    index.catch_up(&mut |_| {}).unwrap();
}

/// The index's own files, largest first.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir.join("tantivy")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort_by_key(|file| std::cmp::Reverse(std::fs::metadata(file).unwrap().len()));
    files
}
