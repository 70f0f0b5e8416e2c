//! What the jobs of one execution share, each made once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kiln_assemble::OverlapFound;
use kiln_digest::Digest;
use kiln_plan::NodeIx;
use kiln_tree::Tree;

use crate::ExecError;
use crate::root::{Integrated, Rooted};

/// What the jobs of one execution share.
#[derive(Default)]
pub(crate) struct Memory {
    /// Output trees of nodes, loaded when first wanted.
    trees: Mutex<BTreeMap<NodeIx, Tree>>,
    /// Roots by what is staged in them, lowest first.
    pub(crate) roots: Once<Vec<NodeIx>, Rooted>,
    /// What integrations changed, by their actions.
    pub(crate) integrations: Once<Digest, Integrated>,
    /// What was fetched ahead of the jobs that start from it.
    given: Mutex<BTreeMap<NodeIx, Given>>,
    said: Mutex<BTreeSet<OverlapFound>>,
    n_launched: AtomicUsize,
}

/// How many fetched trees wait for their jobs at most; others are read from the store again.
const MAX_GIVEN: usize = 64;

/// What was fetched for an element.
#[derive(Default)]
pub(crate) struct Given {
    /// Trees of sources by their place among the sources.
    pub(crate) sources: BTreeMap<usize, Tree>,
    pub(crate) base: Option<Tree>,
}

/// Answers that are made once, by whoever asks first; others who ask at the same time wait.
pub(crate) struct Once<K, V>(Mutex<BTreeMap<K, Arc<Mutex<Option<V>>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone, V: Clone> Once<K, V> {
    /// Returns the answer to a question; an error is nobody's answer, the next to ask tries again.
    pub(crate) fn get(
        &self,
        key: &K,
        make: impl FnOnce() -> Result<V, ExecError>,
    ) -> Result<V, ExecError> {
        let answer = Arc::clone(held(&self.0).entry(key.clone()).or_default());
        let mut answer = held(&answer);
        if let Some(known) = answer.as_ref() {
            return Ok(known.clone());
        }
        let made = make()?;
        *answer = Some(made.clone());
        Ok(made)
    }
}

impl Memory {
    pub(crate) fn tree(&self, ix: NodeIx) -> Option<Tree> {
        held(&self.trees).get(&ix).cloned()
    }

    pub(crate) fn keep(&self, ix: NodeIx, tree: Tree) {
        held(&self.trees).insert(ix, tree);
    }

    /// Keeps what was fetched until its job takes it; what is not wanted next is kept only while that is little.
    pub(crate) fn give(&self, ix: NodeIx, given: Given, is_next: bool) {
        let mut all = held(&self.given);
        if is_next || all.len() < MAX_GIVEN {
            all.insert(ix, given);
        }
    }

    /// Takes what was fetched for an element.
    pub(crate) fn take(&self, ix: NodeIx) -> Given {
        held(&self.given).remove(&ix).unwrap_or_default()
    }

    /// Returns whether this is said for the first time.
    pub(crate) fn is_new(&self, overlap: &OverlapFound) -> bool {
        held(&self.said).insert(overlap.clone())
    }

    pub(crate) fn count_launch(&self) {
        self.n_launched.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn launched(&self) -> usize {
        self.n_launched.load(Ordering::Relaxed)
    }
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is whole before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
