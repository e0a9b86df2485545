//! What the tests share.

use hub_powerloss::check::{Acked, Work};
use hub_powerloss::disk::Beliefs;
use hub_powerloss::explore::{Search, Summary, explore};
use hub_powerloss::rig::{Recording, Rig};
use hub_powerloss::trace::Event;
use rand::Rng;

/// `None`, and the reason printed, on systems that the recorder does not know.
pub fn rig() -> Option<Rig> {
    if !cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        eprintln!("skipped: the recorder knows the system calls of 64-bit Linux only");
        return None;
    }
    Some(Rig::new(env!("CARGO_BIN_EXE_powerloss")).unwrap())
}

pub fn args(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What a recording acknowledges.
pub fn acked(recording: &Recording) -> Acked {
    let mut acked = Acked::default();
    for event in &recording.events {
        if let Event::Mark(mark) = event {
            acked.note(mark);
        }
    }
    acked
}

pub fn search(cuts: usize) -> Search {
    let seed = rand::rng().random();
    Search { cuts, seed, beliefs: Beliefs::SOUND, recovery_every: 6, stop: false }
}

/// Cuts, checks, and keeps the recording if something did not hold.
pub fn all_kept(
    rig: &Rig,
    recording: Recording,
    work: Work,
    before: &Acked,
    cuts: usize,
) -> Summary {
    let search = search(cuts);
    let found = explore(rig, &recording, work, before, search).unwrap();
    println!("seed {}: {found}", search.seed);
    if let Some(failure) = found.failures.first() {
        let kept = recording.keep(before).unwrap();
        panic!(
            "after {} events: {}\nagain: {}",
            failure.at,
            failure.error,
            kept.again(failure.at, search.seed, work)
        );
    }
    found
}
