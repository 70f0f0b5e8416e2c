//! What sources and bases are at this moment: the facts that planning needs and never looks up.

use std::collections::BTreeMap;

use kiln_digest::Digest;

use crate::{Base, Source};

/// Digests of all that comes from outside, from the lock and from the project's own folders.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pins {
    /// The tree of each source.
    pub sources: BTreeMap<Source, Digest>,
    /// The packages of each base.
    pub bases: BTreeMap<Base, BasePin>,
    /// The content of each patch, by its path relative to the project root.
    pub patches: BTreeMap<String, Digest>,
}

/// The exact packages of a base.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BasePin {
    /// The sha256 of each package, in the order they are laid over each other.
    pub packages: Vec<[u8; 32]>,
    /// Version of the fix-ups that turn them into a sysroot.
    pub fixups: u32,
}
