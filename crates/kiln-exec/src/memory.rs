//! What the jobs of one execution share, each made once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use kiln_assemble::{OverlapFound, Root};
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
    /// Roots by what is staged in them, lowest first, before their integration.
    pub(crate) merged: Once<Vec<NodeIx>, Arc<Root>>,
    /// The same, integrated.
    pub(crate) roots: Once<Vec<NodeIx>, Rooted>,
    /// What integrations changed, by their actions.
    pub(crate) integrations: Once<Digest, Integrated>,
    /// Archives of trees that are layers of images.
    pub(crate) archives: Once<Digest, Digest>,
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
    /// The sources, laid out and patched.
    pub(crate) laid_out: Option<Tree>,
}

/// How many entries of lists the questions that are kept may have together; the oldest are forgotten, so that a project
/// of many large roots does not fill the memory.
const MAX_ASKED: usize = 1 << 18;

/// Answers that are made once, by whoever asks first; others who ask at the same time wait.
pub(crate) struct Once<K, V>(Mutex<Answers<K, V>>);

/// Hears that a job waits for the work of another one, and meanwhile needs no slot.
pub(crate) trait Waits {
    fn begin(&self);
    fn end(&self);
}

impl Waits for () {
    fn begin(&self) {}

    fn end(&self) {}
}

struct Answers<K, V> {
    known: BTreeMap<K, Arc<Mutex<Option<V>>>>,
    /// What was asked, oldest first, with its size.
    asked: VecDeque<(K, usize)>,
    size: usize,
}

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Answers { known: BTreeMap::new(), asked: VecDeque::new(), size: 0 }))
    }
}

impl<K: Ord + Clone, V: Clone> Once<K, V> {
    /// Returns the answer to a question of some size; an error is nobody's answer, the next to ask tries again. Who has
    /// to wait for another says so.
    pub(crate) fn get(
        &self,
        key: &K,
        size: usize,
        waits: &dyn Waits,
        make: impl FnOnce() -> Result<V, ExecError>,
    ) -> Result<V, ExecError> {
        let answer = held(&self.0).entry(key, size);
        let mut answer = match answer.try_lock() {
            Ok(answer) => answer,
            Err(TryLockError::Poisoned(answer)) => answer.into_inner(),
            Err(TryLockError::WouldBlock) => {
                waits.begin();
                let waited = held(&answer);
                waits.end();
                waited
            }
        };
        if let Some(known) = answer.as_ref() {
            return Ok(known.clone());
        }
        let made = make()?;
        *answer = Some(made.clone());
        Ok(made)
    }
}

impl<T: Ord + Clone, V: Clone> Once<Vec<T>, V> {
    /// Returns the longest known list that is not the whole of a list but its beginning, and its answer.
    pub(crate) fn beginning(&self, list: &[T]) -> Option<(usize, V)> {
        let answers = held(&self.0);
        let mut end = Bound::Excluded(list);
        loop {
            let before = (Bound::Unbounded, end);
            let (found, answer) = answers.known.range::<[T], _>(before).next_back()?;
            let same = found.iter().zip(list).take_while(|(a, b)| a == b).count();
            // One that somebody is at work on is not waited for.
            let answer = answer.try_lock().ok().and_then(|answer| answer.clone());
            match answer {
                Some(answer) if same == found.len() => return Some((same, answer)),
                _ => end = Bound::Included(&list[..same.min(found.len().checked_sub(1)?)]),
            }
        }
    }
}

impl<K: Ord + Clone, V> Answers<K, V> {
    fn entry(&mut self, key: &K, size: usize) -> Arc<Mutex<Option<V>>> {
        if let Some(known) = self.known.get(key) {
            return Arc::clone(known);
        }
        self.size += size;
        self.asked.push_back((key.clone(), size));
        while self.size > MAX_ASKED
            && let Some((oldest, size)) = self.asked.pop_front()
        {
            self.size -= size;
            self.known.remove(&oldest);
        }
        Arc::clone(self.known.entry(key.clone()).or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: &[&[u32]], list: &[u32], expected: Option<&[u32]>) {
        let once: Once<Vec<u32>, Vec<u32>> = Once::default();
        for key in asked {
            once.get(&key.to_vec(), key.len(), &(), || Ok(key.to_vec())).unwrap();
        }
        let found = once.beginning(list);
        assert_eq!(found, expected.map(|known| (known.len(), known.to_vec())));
    }

    #[test]
    fn the_longest_beginning_is_found() {
        check(&[], &[1], None);
        check(&[&[1], &[1, 2], &[1, 2, 4]], &[1, 2, 3], Some(&[1, 2]));
        check(&[&[1], &[1, 2, 2, 9], &[1, 2, 3, 4], &[2]], &[1, 2, 3], Some(&[1]));
        check(&[&[1, 2, 3]], &[1, 2, 3, 4, 5], Some(&[1, 2, 3]));
        check(&[&[0], &[2]], &[1], None);
        check(&[&[], &[1, 3]], &[1, 2], Some(&[]));
    }

    #[test]
    fn the_oldest_answers_are_forgotten() {
        let once: Once<u32, u32> = Once::default();
        let mut n_made = 0;
        for key in [1, 2, 3, 3, 1] {
            let make = || {
                n_made += 1;
                Ok(key)
            };
            once.get(&key, MAX_ASKED / 2, &(), make).unwrap();
        }
        assert_eq!(n_made, 4);
    }
}
