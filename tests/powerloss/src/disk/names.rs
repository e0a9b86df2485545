//! Names: which are durable, and what changed since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Cut, Losses};
use crate::trace::Id;

/// A change of a name.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Appears(PathBuf, Id),
    Moves(PathBuf, PathBuf),
    Goes(PathBuf),
}

#[derive(Debug, Clone)]
struct Pending {
    at: u64,
    /// What was moved, as of then.
    id: Option<Id>,
    change: Change,
}

/// See the module.
#[derive(Default)]
pub(super) struct Names {
    durable: BTreeMap<PathBuf, Id>,
    live: BTreeMap<PathBuf, Id>,
    pending: Vec<Pending>,
}

impl Names {
    pub(super) fn there_from_the_start(&mut self, path: PathBuf, id: Id) {
        self.durable.insert(path.clone(), id);
        self.live.insert(path, id);
    }

    pub(super) fn live(&self, path: &Path) -> Option<Id> {
        self.live.get(path).copied()
    }

    pub(super) fn all_live(&self) -> impl Iterator<Item = (&PathBuf, &Id)> {
        self.live.iter()
    }

    pub(super) fn change(&mut self, at: u64, change: Change) {
        let id = match &change {
            Change::Moves(from, _) => self.live(from),
            _ => None,
        };
        let pending = Pending { at, id, change };
        apply(&mut self.live, &pending);
        self.pending.push(pending);
    }

    pub(super) fn synced(&mut self, dir: &Path, began: u64) {
        let durable = &mut self.durable;
        self.pending.retain(|pending| {
            let done = pending.at <= began && parent(&pending.change) == Some(dir);
            if done {
                apply(durable, pending);
            }
            !done
        });
    }

    pub(super) fn cut(
        &self,
        cut: Cut,
        random: &mut ChaCha8Rng,
        losses: &mut Losses,
    ) -> BTreeMap<PathBuf, Id> {
        let mut left = self.durable.clone();
        for pending in &self.pending {
            let kept = match cut {
                Cut::All => false,
                Cut::None => true,
                _ => random.random_bool(0.5),
            };
            match kept {
                true => apply(&mut left, pending),
                false => losses.names += 1,
            }
        }
        left
    }
}

/// The directory whose sync makes it durable; of a move, where it arrives.
fn parent(change: &Change) -> Option<&Path> {
    match change {
        Change::Appears(path, _) | Change::Goes(path) | Change::Moves(_, path) => path.parent(),
    }
}

fn apply(names: &mut BTreeMap<PathBuf, Id>, pending: &Pending) {
    match &pending.change {
        Change::Appears(path, id) => {
            names.insert(path.clone(), *id);
        }
        Change::Goes(path) => {
            names.remove(path);
        }
        Change::Moves(from, to) => {
            if let Some(id) = pending.id {
                if names.get(from) == Some(&id) {
                    names.remove(from);
                }
                names.insert(to.clone(), id);
            }
        }
    }
}
