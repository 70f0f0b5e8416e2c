//! What makes one tree of another.

use crate::{Draft, Node, RelPath, Tree};

/// What was added, changed and removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was added or changed, with the folders above it.
    pub upper: Tree,
    /// What is gone, in order of path; of a folder that is gone only itself.
    pub removed: Vec<RelPath>,
    /// Whether a folder became something else, or something else a folder.
    pub changes_kinds: bool,
}

impl Difference {
    /// Compares two trees, times aside. What they share is not looked into.
    pub fn between(from: &Tree, to: &Tree) -> Self {
        let mut found =
            Found { upper: Draft::default(), removed: Vec::new(), changes_kinds: false };
        found.compare(&RelPath::default(), from, to);
        let Found { upper, mut removed, changes_kinds } = found;
        removed.sort();
        Self { upper: upper.seal(), removed, changes_kinds }
    }

    /// Returns whether the trees are the same.
    pub fn is_empty(&self) -> bool {
        self.upper.entries().is_empty() && self.removed.is_empty()
    }

    /// Returns whether `upper` laid over the first tree shows the second.
    pub fn stacks(&self) -> bool {
        self.removed.is_empty() && !self.changes_kinds
    }

    /// Makes the same changes to a tree.
    pub fn apply(&self, tree: &Tree) -> Tree {
        let mut draft = Draft::from(tree.clone());
        for path in &self.removed {
            draft.remove(path);
        }
        for (path, node) in self.upper.walk() {
            let is_folder = matches!(node, Node::Directory(_));
            if is_folder && draft.make_folder(&path).is_err() {
                draft.remove(&path);
            }
            // The folders above come first in a walk, so nothing blocks the path.
            let made = if is_folder { draft.make_folder(&path) } else { draft.put(&path, node) };
            debug_assert!(made.is_ok());
        }
        draft.seal()
    }
}

struct Found {
    upper: Draft,
    removed: Vec<RelPath>,
    changes_kinds: bool,
}

impl Found {
    fn compare(&mut self, at: &RelPath, from: &Tree, to: &Tree) {
        for name in from.entries().keys().filter(|name| !to.entries().contains_key(name)) {
            self.removed.push(at.join(name));
        }
        for (name, node) in to.entries() {
            let path = at.join(name);
            match (from.entries().get(name), node) {
                (Some(old), _) if old.same_content(node) => continue,
                (Some(Node::Directory(old)), Node::Directory(new)) => {
                    self.compare(&path, old, new);
                    continue;
                }
                (Some(Node::Directory(_)), _) | (Some(_), Node::Directory(_)) => {
                    self.changes_kinds = true;
                }
                (None | Some(_), _) => {}
            }
            let placed = self.upper.put(&path, node.clone());
            debug_assert!(placed.is_ok(), "only folders are above");
        }
    }
}

#[cfg(test)]
mod tests {
    use kiln_digest::Digest;

    use super::*;
    use crate::File;

    fn tree(words: &str) -> Tree {
        let mut draft = Draft::default();
        for word in words.split_whitespace() {
            match word.split_once('=') {
                Some((path, content)) => {
                    let file = File::new(Digest::of(content.as_bytes()), false);
                    draft.put(&RelPath::parse(path).unwrap(), file).unwrap();
                }
                None => draft.make_folder(&RelPath::in_root(word).unwrap()).unwrap(),
            }
        }
        draft.seal()
    }

    #[track_caller]
    fn check(from: &str, to: &str, upper: &str, removed: &[&str], stacks: bool) {
        let found = Difference::between(&tree(from), &tree(to));
        assert_eq!(found.upper, tree(upper));
        assert_eq!(found.removed.iter().map(RelPath::as_str).collect::<Vec<_>>(), removed);
        assert_eq!(found.stacks(), stacks);
        assert_eq!(found.is_empty(), from == to);
        assert_eq!(found.apply(&tree(from)), tree(to));
        // What the first tree does not have stays.
        assert!(
            found
                .apply(&tree(&format!("{from} kept=1")))
                .get(&RelPath::parse("kept").unwrap())
                .is_some()
        );
    }

    #[test]
    fn what_was_added_and_changed_lies_above() {
        check("a/b=1 c=2", "a/b=1 c=2", "", &[], true);
        check("a/b=1 a/c=2 d/e=3", "a/b=1 a/c=4 d/e=3 f/g=5 h/", "a/c=4 f/g=5 h/", &[], true);
    }

    #[test]
    fn what_is_gone_is_named_once() {
        check("a/b=1 a/c/d=2 e=3", "a/b=1", "", &["a/c", "e"], false);
    }

    #[test]
    fn a_folder_and_a_file_do_not_stack() {
        check("a=1", "a/b=2", "a/b=2", &[], false);
        check("a/b=2", "a=1", "a=1", &[], false);
    }
}
