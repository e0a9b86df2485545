//! Random questions, paged to their end, give exactly what a plain search gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hub_index::{Clause, Index, IndexOptions, Order, Question, View};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use crate::help::{Fixture, caught_up, random_body, small};
use crate::model::{Model, random_question};

/// All pages, each from a view of its own.
fn pages(view: impl Fn() -> View, question: &Question) -> Vec<u64> {
    let mut question = question.clone();
    let mut all = Vec::new();
    loop {
        let page = view().search(&question).unwrap();
        assert!(page.len() <= question.limit);
        let ended = page.len() < question.limit;
        question.after = page.last().copied().or(question.after);
        all.extend(page);
        if ended {
            return all;
        }
    }
}

fn check(index: &Index, model: &Model, rng: &mut impl Rng, last: u64, questions: usize) {
    let mut found = 0;
    for _ in 0..questions {
        let question = random_question(rng, last);
        let expected = model.all(&question);
        assert_eq!(pages(|| index.view().unwrap(), &question), expected, "{question:?}");
        found += usize::from(!expected.is_empty());
    }
    assert!(found > questions / 4, "the questions must be about something");
}

#[test]
fn every_page_is_the_models() {
    for seed in 0..3 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let fixture = Fixture::new();
        let index = fixture.open();
        // All of it in the tail, then committed in parts, then with a tail, then with a merge.
        for round in 0..4 {
            fixture.append_random(&mut rng, 700);
            let model = Model::of(&*fixture.log);
            check(&index, &model, &mut rng, fixture.log.last(), 60);
            if round % 2 == 0 {
                caught_up(&index);
                assert_eq!(index.lag(), 0);
                check(&index, &model, &mut rng, fixture.log.last(), 60);
            }
        }
        assert!(index.usage().unwrap().segments > 1);
    }
}

/// More documents than one look takes, so that the windows grow and ranges of times count.
#[test]
fn a_large_segment_is_searched_from_both_ends() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let fixture = Fixture::new();
    let options = IndexOptions {
        commit_events: 40_000,
        commit_after: std::time::Duration::from_secs(3600),
        ..small()
    };
    let index = fixture.open_as(1, options);
    for _ in 0..30 {
        fixture.append_random(&mut rng, 1_000);
    }
    caught_up(&index);
    assert_eq!(index.usage().unwrap().segments, 1);
    let model = Model::of(&*fixture.log);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let flow = Clause::Tag("flow", "pay_777".to_owned());
        let time =
            Question { since_ms: Some(99_000), until_ms: Some(99_500), ..Question::default() };
        let questions = [
            Question { all: vec![flow], ..Question::default() },
            Question { all: vec![Clause::Prefix("cause", "7".to_owned())], ..Question::default() },
            Question { all: vec![Clause::Tag("connection", "c1".to_owned())], ..time.clone() },
            time,
            Question { since_ms: Some(30_000), until_ms: Some(210_000), ..Question::default() },
            Question { upto: Some(12_345), limit: 20_000, ..Question::default() },
        ];
        for question in questions {
            let question = Question { order, ..question };
            let expected = model.all(&question);
            assert!(!expected.is_empty(), "{question:?}");
            assert_eq!(pages(|| index.view().unwrap(), &question), expected, "{question:?}");
        }
    }
}

/// While events are appended, committed and merged, a question finds every event that was
/// durable when it was asked.
#[test]
fn no_hole_while_it_is_built() {
    let fixture = Fixture::new();
    let index = fixture.open();
    let stop = CancellationToken::new();
    let running = fixture.runtime().spawn(Arc::clone(&index).run(stop.clone()));
    let done = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            for _ in 0..150 {
                let count = rng.random_range(1..80);
                fixture.append_random(&mut rng, count);
            }
            done.store(true, Ordering::Release);
        });
        let asking = scope.spawn(|| {
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            let mut asked = Vec::new();
            while !done.load(Ordering::Acquire) {
                let last = fixture.log.last();
                if last == 0 {
                    continue;
                }
                let mut question = random_question(&mut rng, last);
                question.upto = Some(question.upto.map_or(last, |upto| upto.min(last)));
                let found = pages(|| index.view().unwrap(), &question);
                asked.push((question, found));
            }
            asked
        });
        asking.join().unwrap()
    });
    let model = Model::of(&*fixture.log);
    for (question, found) in &asked {
        assert_eq!(*found, model.all(question), "{question:?}");
    }
    assert!(asked.len() > 10, "{} questions", asked.len());
    stop.cancel();
    fixture.runtime().block_on(running).unwrap();
    assert_eq!(index.lag(), 0, "a clean stop commits");
}

#[test]
fn counts_are_exact_at_any_time() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let fixture = Fixture::new();
    let index = fixture.open();
    fixture.append_random(&mut rng, 500);
    caught_up(&index);
    fixture.append_random(&mut rng, 50);
    let model = Model::of(&*fixture.log);
    assert!(index.lag() > 0);
    for name in ["type", "connection", "client"] {
        assert_eq!(index.view().unwrap().counts(name).unwrap(), model.counts(name));
    }
}

#[test]
fn a_text_finds_its_words_and_the_last_ones_beginning() {
    let fixture = Fixture::new();
    let index = fixture.open();
    let lines = ["Payment pay_01HX of 10.50", "payout PAY_01hy", "größe Ölpreis"];
    fixture.append(lines.iter().map(|text| format!("1\ntype=t\n{text}\n")).collect());
    let find = |text: &str| {
        let all = vec![Clause::text(text)];
        let question = Question { all, order: Order::OldestFirst, ..Question::default() };
        index.view().unwrap().search(&question).unwrap()
    };
    for committed in [false, true] {
        if committed {
            caught_up(&index);
        }
        assert_eq!(find("pay_01h"), [1, 2]);
        assert_eq!(find("PAY 01hx"), [1]);
        assert_eq!(find("pay "), [1, 2], "a whole word, not \"payment\" alone");
        assert_eq!(find("payo"), [2]);
        assert_eq!(find("ÖL"), [3]);
        assert_eq!(find("10.5"), [1]);
        assert_eq!(find("10.5 "), [0_u64; 0]);
        assert_eq!(find("--"), [0_u64; 0], "no word finds nothing");
    }
}

/// A question that would need more than the tail may hold is refused, not answered with a hole.
#[test]
fn too_far_behind_is_said() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let fixture = Fixture::new();
    let index = fixture.open_as(1, IndexOptions { tail_events_max: 300, ..small() });
    fixture.append((1..=301).map(|at| random_body(&mut rng, at)).collect());
    let refused = index.view().err().unwrap();
    assert!(matches!(
        refused,
        hub_index::IndexError::Behind { position: 0, last: 301, reason: None }
    ));
    assert_eq!(index.committed().last(), 0);
    caught_up(&index);
    let all = Question { limit: 1000, ..Question::default() };
    let model = Model::of(&*fixture.log);
    assert_eq!(index.view().unwrap().search(&all).unwrap(), model.all(&all));
    assert_eq!(index.committed().search(&all).unwrap(), model.all(&all));
}
