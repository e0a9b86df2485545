//! The index over its whole life, beside what it must know.

#![allow(clippy::unwrap_used)]

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sled::{Event, Tree};

use super::{DAY_US, Id, Index, Mark, cutoff_us};
use crate::api::{Dedup, Sequence};
use crate::chain::{GENESIS, body_hash};
use crate::chunk::EventChunk;
use crate::frame;
use crate::keys::{self, Stream};
use crate::ops::Ops;

/// Small, so that there are many runs and merges.
const RECENT_MAX: usize = 1_000;

fn store() -> sled::Db {
    sled::Config::new().temporary(true).flush_every_ms(None).open().unwrap()
}

fn load(tree: &Tree, last: Sequence) -> Index {
    Index::load_with(tree, last, 30, RECENT_MAX).unwrap()
}

/// The mark of record `n`; every fifth record has none.
fn nth(n: Sequence) -> Option<Mark> {
    let key = n.to_be_bytes().to_vec();
    let mark = Mark::of(&Dedup { scope: "s".into(), key, body_hash: [1; 32] });
    (!n.is_multiple_of(5)).then_some(mark)
}

/// Appends records as the writer does.
fn append(tree: &Tree, index: &mut Index, from: Sequence, count: u64, now_us: i64) -> Sequence {
    let mut chunk = EventChunk::new(from, &GENESIS);
    for n in from..from + count {
        chunk.push(now_us, None, nth(n).as_ref(), b"", &body_hash(b""));
    }
    let (mut ops, (first, raw)) = (Ops::default(), chunk.finish());
    frame::write(&mut ops, Stream::Events, first, &raw);
    ops.apply_in_order(tree).unwrap();
    let last = from + count - 1;
    for n in from..=last {
        if let Some(mark) = nth(n) {
            index.add(&mark.id, n);
        }
    }
    index.save(tree, last, now_us).unwrap();
    last
}

fn find(tree: &Tree, index: &Index, n: Sequence) -> Option<Sequence> {
    let id: Id = nth(n)?.id;
    index.find(tree, &id).unwrap().map(|(sequence, mark)| {
        assert_eq!(mark.id, id);
        sequence
    })
}

fn check(tree: &Tree, index: &Index, last: Sequence, step: usize) {
    for n in (1..=last).step_by(step) {
        assert_eq!(find(tree, index, n), nth(n).map(|_| n), "record {n} of {last}");
        assert_eq!(find(tree, index, last + n), None, "beyond {last}");
    }
}

#[test]
fn every_key_is_found_again_in_few_runs_reopened_or_not() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (db, mut last) = (store(), 0);
    let mut index = load(&db, 0);
    let (mut most_runs, mut merged) = (0, 0);
    while last < 90_000 {
        last = append(&db, &mut index, last + 1, random.random_range(1..300), 0);
        most_runs = most_runs.max(index.runs.len());
        merged = merged.max(index.runs.iter().map(|run| run.entries).max().unwrap_or(0));
        if random.random_bool(0.004) {
            if random.random_bool(0.5) {
                index.save_rest(&db, last).unwrap();
                assert_eq!(index.saved_to(), last);
            }
            index = load(&db, last);
            check(&db, &index, last, 997);
        }
    }
    check(&db, &index, last, 7);
    assert!(most_runs <= 30, "{most_runs} runs at once");
    assert!(merged > 10_000, "the largest run has {merged} entries");
    assert!(index.memory_bytes() < 1 << 20, "{}", index.memory_bytes());
    let keyed = (1..=last).filter(|n| nth(*n).is_some()).count() as u64;
    assert_eq!(index.keys(), keyed);
    // What was merged is removed from the store, all but what is being removed right now.
    let blocks = db.scan_prefix(keys::DEDUP).count() as u64;
    assert!(blocks < keyed / 580 * 3, "{blocks} blocks for {keyed} keys");
}

/// A crash leaves a prefix of the writes: whichever, no key of a record that is there is lost.
#[test]
fn a_crash_between_any_two_writes_loses_no_key() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (db, mut last) = (store(), 0);
    let mut writes = db.watch_prefix(vec![]);
    let mut index = load(&db, 0);
    while last < 25_000 {
        last = append(&db, &mut index, last + 1, random.random_range(1..300), 0);
        if random.random_bool(0.02) {
            index.save_rest(&db, last).unwrap();
        }
    }
    db.insert("end", &[]).unwrap();
    let all: Vec<Event> = writes.by_ref().take_while(|event| event_key(event) != b"end").collect();
    assert!(all.len() > 300, "{} writes", all.len());
    for _ in 0..30 {
        let (cut, copy) = (random.random_range(0..=all.len()), store());
        let mut last = 0;
        for event in &all[..cut] {
            match event {
                Event::Insert { key, value } => {
                    copy.insert(key, value).unwrap();
                }
                Event::Remove { key } => {
                    copy.remove(key).unwrap();
                }
            }
            if let Some(first) = Stream::Events.first_of(event_key(event)) {
                let head = copy.get(event_key(event)).unwrap().unwrap();
                let raw = frame::read(&copy, Stream::Events, first, &head).unwrap();
                last = crate::chunk::Events::parse(first, raw).unwrap().last();
            }
        }
        let mut index = load(&copy, last);
        check(&copy, &index, last, 83);
        // Nothing is left behind for ever.
        let known: Vec<u32> = index.runs.iter().map(|run| run.id).collect();
        let making = index.frozen.iter().map(|frozen| frozen.merge.run.id);
        let making = making.chain(index.merging.iter().map(|merge| merge.run.id));
        let making: Vec<u32> = making.chain(index.tail.iter().map(|(id, _)| *id)).collect();
        for key in copy.scan_prefix(keys::DEDUP).keys() {
            let id = keys::saved_run_of(&key.unwrap()).unwrap();
            let listed = known.contains(&id) || making.contains(&id) || index.garbage.contains(&id);
            assert!(listed, "run {id} is nobody's");
        }
        // And it goes on from there.
        for _ in 0..20 {
            last = append(&copy, &mut index, last + 1, 100, 0);
        }
        check(&copy, &index, last, 83);
    }
}

fn event_key(event: &Event) -> &[u8] {
    let (Event::Insert { key, .. } | Event::Remove { key }) = event;
    key
}

#[test]
fn runs_older_than_the_retention_go_by_themselves_and_no_younger_key_goes() {
    let (db, mut last) = (store(), 0);
    let mut index = load(&db, 0);
    let mut first_of_day = vec![];
    for day in 0..200_i64 {
        first_of_day.push(last + 1);
        for _ in 0..10 {
            last = append(&db, &mut index, last + 1, 100, day * DAY_US);
        }
        let kept_from = first_of_day[usize::try_from((day - 30).max(0)).unwrap()];
        for n in (kept_from..=last).step_by(701) {
            assert_eq!(find(&db, &index, n), nth(n).map(|_| n), "day {day}");
        }
    }
    assert!(index.keys() < 100_000, "{} keys of 200 days", index.keys());
    assert_eq!(find(&db, &index, 1), None);
}

/// Opening must not read again what has no keys.
#[test]
fn a_long_stretch_without_keys_is_marked_as_saved() {
    let db = store();
    let mut index = load(&db, 0);
    let last = append(&db, &mut index, 1, 500, 0);
    assert_eq!(index.saved_to(), 0);
    let far = last + super::work::UNSAVED_RECORDS_MAX;
    index.save(&db, far, 0).unwrap();
    assert_eq!(index.saved_to(), far);
    // None of the records in between is there to be read.
    check(&db, &load(&db, far), last, 1);
}

#[test]
fn what_is_forgotten_stays_forgotten() {
    let (db, mut last) = (store(), 0);
    let mut index = load(&db, 0);
    for _ in 0..120 {
        last = append(&db, &mut index, last + 1, 100, 0);
    }
    let gone = index.forget(&db, 7_001).unwrap();
    assert!(gone > 0 && index.forget(&db, 7_001).unwrap() == 0);
    for index in [&index, &load(&db, last)] {
        for n in (1..=last).step_by(13) {
            assert_eq!(find(&db, index, n), nth(n).filter(|_| n >= 7_001).map(|_| n));
        }
    }
}

#[test]
fn a_damaged_index_is_built_anew() {
    let (db, mut last) = (store(), 0);
    let mut index = load(&db, 0);
    for _ in 0..120 {
        last = append(&db, &mut index, last + 1, 100, 0);
    }
    index.save_rest(&db, last).unwrap();
    let mut saved: Vec<_> = db.scan_prefix(keys::DEDUP).map(|item| item.unwrap().0).collect();
    saved.push(keys::DEDUP_MANIFEST.into());
    let mut failures = 0;
    for key in saved.iter().step_by(5).chain(saved.last()) {
        let Some(good) = db.get(key).unwrap() else { continue };
        let mut bad = good.to_vec();
        *bad.last_mut().unwrap() ^= 1;
        db.insert(key, bad).unwrap();
        let index = load(&db, last);
        // Blocks are read when they are needed: then it fails, and the next opening is good.
        let failed = (1..=last).any(|n| nth(n).is_some_and(|m| index.find(&db, &m.id).is_err()));
        check(&db, &load(&db, last), last, 101);
        failures += u32::from(failed);
    }
    assert!(failures > 0, "no damaged block was read");
}

#[test]
fn nothing_younger_than_the_retention_may_go_whatever_is_asked() {
    let now_us = 100 * DAY_US;
    assert_eq!(cutoff_us(65 * DAY_US, now_us, 30), 65 * DAY_US);
    assert_eq!(cutoff_us(i64::MAX, now_us, 30), 70 * DAY_US);
    assert_eq!(cutoff_us(i64::MAX, now_us, 90), 10 * DAY_US);
    assert_eq!(cutoff_us(i64::MAX, i64::MIN, 30), i64::MIN);
}
