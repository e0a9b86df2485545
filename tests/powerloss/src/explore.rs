//! Cuts one recording at many moments, and checks what each leaves.

use std::fmt;

use anyhow::{Context, Result};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::check::{self, Acked, Work};
use crate::disk::{Beliefs, Cut, Disk, Losses};
use crate::rig::{Recording, Rig, scratch};
use crate::trace::Event;

/// How to explore a recording.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// How many moments.
    pub cuts: usize,
    /// Decides which, and what each cut loses.
    pub seed: u64,
    /// What to believe of syncs.
    pub beliefs: Beliefs,
    /// For one in so many cuts, record the opening after it, and cut that too; 0 for none.
    pub recovery_every: u64,
    /// End at the first failure.
    pub stop: bool,
}

/// A cut after which something did not hold.
#[derive(Debug)]
pub struct Failure {
    /// After how many events of the recording.
    pub at: usize,
    /// What did not hold.
    pub error: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Summary {
    /// Cuts checked.
    pub cuts: u64,
    /// Of these, cuts of an opening after a cut.
    pub second_cuts: u64,
    /// Acknowledged batches looked for, over all cuts.
    pub acked: u64,
    /// What the cuts took away.
    pub losses: Losses,
    /// What went wrong.
    pub failures: Vec<Failure>,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, more: Self) {
        self.cuts += more.cuts;
        self.second_cuts += more.second_cuts;
        self.acked += more.acked;
        self.losses += more.losses;
        self.failures.extend(more.failures);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cuts, second_cuts, acked, losses, failures } = self;
        let Losses { unsynced, torn, dropped, reordered, names } = losses;
        write!(
            f,
            "{cuts} cuts ({second_cuts} during recovery), {acked} acknowledged batches checked; \
             {unsynced} unsynced writes: {dropped} dropped, {torn} torn, {reordered} reordered, \
             {names} changes of names lost: "
        )?;
        match failures.len() {
            0 => write!(f, "all kept"),
            n => write!(f, "{n} FAILURES"),
        }
    }
}

/// Cuts and checks. `before` is what was acknowledged before the recording began.
pub fn explore(
    rig: &Rig,
    recording: &Recording,
    work: Work,
    before: &Acked,
    search: Search,
) -> Result<Summary> {
    let mut random = ChaCha8Rng::seed_from_u64(search.seed);
    let moments = moments(&recording.events, search.cuts, &mut random);
    let mut disk = Disk::new(&recording.base(), search.beliefs)?;
    let (mut acked, mut summary, mut past) = (before.clone(), Summary::default(), 0);
    for at in moments {
        for event in &recording.events[past..at] {
            disk.apply(event);
            if let Event::Mark(mark) = event {
                acked.note(mark);
            }
        }
        past = at;
        let found = one(rig, &disk, work, &acked, search, at);
        summary += found.with_context(|| format!("the cut after {at} events"))?;
        if search.stop && !summary.failures.is_empty() {
            break;
        }
    }
    Ok(summary)
}

fn one(
    rig: &Rig,
    disk: &Disk,
    work: Work,
    acked: &Acked,
    search: Search,
    at: usize,
) -> Result<Summary> {
    // Of the seed and the moment alone, so that this cut can be made again without the others.
    let seed = search.seed ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let into = scratch()?;
    let losses = disk.cut(Cut::random(&mut random), &mut random, into.path())?;
    let mut summary = Summary { cuts: 1, acked: acked.batches(), losses, ..Summary::default() };
    if search.recovery_every > 0 && random.random_ratio(1, search.recovery_every as u32) {
        let mut args = vec!["writers".into(), "--batches=24".into(), "--opens=1".into()];
        if matches!(work, Work::Model(_)) {
            args = vec!["open".into()];
        }
        match rig.record(Some(into.path()), &args) {
            Ok(opening) => {
                let again = Search { cuts: 6, seed, recovery_every: 0, ..search };
                let mut second = explore(rig, &opening, work, acked, again)?;
                second.second_cuts = second.cuts;
                for failure in &mut second.failures {
                    failure.error =
                        format!("{} events into recovery: {}", failure.at, failure.error);
                    failure.at = at;
                }
                summary += second;
            }
            Err(error) => summary.failures.push(Failure { at, error: format!("{error:#}") }),
        }
    }
    // A store may be copied without it, and then must open too.
    if random.random_ratio(1, 8) {
        let _none = std::fs::remove_file(into.path().join("log/head"));
    }
    if let Err(error) = check::after_cut(into.path(), work, acked) {
        summary.failures.push(Failure { at, error: format!("{error:#}") });
    }
    Ok(summary)
}

/// Around syncs, right after acknowledgements, among the first events of all, and anywhere.
fn moments(events: &[Event], cuts: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let at = |wanted: fn(&Event) -> bool| -> Vec<usize> {
        events.iter().enumerate().filter(|(_, event)| wanted(event)).map(|(n, _)| n).collect()
    };
    let syncs = at(|e| matches!(e, Event::SyncBegan { .. } | Event::SyncEnded { .. }));
    let marks = at(|e| matches!(e, Event::Mark(_)));
    let mut out: Vec<usize> = (0..cuts)
        .map(|_| match random.random_range(0..10) {
            0..4 => syncs.choose(random).copied().unwrap_or(0) + random.random_range(0..3),
            4..6 => marks.choose(random).copied().unwrap_or(0) + 1,
            6 => random.random_range(0..60),
            _ => random.random_range(0..=events.len()),
        })
        .map(|at| at.min(events.len()))
        .collect();
    out.sort_unstable();
    out
}

/// Makes and checks one cut again.
pub fn again(
    rig: &Rig,
    recording: &Recording,
    work: Work,
    before: &Acked,
    search: Search,
    at: usize,
) -> Result<Summary> {
    let mut disk = Disk::new(&recording.base(), search.beliefs)?;
    let mut acked = before.clone();
    for event in &recording.events[..at.min(recording.events.len())] {
        disk.apply(event);
        if let Event::Mark(mark) = event {
            acked.note(mark);
        }
    }
    one(rig, &disk, work, &acked, search, at)
}
