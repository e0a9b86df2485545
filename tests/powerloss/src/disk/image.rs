//! One file: what is durable of it, and what was written since.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Cut;

const SECTOR: usize = 512;

/// What a cut took away, for the summary: writes not synced, of which torn, dropped, and those
/// kept although an earlier one was dropped (so the disk reordered them); and changes of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Writes that were not durable at the cut.
    pub unsynced: u64,
    /// Of these, kept in part.
    pub torn: u64,
    /// Of these, lost whole.
    pub dropped: u64,
    /// Of these, kept although an earlier one was not.
    pub reordered: u64,
    /// Changes of names that were lost.
    pub names: u64,
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, more: Self) {
        self.unsynced += more.unsynced;
        self.torn += more.torn;
        self.dropped += more.dropped;
        self.reordered += more.reordered;
        self.names += more.names;
    }
}

enum Step {
    Write(usize, Vec<u8>),
    Resize(usize),
}

struct Pending {
    at: u64,
    /// A sync of it failed: no later sync writes it.
    lost: bool,
    step: Step,
}

/// See the module.
pub(super) struct Image {
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

impl Image {
    pub(super) fn new(content: Vec<u8>) -> Self {
        Self { durable: content, pending: Vec::new() }
    }

    pub(super) fn write(&mut self, at: u64, offset: u64, data: &[u8]) {
        let step = Step::Write(offset as usize, data.to_vec());
        self.pending.push(Pending { at, lost: false, step });
    }

    pub(super) fn resize(&mut self, at: u64, length: u64) {
        self.pending.push(Pending { at, lost: false, step: Step::Resize(length as usize) });
    }

    pub(super) fn last_write(&self) -> Option<u64> {
        self.pending.last().map(|step| step.at)
    }

    pub(super) fn synced(&mut self, began: u64) {
        let (done, mut rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|pending| pending.at <= began && !pending.lost);
        if rest.iter().any(|pending| pending.lost) {
            rest = self.carried_along(&done, rest);
        }
        done.iter().for_each(|pending| step(&mut self.durable, &pending.step));
        self.pending = rest;
    }

    /// A sector written again brings all of its visible content to the disk, that of a write
    /// before it included whose own sync failed: such parts are durable, and no longer lost.
    fn carried_along(&mut self, done: &[Pending], rest: Vec<Pending>) -> Vec<Pending> {
        let mut left = Vec::new();
        for pending in rest {
            let (true, Step::Write(offset, data)) = (pending.lost, &pending.step) else {
                left.push(pending);
                continue;
            };
            for sector in sectors(*offset, data.len()) {
                let start = (sector * SECTOR).max(*offset);
                let end = ((sector + 1) * SECTOR).min(offset + data.len());
                let part = Step::Write(start, data[start - offset..end - offset].to_vec());
                let again = |later: &&Pending| match &later.step {
                    Step::Write(at, data) => {
                        later.at > pending.at && sectors(*at, data.len()).contains(&sector)
                    }
                    Step::Resize(_) => false,
                };
                match done.iter().find(again) {
                    Some(_) => step(&mut self.durable, &part),
                    None => left.push(Pending { at: pending.at, lost: true, step: part }),
                }
            }
        }
        left
    }

    pub(super) fn sync_failed(&mut self, began: u64) {
        for pending in self.pending.iter_mut().filter(|pending| pending.at <= began) {
            pending.lost = true;
        }
    }

    pub(super) fn live(&self) -> Vec<u8> {
        let mut content = self.durable.clone();
        self.pending.iter().for_each(|pending| step(&mut content, &pending.step));
        content
    }

    /// `last` is the moment of the last write to any file.
    pub(super) fn cut(
        &self,
        cut: Cut,
        last: Option<u64>,
        random: &mut ChaCha8Rng,
        losses: &mut Losses,
    ) -> Vec<u8> {
        let mut visible = self.durable.clone();
        let mut left = self.durable.clone();
        let mut lengths = vec![left.len()];
        let (mut any_dropped, share) = (false, random.random_range(0.1..0.9));
        for pending in &self.pending {
            step(&mut visible, &pending.step);
            let mut keeps = || match cut {
                Cut::All => false,
                _ if pending.lost => false,
                Cut::None => true,
                Cut::AllButLast => Some(pending.at) == last,
                Cut::Writes | Cut::Sectors => random.random_bool(share),
            };
            match &pending.step {
                Step::Write(offset, data) => {
                    let all = sectors(*offset, data.len());
                    let (whole, mut kept) = (keeps(), 0);
                    for sector in all.clone() {
                        if if cut == Cut::Sectors { keeps() } else { whole } {
                            copy_sector(&visible, &mut left, sector);
                            kept += 1;
                        }
                    }
                    losses.unsynced += 1;
                    losses.dropped += u64::from(kept == 0);
                    losses.torn += u64::from(kept > 0 && kept < all.len());
                    losses.reordered += u64::from(kept > 0 && any_dropped);
                    any_dropped |= kept == 0;
                }
                Step::Resize(length) if *length < left.len() && keeps() => {
                    left[*length..].fill(0);
                }
                Step::Resize(_) => {}
            }
            lengths.push(visible.len());
        }
        let length = match cut {
            Cut::All => lengths[0],
            Cut::None => visible.len(),
            // Most often enough for what was kept, else any.
            _ if random.random_bool(0.6) => left.len().min(visible.len()).max(lengths[0]),
            _ => lengths[random.random_range(0..lengths.len())],
        };
        left.resize(length, 0);
        left
    }
}

fn sectors(offset: usize, length: usize) -> std::ops::Range<usize> {
    offset / SECTOR..(offset + length).div_ceil(SECTOR)
}

fn copy_sector(from: &[u8], to: &mut Vec<u8>, sector: usize) {
    let end = ((sector + 1) * SECTOR).min(from.len());
    let start = (sector * SECTOR).min(end);
    if to.len() < end {
        to.resize(end, 0);
    }
    to[start..end].copy_from_slice(&from[start..end]);
}

fn step(content: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write(offset, data) => {
            let end = offset + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(data);
        }
        Step::Resize(length) => content.resize(*length, 0),
    }
}
