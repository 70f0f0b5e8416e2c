//! Pins of sources and bases: parse, print, merge.
//!
//! # Purpose
//! The value of `kiln.lock` (`docs/spec/lock.md`): what every fetched source and every base was when
//! `kiln track` last looked. [`Lock::pins`] turns it into the facts that planning needs.
//!
//! # Never
//! Reads the file or the network; knows a mirror.
//!
//! # Example
//! ```
//! use kiln_diag::FileId;
//! use kiln_lock::Lock;
//! let text = Lock::default().to_string();
//! assert!(text.ends_with("version = 1\n"));
//! assert_eq!(Lock::parse(FileId(0), &text).value, Some(Lock::default()));
//! ```

mod form;
mod parse;
mod pins;
mod print;
mod quick;

use kiln_digest::Digest;
use kiln_ir::{Base, Content, Source};

/// Version of the form of the file.
pub const VERSION: u32 = 1;

/// All that is pinned, in order of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Lock {
    pub sources: Vec<LockedSource>,
    pub bases: Vec<LockedBase>,
    /// Projects that the project uses, by the sources that they come from.
    pub inputs: Vec<LockedSource>,
}

/// A fetched source as it was when it was tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedSource {
    /// The key of the entry: kind, URL with its alias, track, extraction arguments; without a sha256 that the
    /// project writes.
    pub source: Source,
    /// What was fetched.
    pub content: Content,
    /// Of the tree that it becomes.
    pub tree: Digest,
}

/// A base as it was when it was tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedBase {
    /// The key of the entry.
    pub base: Base,
    /// Version of the fix-ups that turn the packages into a sysroot.
    pub fixups: u32,
    /// In the order they are laid over each other.
    pub packages: Vec<LockedPackage>,
}

/// One package of a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    /// With its alias, never a mirror.
    pub path: String,
    pub content: Digest,
}

impl Lock {
    /// Returns the entry of a source; a sha256 that the project writes is no part of the key.
    pub fn source(&self, source: &Source) -> Option<&LockedSource> {
        let key = entry_key(source);
        let found = self.sources.binary_search_by(|locked| locked.source.cmp(&key)).ok()?;
        self.sources.get(found)
    }

    /// Returns the entry of an input.
    pub fn input(&self, source: &Source) -> Option<&LockedSource> {
        let key = entry_key(source);
        self.inputs.iter().find(|locked| locked.source == key)
    }

    /// Puts the entry of an input in its place in the order, over one of the same key.
    pub fn put_input(&mut self, mut locked: LockedSource) {
        locked.source = entry_key(&locked.source);
        match self.inputs.binary_search_by(|old| old.source.cmp(&locked.source)) {
            Ok(found) => self.inputs[found] = locked,
            Err(place) => self.inputs.insert(place, locked),
        }
    }

    /// Returns the entry of a base.
    pub fn base(&self, base: &Base) -> Option<&LockedBase> {
        self.bases.iter().find(|locked| locked.base == *base)
    }

    /// Puts an entry in its place in the order, over one of the same key.
    pub fn put_source(&mut self, mut locked: LockedSource) {
        locked.source = entry_key(&locked.source);
        match self.sources.binary_search_by(|old| old.source.cmp(&locked.source)) {
            Ok(found) => self.sources[found] = locked,
            Err(place) => self.sources.insert(place, locked),
        }
    }

    /// Puts an entry in its place in the order, over one of the same key.
    pub fn put_base(&mut self, locked: LockedBase) {
        match self.bases.binary_search_by(|old| old.base.cmp(&locked.base)) {
            Ok(found) => self.bases[found] = locked,
            Err(place) => self.bases.insert(place, locked),
        }
    }

    /// Takes away the entries that nothing needs.
    pub fn retain(
        &mut self,
        needs_source: impl Fn(&Source) -> bool,
        needs_base: impl Fn(&Base) -> bool,
    ) {
        self.sources.retain(|locked| needs_source(&locked.source));
        self.bases.retain(|locked| needs_base(&locked.base));
    }

    /// Puts all entries of another lock over those of this one.
    pub fn merge(&mut self, newer: Self) {
        for locked in newer.sources {
            self.put_source(locked);
        }
        for locked in newer.bases {
            self.put_base(locked);
        }
        for locked in newer.inputs {
            self.put_input(locked);
        }
    }
}

/// Returns the source as an entry is keyed by it.
pub fn entry_key(source: &Source) -> Source {
    source.without_sha256()
}
