//! The disk: from a trace and a moment in it, what a power cut at that moment may leave.
//!
//! What is assumed:
//!
//! * A sector of 512 bytes is written whole or not at all, and keeps the content of some moment
//!   since the last sync: sectors of one write are kept or lost apart from each other (torn),
//!   and apart from those of other writes (dropped, reordered). Within one sector no older
//!   content follows a newer one: a page cache has no older one any more.
//! * fsync and fdatasync make durable what was written *before they began*, length included,
//!   once they came back well. They do not lie. What was written while they ran may be lost.
//! * After a sync that failed, what it was to write is never written by a later one: Linux
//!   marks such pages clean. It stays visible until the power goes.
//! * sync_file_range makes nothing durable.
//! * A length is that of some moment since the last sync. What lies between is zeros.
//! * A name (created, renamed, removed) is durable after an fsync of its directory. Until then
//!   each change of a name is there or not, independently of others; an fsync of the file alone
//!   does not keep its name. (ext4 and XFS keep more.)

mod image;
mod names;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::trace::{Event, Id};
use image::Image;
pub use image::Losses;
use names::{Change, Names};

/// What to believe of syncs. All `true` is a sound disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beliefs {
    /// fdatasync makes durable.
    pub fdatasync: bool,
    /// An fsync of a directory makes its names durable.
    pub directories: bool,
}

impl Beliefs {
    /// A sound disk.
    pub const SOUND: Self = Self { fdatasync: true, directories: true };
}

/// How much of what was not synced a cut loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// All of it.
    All,
    /// None of it: what kill -9 leaves.
    None,
    /// Each write is kept or lost.
    Writes,
    /// Each sector is kept or lost.
    Sectors,
    /// All but what was written last.
    AllButLast,
}

impl Cut {
    /// One of them; those that tell most come most.
    pub fn random(random: &mut ChaCha8Rng) -> Self {
        match random.random_range(0..10) {
            0 | 1 => Self::All,
            2 => Self::None,
            3..6 => Self::Writes,
            6..9 => Self::Sectors,
            _ => Self::AllButLast,
        }
    }
}

/// A disk while a trace goes by.
pub struct Disk {
    beliefs: Beliefs,
    names: Names,
    files: BTreeMap<Id, Image>,
    dirs: BTreeMap<Id, PathBuf>,
    /// Syncs under way: of what, and when they began.
    syncs: BTreeMap<u64, (Id, u64)>,
    /// Events so far.
    clock: u64,
    /// Files of the base that the trace did not name yet.
    unseen: BTreeMap<PathBuf, Id>,
    /// The trace's ids, and those of the base.
    aliases: BTreeMap<Id, Id>,
}

const BASE_IDS: Id = 1 << 30;

impl Disk {
    /// A disk that holds a copy of this directory, all of it durable.
    pub fn new(base: &Path, beliefs: Beliefs) -> Result<Self> {
        let mut disk = Self {
            beliefs,
            names: Names::default(),
            files: BTreeMap::new(),
            dirs: BTreeMap::new(),
            syncs: BTreeMap::new(),
            clock: 0,
            unseen: BTreeMap::new(),
            aliases: BTreeMap::new(),
        };
        for (n, (path, content)) in (BASE_IDS..).zip(contents(base)?) {
            match content {
                Some(content) => drop(disk.files.insert(n, Image::new(content))),
                None => drop(disk.dirs.insert(n, path.clone())),
            }
            disk.names.there_from_the_start(path.clone(), n);
            disk.unseen.insert(path, n);
        }
        Ok(disk)
    }

    /// The next event of the trace.
    pub fn apply(&mut self, event: &Event) {
        self.clock += 1;
        let now = self.clock;
        match event {
            Event::Seen(id, path) => {
                if let Some(known) = self.names.live(path) {
                    self.aliases.insert(*id, known);
                }
            }
            Event::Created(id, path) => {
                self.files.insert(*id, Image::new(Vec::new()));
                self.names.change(now, Change::Appears(path.clone(), *id));
            }
            Event::MadeDir(id, path) => {
                self.dirs.insert(*id, path.clone());
                self.names.change(now, Change::Appears(path.clone(), *id));
            }
            Event::Wrote(id, at, data) => {
                let id = self.alias(*id);
                if let Some(file) = self.files.get_mut(&id) {
                    file.write(now, *at, data);
                }
            }
            Event::Resized(id, length) => {
                let id = self.alias(*id);
                if let Some(file) = self.files.get_mut(&id) {
                    file.resize(now, *length);
                }
            }
            Event::SyncBegan { id, number, data_only } => {
                if !data_only || self.beliefs.fdatasync {
                    self.syncs.insert(*number, (self.alias(*id), now));
                }
            }
            Event::SyncEnded { number, ok } => {
                if let Some((id, began)) = self.syncs.remove(number) {
                    self.synced(id, began, *ok);
                }
            }
            Event::Renamed(from, to) => {
                self.names.change(now, Change::Moves(from.clone(), to.clone()));
            }
            Event::Unlinked(path) => self.names.change(now, Change::Goes(path.clone())),
            Event::Range(_) | Event::Mark(_) | Event::Fault(_) | Event::Unknown(_) => {}
        }
    }

    fn alias(&self, id: Id) -> Id {
        self.aliases.get(&id).copied().unwrap_or(id)
    }

    fn synced(&mut self, id: Id, began: u64, ok: bool) {
        if let Some(file) = self.files.get_mut(&id) {
            match ok {
                true => file.synced(began),
                false => file.sync_failed(began),
            }
        }
        if let Some(dir) = self.dirs.get(&id)
            && ok
            && self.beliefs.directories
        {
            self.names.synced(dir, began);
        }
    }

    /// Cuts the power: writes into `into` (which must be empty) what is left.
    pub fn cut(&self, cut: Cut, random: &mut ChaCha8Rng, into: &Path) -> Result<Losses> {
        let mut losses = Losses::default();
        let last = self.files.values().filter_map(Image::last_write).max();
        let left = self.names.cut(cut, random, &mut losses);
        for (path, id) in &left {
            // A name in a directory that is lost is lost with it.
            let whole = into.join(path);
            if !whole.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match self.files.get(id) {
                Some(file) => {
                    let content = file.cut(cut, last, random, &mut losses);
                    write_sparse(&whole, &content)?;
                }
                None if path.as_os_str().is_empty() => {}
                None => fs::create_dir(&whole)?,
            }
        }
        Ok(losses)
    }

    /// What a process sees now: every path, with a file's content.
    pub fn live(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let content = |id: &Id| self.files.get(id).map(Image::live);
        self.names.all_live().map(|(path, id)| (path.clone(), content(id))).collect()
    }
}

/// All below a directory, itself included under the empty path; content for files.
pub fn contents(root: &Path) -> Result<BTreeMap<PathBuf, Option<Vec<u8>>>> {
    let mut all = BTreeMap::from([(PathBuf::new(), None)]);
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
            let path = entry?.path();
            let below = path.strip_prefix(root)?.to_path_buf();
            if path.is_dir() {
                all.insert(below, None);
                dirs.push(path);
            } else {
                all.insert(below, Some(fs::read(&path)?));
            }
        }
    }
    Ok(all)
}

/// The store's files are mostly zeros: holes are much faster than writing them.
pub(crate) fn write_sparse(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::FileExt;
    const BLOCK: usize = 64 << 10;
    let file = fs::File::create(path).with_context(|| format!("creating {}", path.display()))?;
    file.set_len(content.len() as u64)?;
    for (n, block) in content.chunks(BLOCK).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, (n * BLOCK) as u64)?;
        }
    }
    Ok(())
}
