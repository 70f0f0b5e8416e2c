//! What the upper folder of an overlay changes of the folders below.

use std::collections::BTreeSet;

use kiln_tree::{Draft, Node, RelPath, Tree};

/// The difference that an overlay made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// What was added or written anew.
    pub tree: Tree,
    /// What was removed.
    pub removed: BTreeSet<RelPath>,
    /// Folders of `tree` that stand for themselves: nothing of the folders below shows through.
    pub opaque: BTreeSet<RelPath>,
    /// What was dropped, one line each.
    pub warnings: Vec<String>,
}

impl Changes {
    /// Returns what is seen when these changes lie on a tree.
    pub fn apply(&self, below: &Tree) -> Tree {
        let hides_all = self.opaque.contains(&RelPath::default());
        let below = if hides_all { Tree::empty() } else { below.clone() };
        let mut draft = Draft::from(below);
        for path in &self.removed {
            draft.remove(path);
        }
        for path in &self.opaque {
            draft.remove(path);
        }
        for (path, node) in self.tree.walk() {
            let is_folder_below = matches!(draft.get(&path), Some(Node::Directory(_)));
            let node = match node {
                Node::Directory(_) if is_folder_below => continue,
                Node::Directory(_) => Node::Directory(Tree::empty()),
                leaf => leaf,
            };
            // Walking comes to a folder before what it holds, so its place is a folder by now.
            let put = draft.put(&path, node);
            debug_assert!(put.is_ok(), "a folder was put before its entries");
        }
        draft.seal()
    }
}
