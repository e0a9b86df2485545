//! Its files: kept over a crash, and never trusted.

use std::sync::Arc;

use hub_index::{Index, IndexError, IndexOptions, Question};
use hub_log::{EventLog, LogOptions, SledLog};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use crate::help::{Fixture, Lines, append, caught_up, files, random_body, small};
use crate::model::{Model, random_question};

fn check(fixture: &Fixture, index: &Index) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let model = Model::of(&*fixture.log);
    for _ in 0..30 {
        let question = Question { limit: 10_000, ..random_question(&mut rng, fixture.log.last()) };
        assert_eq!(index.view().unwrap().search(&question).unwrap(), model.all(&question));
    }
}

fn filled(events: usize) -> Fixture {
    let fixture = Fixture::new();
    fixture.append_random(&mut ChaCha8Rng::seed_from_u64(6), events);
    let index = fixture.open();
    caught_up(&index);
    assert_eq!(index.position(), events as u64);
    fixture
}

#[test]
fn reopens_where_the_last_commit_was() {
    let fixture = filled(950);
    // Taken in, but gone without a commit.
    fixture.append_random(&mut ChaCha8Rng::seed_from_u64(8), 60);
    let index = fixture.open();
    assert_eq!((index.position(), index.lag()), (950, 60));
    let stop = CancellationToken::new();
    let running = fixture.runtime().spawn(Arc::clone(&index).run(stop));
    fixture.runtime().block_on(index.reached(1010));
    fixture.append_random(&mut ChaCha8Rng::seed_from_u64(9), 30);
    // Stopped in the middle, as by a kill.
    running.abort();
    let _aborted = fixture.runtime().block_on(running);
    // What it was just doing on a blocking thread ends by itself.
    while Arc::strong_count(&index) > 1 {
        std::thread::yield_now();
    }
    drop(index);
    let index = fixture.open();
    assert!(index.position() >= 1010);
    check(&fixture, &index);
    caught_up(&index);
    check(&fixture, &index);
}

#[test]
fn an_index_of_another_log_or_version_is_built_anew() {
    let fixture = filled(300);
    assert_eq!(fixture.open_as(1, small()).position(), 300);
    assert_eq!(fixture.open_as(2, small()).position(), 0, "another version of the extractor");
    caught_up(&fixture.open_as(2, small()));

    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for events in [200, 400] {
        let name = format!("log of {events}");
        let options = LogOptions::new(fixture.dir.path().join(name));
        let other: Arc<dyn EventLog> = Arc::new(SledLog::open(options).unwrap());
        append(&other, fixture.runtime(), (1..=events).map(|n| random_body(&mut rng, n)).collect());
        let index =
            Index::open(&fixture.index_dir(), Arc::clone(&other), Arc::new(Lines(2)), small());
        let index = index.unwrap();
        assert_eq!(index.position(), 0, "a shorter log, or one that has another event there");
        caught_up(&index);
        drop(index);
        // And the first log's again.
        let index = fixture.open_as(2, small());
        assert_eq!(index.position(), 0);
        caught_up(&index);
        check(&fixture, &index);
    }
}

/// Every file, cut or with a bit flipped or gone: opens, and answers as ever.
#[test]
fn damage_to_any_file_is_found() {
    let fixture = filled(300);
    drop(fixture.open());
    let count = files(&fixture.index_dir()).len();
    let mut anew = 0;
    for at in 0..count {
        for damage in 0..3 {
            let path = files(&fixture.index_dir())[at].clone();
            let content = std::fs::read(&path).unwrap();
            let mut bad = content.clone();
            match damage {
                0 => bad.truncate(content.len() / 2),
                1 if bad.is_empty() => continue,
                1 => {
                    let middle = bad.len() / 3;
                    bad[middle] ^= 0x10;
                }
                _ => std::fs::remove_file(&path).unwrap(),
            }
            if damage < 2 {
                std::fs::write(&path, &bad).unwrap();
            }
            let index = fixture.open();
            assert!(index.position() == 0 || index.position() == 300);
            anew += usize::from(index.position() == 0);
            check(&fixture, &index);
            caught_up(&index);
            check(&fixture, &index);
        }
    }
    assert!(anew > count, "most of the damage matters: {anew} of {count} files, three times each");
}

#[test]
fn a_rebuild_tells_its_progress_and_answers_the_same() {
    let fixture = filled(5000);
    let mut told = Vec::new();
    let index = Index::rebuild(
        &fixture.index_dir(),
        Arc::clone(&fixture.log),
        Arc::new(Lines(1)),
        small(),
        &mut |at| told.push(at),
    );
    assert_eq!(told.last(), Some(&5000));
    assert!(told.is_sorted() && told.len() > 1);
    let index = index.unwrap();
    assert_eq!(index.position(), 5000);
    check(&fixture, &index);
}

#[test]
fn one_writer_at_a_time() {
    let fixture = filled(10);
    let index = fixture.open();
    let stop = CancellationToken::new();
    let running = fixture.runtime().spawn(Arc::clone(&index).run(stop.clone()));
    fixture.append_random(&mut ChaCha8Rng::seed_from_u64(1), 5);
    fixture.runtime().block_on(index.reached(15));
    let second = Index::open(
        &fixture.index_dir(),
        Arc::clone(&fixture.log),
        Arc::new(Lines(1)),
        IndexOptions::default(),
    );
    assert!(matches!(second.err(), Some(IndexError::Locked { .. })));
    stop.cancel();
    fixture.runtime().block_on(running).unwrap();
    assert_eq!(fixture.open().position(), 15);
}

/// Without room the index stops, says why, and the log goes on; questions still see everything.
#[test]
fn without_space_it_stops_and_says_so() {
    let fixture = filled(100);
    let index = fixture.open_as(1, IndexOptions { free_bytes_reserve: u64::MAX, ..small() });
    let stop = CancellationToken::new();
    let running = fixture.runtime().spawn(Arc::clone(&index).run(stop.clone()));
    fixture.append_random(&mut ChaCha8Rng::seed_from_u64(2), 400);
    let failure = loop {
        match index.failure() {
            Some(failure) => break failure,
            None => std::thread::yield_now(),
        }
    };
    assert!(failure.contains("waits for space"), "{failure}");
    assert_eq!((index.position(), index.lag()), (100, 400));
    check(&fixture, &index);
    stop.cancel();
    fixture.runtime().block_on(running).unwrap();
}
