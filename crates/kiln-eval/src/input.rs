//! Projects that a project uses: as they come in, and as they are asked for.

use crate::program::{Folder, SourceFile};
use crate::value::Source;
use kiln_diag::Span;
use std::collections::BTreeMap;

/// The parsed files of a project that another one uses.
#[derive(Clone, Debug)]
pub struct InputProject {
    /// The names by which it was found first, joined by dots; names of its elements begin with it.
    pub name: String,
    /// `project.kiln`; its folder is `NAME//`, those of all other files begin so.
    pub project: SourceFile,
    pub root: Folder,
}

/// The inputs that are known, and which calls of `Project(source)` mean them.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub projects: Vec<InputProject>,
    /// By the project that calls and the source: the index among `projects`, or none where it was told what is wrong.
    pub found: BTreeMap<InputKey, Option<usize>>,
    /// All were read: what is not there now is no input.
    pub is_complete: bool,
    /// What the lock says is the version of a source, by [`Source::key`].
    pub versions: Versions,
}

/// Versions of sources by their keys.
pub type Versions = BTreeMap<String, String>;

/// The versions that an evaluation asked for, and what it was told.
pub type VersionsRead = BTreeMap<String, Option<String>>;

/// A call of `Project(source)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputKey {
    /// The index of the project in whose files it stands among the inputs; none for the one at hand.
    pub of: Option<usize>,
    /// The source as it is shown.
    pub source: String,
}

/// An input that an evaluation asked for and did not have.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedInput {
    pub key: InputKey,
    /// What to call it, if it is new: the names of the binding.
    pub name: String,
    pub source: Source,
    pub span: Span,
    /// The aliases of the project that asks.
    pub aliases: BTreeMap<String, String>,
}
