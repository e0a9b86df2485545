//! Walking the hash chain.
//!
//! A chunk holds the hash before its first record, so its records can be checked by itself:
//! several threads do that, each with a few chunks at a time. What is left is to see, in order,
//! that each chunk follows from the one before; the first place where something is wrong is
//! named exactly as if one thread had walked.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sled::{IVec, Tree};

use crate::api::Sequence;
use crate::chain::{GENESIS, Hash};
use crate::chunk::{Checked, goes_back};
use crate::error::{ReadError, VerifyError};
use crate::keys::Stream;
use crate::read::{self, Chunks};

/// A log in use should keep some of a large machine's cores.
const THREADS_MAX: usize = 4;

/// Chunks a thread takes at a time: some 256 KiB.
const PORTION: usize = 16;

/// Portions taken and not yet looked at, a thread: bounds the memory.
const PORTIONS_AHEAD: usize = 4;

/// What a walk found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records were walked: from the first of the chunk that holds `from`, to the last.
    pub records: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// The last durable sequence when the walk began.
    pub last: Sequence,
    /// Its hash; zeros for an empty log. Kept elsewhere, it shows a chain that was rewritten as
    /// a whole.
    pub last_hash: Hash,
}

/// What one chunk says of itself.
struct Link {
    key: IVec,
    /// Its hashes and what its records came to; the error if it does not even parse.
    content: Result<(Hash, Hash, Sequence, Checked), ReadError>,
}

/// Some chunks in order.
struct Portion {
    links: Vec<Link>,
    /// What came instead of the next: it ends the walk.
    end: Option<ReadError>,
}

/// See [`crate::EventLog::verify`].
pub(crate) fn verify(
    tree: &Tree,
    from: Sequence,
    last: Sequence,
    progress: &mut dyn FnMut(Sequence),
) -> Result<Verified, VerifyError> {
    let from = from.max(1);
    let found = Verified { records: 0, bytes: 0, last, last_hash: GENESIS };
    if from > last {
        return Ok(found);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let chunks = Mutex::new(Chunks::new(tree, from, last).map_err(broken)?);
    let (order, portions) = sync_channel(threads * PORTIONS_AHEAD);
    let mut walk = Walk { found, recorded_us: i64::MIN, next: None };
    thread::scope(|scope| {
        for _ in 0..threads {
            let (chunks, order) = (&chunks, order.clone());
            scope.spawn(move || check_portions(tree, chunks, &order));
        }
        drop(order);
        for portion in portions {
            // A portion is lost only if its thread panicked, which the end of the scope passes on.
            let Ok(portion) = portion.recv() else { break };
            for link in portion.links {
                progress(walk.step(link).map_err(broken)?);
            }
            portion.end.map_or(Ok(()), |error| Err(broken(error)))?;
        }
        Ok::<_, VerifyError>(())
    })?;
    match walk.next.unwrap_or(from) {
        next if next <= last => Err(VerifyError::Broken {
            sequence: next,
            detail: "it is missing: the stream ends before it".into(),
        }),
        _ => Ok(walk.found),
    }
}

/// Takes portions until there are no more, or nobody asks for them any more.
fn check_portions(tree: &Tree, chunks: &Mutex<Chunks<'_>>, order: &SyncSender<Receiver<Portion>>) {
    loop {
        let (done, portion) = sync_channel(1);
        // The place in the order is taken while the chunks are: whoever waits for it waits here.
        let mut chunks = chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut entries, mut end) = (Vec::with_capacity(PORTION), None);
        while entries.len() < PORTION && end.is_none() {
            match chunks.next_entry() {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => break,
                Err(error) => end = Some(error),
            }
        }
        let over = entries.is_empty() && end.is_none();
        if over || order.send(portion).is_err() {
            return;
        }
        drop(chunks);
        let links = entries.into_iter().map(|entry| check_one(tree, entry)).collect();
        let _unasked = done.send(Portion { links, end });
    }
}

fn check_one(tree: &Tree, (key, head): (IVec, IVec)) -> Link {
    let content = read::first_of(&key, None)
        .and_then(|first| read::parse(tree, first, &head))
        .map(|chunk| (chunk.before, chunk.last_hash, chunk.last(), chunk.check()));
    Link { key, content }
}

/// How far the chain is known to hold.
struct Walk {
    found: Verified,
    recorded_us: i64,
    /// What the next chunk must start with, once the first is known.
    next: Option<Sequence>,
}

impl Walk {
    /// Goes on by one chunk, and says up to where the chain holds now.
    fn step(&mut self, link: Link) -> Result<Sequence, ReadError> {
        let first = read::first_of(&link.key, self.next)?;
        let (before, last_hash, last, checked) = link.content?;
        let trusted = match (first, self.next) {
            (1, _) => GENESIS,
            (_, None) => before,
            (_, Some(_)) => self.found.last_hash,
        };
        if before != trusted {
            let detail = "it does not follow from the record before".into();
            return Err(ReadError::Corrupt { stream: Stream::Events.noun(), at: first, detail });
        }
        if checked.times_us.is_some_and(|(first_us, _)| first_us < self.recorded_us) {
            return Err(goes_back(first));
        }
        if let Some(bad) = checked.bad {
            return Err(bad);
        }
        self.found.records += checked.records;
        self.found.bytes += checked.bytes;
        self.found.last_hash = last_hash;
        self.recorded_us = checked.times_us.map_or(self.recorded_us, |(_, last_us)| last_us);
        self.next = Some(last + 1);
        Ok(last)
    }
}

/// Damage to the stream is the answer here; anything else is a failure to look.
fn broken(error: ReadError) -> VerifyError {
    match error {
        ReadError::Corrupt { stream, at, detail } if stream == Stream::Events.noun() && at > 0 => {
            VerifyError::Broken { sequence: at, detail }
        }
        other => VerifyError::Read(other),
    }
}
