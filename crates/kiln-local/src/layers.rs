//! Which trees are stacked.
//!
//! Never: touches the disk; the trees that come out are extracted by others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use kiln_digest::Digest;
use kiln_tree::{Tree, merge};

/// How many folders are stacked; each makes the first look at a name slower, and the kernel takes at most 500.
pub(crate) const MAX_LAYERS: usize = 64;

/// How many layers make one on average, to begin with: two to the power of this.
const BITS: u32 = 4;

/// Finds the trees to stack, and remembers those that are folded: builds share them, and folding looks at all files.
#[derive(Debug, Default)]
pub(crate) struct Folding {
    known: Mutex<BTreeMap<Vec<Digest>, Tree>>,
}

impl Folding {
    /// Returns the trees to stack, lowest first. The kernel refuses a folder that is there twice, and no folder at all;
    /// of equal trees the upper one hides the other.
    pub(crate) fn layers(&self, lowers: &[Tree]) -> Vec<Tree> {
        let mut layers = distinct(lowers);
        let mut bits = BITS;
        while layers.len() > MAX_LAYERS {
            layers = distinct(&self.fold(&layers, bits));
            bits += 1;
        }
        if layers.is_empty() {
            layers.push(Tree::empty());
        }
        layers
    }

    /// Makes one tree of neighbours above the base, which is large and stays as it is.
    ///
    /// Where one tree ends is told by the layers themselves: a layer that two builds do not share changes the tree
    /// that it falls into, and all others are the same in both, extracted once.
    fn fold(&self, layers: &[Tree], bits: u32) -> Vec<Tree> {
        let Some((base, rest)) = layers.split_first() else {
            return Vec::new();
        };
        let is_end = |tree: &Tree| {
            let [.., byte] = tree.digest().hash;
            bits < u8::BITS && u32::from(byte) & ((1 << bits) - 1) == 0
        };
        let parts = rest.split_inclusive(is_end).map(|part| match part {
            [one] => one.clone(),
            several => self.merged(several),
        });
        std::iter::once(base.clone()).chain(parts).collect()
    }

    fn merged(&self, layers: &[Tree]) -> Tree {
        let names = layers.iter().map(Tree::digest).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(names).or_insert_with(|| merge(layers).tree).clone()
    }
}

fn distinct(lowers: &[Tree]) -> Vec<Tree> {
    let mut seen: BTreeSet<Digest> = BTreeSet::from([Digest::EMPTY]);
    let mut layers: Vec<Tree> = lowers.to_vec();
    layers.reverse();
    layers.retain(|tree| seen.insert(tree.digest()));
    layers.reverse();
    layers
}

#[cfg(test)]
mod tests {
    use kiln_tree::{Draft, File, RelPath};

    use super::*;

    fn layer(n: usize) -> Tree {
        let mut draft = Draft::default();
        for path in [format!("data/{n}"), "data/which".to_owned()] {
            let file = File::new(Digest::of(n.to_string().as_bytes()), false);
            draft.put(&RelPath::parse(&path).unwrap(), file).unwrap();
        }
        draft.seal()
    }

    fn check(lowers: &[Tree], n_expected: std::ops::RangeInclusive<usize>) -> Vec<Tree> {
        let layers = Folding::default().layers(lowers);
        assert!(n_expected.contains(&layers.len()), "{}", layers.len());
        assert_eq!(merge(&layers).tree, merge(lowers).tree, "what is seen is the same");
        layers
    }

    fn many(numbers: impl Iterator<Item = usize>) -> Vec<Tree> {
        numbers.map(layer).collect()
    }

    #[test]
    fn as_many_as_the_kernel_likes_stay_apart() {
        check(&[], 1..=1);
        let few = many(0..MAX_LAYERS);
        assert_eq!(check(&few, 64..=64), few);
    }

    #[test]
    fn more_are_folded_above_the_base() {
        for n_layers in [65, 100, 500, 3000] {
            let lowers = many(0..n_layers);
            assert_eq!(check(&lowers, 2..=64)[0], lowers[0]);
        }
    }

    #[test]
    fn equal_and_empty_layers_do_not_count() {
        let twice = [many(0..40), vec![Tree::empty()], many(0..40)].concat();
        assert_eq!(check(&twice, 40..=40), many(0..40));
    }

    #[test]
    fn builds_that_differ_in_one_layer_share_the_rest() {
        let folding = Folding::default();
        let all = folding.layers(&many(0..200));
        assert_eq!(folding.layers(&many(0..200)), all);
        for left_out in [1, 57, 199] {
            let other = folding.layers(&many((0..200).filter(|n| *n != left_out)));
            let shared = other.iter().filter(|tree| all.contains(tree)).count();
            assert!(shared + 2 >= other.len(), "{shared} of {}", other.len());
            assert!(shared >= 5);
        }
    }
}
