//! Where each owner's slot is, and which clients are found under a hash.
use super::Key;
use super::slot::{Lookup, Lookups};
use std::collections::HashMap;

/// Keys kept in memory; the rest is read again when needed.
const KEYS_CACHED_MAX: usize = 100_000;

/// How a slot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its key is there.
    Live,
    /// It is being overwritten: the key is used no more, and not yet gone for certain.
    Destroying,
    /// Its key is gone.
    Destroyed,
    /// What is there is not what was written.
    Damaged,
}

/// Where an owner's slot is, and how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 0.
    pub slot: u32,
    /// How it stands.
    pub state: State,
}

/// What is known of the file's slots.
#[derive(Default)]
pub struct Index {
    places: HashMap<Box<str>, (Place, Lookups)>,
    found: HashMap<Lookup, Vec<Box<str>>>,
    cached: HashMap<Box<str>, Key>,
    slots: u32,
}

impl Index {
    /// Slots in use; the next one is written after them.
    pub fn slots(&self) -> u32 {
        self.slots
    }
    /// Where the owner's slot is.
    pub fn place(&self, owner: &str) -> Option<Place> {
        self.places.get(owner).map(|(place, _)| *place)
    }
    /// How the owner is found.
    pub fn lookups(&self, owner: &str) -> Option<Lookups> {
        self.places.get(owner).map(|(_, lookups)| *lookups)
    }
    /// Says where an owner's slot is, how it stands, and how the owner is found.
    pub fn set(&mut self, owner: &str, slot: u32, state: State, lookups: Lookups) {
        self.slots = self.slots.max(slot + 1);
        let before = self.places.insert(owner.into(), (Place { slot, state }, lookups));
        for old in before.iter().flat_map(|(_, lookups)| lookups.all()) {
            if let Some(owners) = self.found.get_mut(&old) {
                owners.retain(|one| **one != *owner);
                if owners.is_empty() {
                    self.found.remove(&old);
                }
            }
        }
        for new in lookups.all() {
            self.found.entry(new).or_default().push(owner.into());
        }
        if state != State::Live {
            self.cached.remove(owner);
        }
    }
    /// Owners found under a hash.
    pub fn found(&self, lookup: &Lookup) -> Vec<String> {
        self.found.get(lookup).into_iter().flatten().map(|one| one.to_string()).collect()
    }
    /// Live owners whose name begins so.
    pub fn live(&self, prefix: &str) -> Vec<String> {
        let all = self.places.iter().filter(|(_, (place, _))| place.state == State::Live);
        all.map(|(owner, _)| owner.to_string()).filter(|one| one.starts_with(prefix)).collect()
    }
    /// The state of each slot.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.places.values().map(|(place, _)| place.state)
    }
    /// A key that was used lately.
    pub fn cached(&self, owner: &str) -> Option<Key> {
        self.cached.get(owner).copied()
    }
    /// Keeps a live owner's key at hand.
    pub fn cache(&mut self, owner: &str, key: Key) {
        if self.place(owner).is_none_or(|place| place.state != State::Live) {
            return;
        }
        if self.cached.len() >= KEYS_CACHED_MAX {
            self.cached.clear();
        }
        self.cached.insert(owner.into(), key);
    }
}
