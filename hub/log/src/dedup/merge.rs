//! Writing a run, a block at a time: from what is in memory, or from older runs.

use std::sync::Arc;

use sled::Tree;

use super::block::{self, BLOCK_ENTRIES, Entry, FILTER_BLOCKS, Filter};
use super::run::{self, Run, Stretch};
use crate::api::Sequence;
use crate::error::{ReadError, read_failed};
use crate::keys::{self, Saved};

/// A run in the making. Until the manifest tells of it as a run, it is garbage.
pub(super) struct Merge {
    pub(super) run: Run,
    sources: Vec<Source>,
    /// Distinct, of the stretch at hand.
    shorts: Vec<u64>,
    blocks: usize,
    stretch_first: u64,
}

/// Sorted entries, handed out one by one.
pub(super) enum Source {
    Memory { entries: Arc<[Entry]>, at: usize },
    Stored { id: u32, first: Option<u64>, entries: Vec<Entry>, at: usize },
}

impl Source {
    pub(super) fn stored(id: u32) -> Self {
        Self::Stored { id, first: None, entries: Vec::new(), at: 0 }
    }

    fn peek(&mut self, tree: &Tree) -> Result<Option<Entry>, ReadError> {
        match self {
            Self::Memory { entries, at } => Ok(entries.get(*at).copied()),
            Self::Stored { id, first, entries, at } => {
                if *at == entries.len() {
                    match run::next_block(tree, *id, *first)? {
                        Some(block) => (*first, *entries, *at) = (Some(block[0].0), block, 0),
                        None => return Ok(None),
                    }
                }
                Ok(entries.get(*at).copied())
            }
        }
    }

    fn advance(&mut self) {
        let (Self::Memory { at, .. } | Self::Stored { at, .. }) = self;
        *at += 1;
    }
}

impl Merge {
    pub(super) fn new(id: u32, from: Sequence, to: Sequence, sources: Vec<Source>) -> Self {
        let run = Run { id, from, to, entries: 0, stretches: Vec::new() };
        Self { run, sources, shorts: Vec::new(), blocks: 0, stretch_first: 0 }
    }

    pub(super) fn reads(&self, run: u32) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Stored { id, .. } if *id == run))
    }

    /// Writes the next block, without what is before `floor`. False once all is written.
    pub(super) fn step(&mut self, tree: &Tree, floor: Sequence) -> Result<bool, ReadError> {
        let mut block: Vec<Entry> = Vec::with_capacity(BLOCK_ENTRIES + 1);
        while let Some((at, entry)) = self.least(tree)? {
            if block.len() >= BLOCK_ENTRIES && block.last().is_some_and(|last| last.0 != entry.0) {
                break;
            }
            self.sources[at].advance();
            if entry.1 >= floor {
                block.push(entry);
            }
        }
        let Some(first) = block.first() else {
            self.end_stretch(tree)?;
            return Ok(false);
        };
        let key = keys::saved(self.run.id, Saved::Block, first.0);
        tree.insert(key, block::encode(&key, &block)).map_err(|e| read_failed("dedup", &e))?;
        if self.blocks == 0 {
            self.stretch_first = first.0;
        }
        self.blocks += 1;
        self.run.entries += block.len() as u64;
        self.shorts.extend(block.iter().map(|(short, _)| *short));
        if self.blocks == FILTER_BLOCKS {
            self.end_stretch(tree)?;
        }
        Ok(true)
    }

    fn least(&mut self, tree: &Tree) -> Result<Option<(usize, Entry)>, ReadError> {
        let mut least: Option<(usize, Entry)> = None;
        for (at, source) in self.sources.iter_mut().enumerate() {
            if let Some(entry) = source.peek(tree)?
                && least.is_none_or(|(_, best)| entry < best)
            {
                least = Some((at, entry));
            }
        }
        Ok(least)
    }

    fn end_stretch(&mut self, tree: &Tree) -> Result<(), ReadError> {
        if self.blocks == 0 {
            return Ok(());
        }
        self.shorts.dedup();
        let (first, filter) = (self.stretch_first, Filter::of(&self.shorts));
        let key = keys::saved(self.run.id, Saved::Filter, first);
        let value = filter.as_ref().map_or_else(Vec::new, |filter| filter.encode(&key));
        tree.insert(key, value).map_err(|e| read_failed("dedup", &e))?;
        self.run.stretches.push(Stretch { first, filter });
        self.shorts.clear();
        self.blocks = 0;
        Ok(())
    }
}
