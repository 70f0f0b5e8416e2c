//! Walks the graph: order, slots, cutoff, failures, cancellation.
//!
//! # Purpose
//! [`execute()`] brings every job of a [`BuildGraph`] to its end: what exists is reused, a known action is not run
//! again (early cutoff), a recorded failure is reported, the rest is assembled and run.
//!
//! # Never
//! Names a runner, a store or a source kind; decides what is stale.
//!
//! # Example
//! See `tests/` of this crate: a graph of a few elements on a store in memory.

mod claim;
mod element;
mod error;
mod image;
mod memory;
mod order;
mod patched;
mod prepare;
mod root;
mod sandbox;
mod schedule;
mod tell;

pub use error::{ExecError, Foreign};
pub use patched::lay_out;
pub use prepare::{Prepared, Purpose, prepare};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use kiln_action::{CancelFlag, Runner};
use kiln_artifact::Index;
use kiln_cas::Cas;
use kiln_digest::{Digest, Key};
use kiln_event::Sink;
use kiln_graph::BuildGraph;
use kiln_ir::{Base, ElementName, Ir, Patch, Source};
use kiln_plan::Plan;
use kiln_tree::Tree;

/// What the world looks like to the executor.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    pub runner: &'a dyn Runner,
    pub cas: &'a dyn Cas,
    pub index: &'a dyn Index,
    pub supply: &'a dyn Supply,
    pub sink: &'a dyn Sink,
    /// Microseconds since the run began.
    pub clock: &'a (dyn Fn() -> u64 + Sync),
}

/// An error of a part that the executor does not know.
pub type ForeignError = Box<dyn miette::Diagnostic + Send + Sync + 'static>;

/// Brings the content of sources and bases into the store.
pub trait Supply: Send + Sync {
    /// Returns the tree of a source, as pinned.
    ///
    /// # Errors
    /// When it cannot be fetched, or is not what its pin says.
    fn source(&self, source: &Source) -> Result<Tree, ForeignError>;

    /// Returns the tree of a base, as pinned.
    ///
    /// # Errors
    /// When it cannot be fetched or put together.
    fn base(&self, base: &Base) -> Result<Tree, ForeignError>;

    /// Returns the files that a patch stands for, as pinned, in the order they are applied.
    ///
    /// # Errors
    /// When one cannot be read, or is not what its pin says.
    fn patches(&self, patch: &Patch) -> Result<Vec<PatchFile>, ForeignError>;

    /// Returns what the tree of this digest is with these patches, as pinned, if somebody remembers it. It may be gone.
    fn patched(&self, tree: Digest, patches: &[Patch]) -> Option<Digest> {
        let (_tree, _patches) = (tree, patches);
        None
    }

    /// Remembers it, or does not: then the patches are applied again.
    fn keep_patched(&self, tree: Digest, patches: &[Patch], patched: Digest) {
        let (_tree, _patches, _patched) = (tree, patches, patched);
    }
}

/// A patch file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// Relative to the project root.
    pub path: String,
    /// Leading parts dropped from the paths in it.
    pub strip: u32,
    pub bytes: Vec<u8>,
}

/// Whose build trees are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BuildTrees {
    /// Of what failed, for people to look into.
    #[default]
    Failure,
    /// Of everything that runs.
    Always,
    /// Of nothing.
    Never,
}

/// How to go about it: nothing here changes a result.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// What stands for the project in the index.
    pub project: &'a str,
    /// Instruction set in the words of the remote-apis lexicon.
    pub isa: &'a str,
    /// Folder that receives a log an element.
    pub logs: &'a Path,
    /// Jobs at a time, and the processors that they share.
    pub slots: usize,
    /// Sources and bases that are fetched at a time.
    pub fetchers: usize,
    /// Environment of every action, outside its digest, over what the executor sets.
    pub advice: BTreeMap<String, String>,
    /// How long an action may take.
    pub time_limit: Option<Duration>,
    /// How long an action may print nothing.
    pub silence: Option<Duration>,
    pub build_trees: BuildTrees,
    /// Findings that are errors: `overlaps`, `warnings` (all of them).
    pub deny: BTreeSet<String>,
    /// Run again what is recorded as failed.
    pub retry_failed: bool,
    /// Start what does not depend on a failure.
    pub keep_going: bool,
    /// End what runs, too, at the first failure.
    pub fail_fast: bool,
    /// Facts of this machine, kept with each run.
    pub host: BTreeMap<String, String>,
    pub cancel: CancelFlag,
}

/// What was asked for and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    pub ir: &'a Ir,
    pub plan: &'a Plan,
    pub graph: &'a BuildGraph,
    /// Output trees of the keys that exist.
    pub have: &'a BTreeMap<Key, Digest>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Report {
    /// Elements that ran or were put together.
    pub built: usize,
    /// Elements that were there, by key or by action.
    pub cached: usize,
    /// Sandboxes that were started.
    pub launched: usize,
    /// Elements whose own script failed, in order of name.
    pub failed: Vec<ElementName>,
    /// Elements that were not tried because of those.
    pub skipped: Vec<ElementName>,
    /// Whether somebody asked to stop.
    pub cancelled: bool,
}

/// Executes a graph.
///
/// # Errors
/// When something other than a script failed; a failed script is in the report. [`ExecError::Lost`] says that content
/// of existing artifacts is gone: forget their keys and prune again.
pub fn execute(
    work: Work<'_>,
    ports: Ports<'_>,
    settings: &Settings<'_>,
) -> Result<Report, ExecError> {
    schedule::Schedule::new(work, ports, settings)?.run()
}
