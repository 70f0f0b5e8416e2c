//! A tree in the making: sealed subtrees stay shared until something below them changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Name, Node, RelPath, Tree};

/// A directory that may still change.
#[derive(Clone, Debug)]
pub enum Draft {
    Sealed(Tree),
    Open(BTreeMap<Name, Entry>),
}

/// An entry of an open directory.
#[derive(Clone, Debug)]
pub enum Entry {
    Leaf(Node),
    Directory(Draft),
}

/// What kind of node something is.
pub(crate) enum Shape {
    Folder,
    File,
    Link(Arc<str>),
}

impl From<Node> for Shape {
    fn from(node: Node) -> Self {
        match node {
            Node::Directory(_) => Self::Folder,
            Node::File(_) => Self::File,
            Node::Symlink(link) => Self::Link(link.target),
        }
    }
}

/// A path whose folder is a file or a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no folder")]
pub struct Blocked(pub RelPath);

impl Default for Draft {
    fn default() -> Self {
        Self::Open(BTreeMap::new())
    }
}

impl From<Tree> for Draft {
    fn from(tree: Tree) -> Self {
        Self::Sealed(tree)
    }
}

impl Draft {
    /// Puts a node at a path and replaces what was there; missing folders are made.
    ///
    /// # Errors
    /// When a part of the path before its last is no folder, or the path is the tree itself.
    pub fn put(&mut self, path: &RelPath, node: impl Into<Node>) -> Result<(), Blocked> {
        let (parent, name) = path.split_last().ok_or_else(|| Blocked(path.clone()))?;
        let entry = match node.into() {
            Node::Directory(tree) => Entry::Directory(Self::Sealed(tree)),
            leaf => Entry::Leaf(leaf),
        };
        self.folder(&parent)?.open().insert(name, entry);
        Ok(())
    }

    /// Makes a folder, and those above it, if there is none.
    ///
    /// # Errors
    /// When a part of the path is no folder.
    pub fn make_folder(&mut self, path: &RelPath) -> Result<(), Blocked> {
        self.folder(path).map(drop)
    }

    /// Returns what stands at a path; links are not followed.
    pub fn get(&self, path: &RelPath) -> Option<Node> {
        let mut draft = self;
        let mut parts = path.parts();
        while let Some(part) = parts.next() {
            match draft {
                Self::Sealed(tree) => {
                    let rest = parts.fold(RelPath::from(part), |path, part| path.join(&part));
                    return tree.get(&rest);
                }
                Self::Open(entries) => match entries.get(&part)? {
                    Entry::Directory(below) => draft = below,
                    Entry::Leaf(node) => {
                        return if parts.next().is_none() { Some(node.clone()) } else { None };
                    }
                },
            }
        }
        Some(Node::Directory(draft.clone().seal()))
    }

    /// Returns what kind of node stands at a path, without sealing anything; links are not followed.
    pub(crate) fn shape(&self, path: &RelPath) -> Option<Shape> {
        let mut draft = self;
        let mut parts = path.parts();
        while let Some(part) = parts.next() {
            let node = match draft {
                Self::Sealed(tree) => {
                    let rest = parts.fold(RelPath::from(part), |path, part| path.join(&part));
                    return tree.get(&rest).map(Shape::from);
                }
                Self::Open(entries) => match entries.get(&part)? {
                    Entry::Directory(below) => {
                        draft = below;
                        continue;
                    }
                    Entry::Leaf(node) => node,
                },
            };
            return if parts.next().is_none() { Some(Shape::from(node.clone())) } else { None };
        }
        Some(Shape::Folder)
    }

    /// Takes away what stands at a path, if anything.
    pub fn remove(&mut self, path: &RelPath) {
        let Some((parent, name)) = path.split_last() else {
            return;
        };
        if let Some(Shape::Folder) = self.shape(&parent)
            && let Ok(folder) = self.folder(&parent)
        {
            folder.open().remove(&name);
        }
    }

    /// Ends the making: takes all digests.
    pub fn seal(self) -> Tree {
        let entries = match self {
            Self::Sealed(tree) => return tree,
            Self::Open(entries) => entries,
        };
        let seal = |entry| match entry {
            Entry::Leaf(node) => node,
            Entry::Directory(draft) => Node::Directory(draft.seal()),
        };
        Tree::new(entries.into_iter().map(|(name, entry)| (name, seal(entry))).collect())
    }

    pub(crate) fn folder(&mut self, path: &RelPath) -> Result<&mut Self, Blocked> {
        let mut folder = self;
        for part in path.parts() {
            let entry =
                folder.open().entry(part).or_insert_with(|| Entry::Directory(Self::default()));
            let Entry::Directory(below) = entry else {
                return Err(Blocked(path.clone()));
            };
            folder = below;
        }
        Ok(folder)
    }

    pub(crate) fn open(&mut self) -> &mut BTreeMap<Name, Entry> {
        if let Self::Sealed(tree) = self {
            let open = |node: &Node| match node {
                Node::Directory(tree) => Entry::Directory(Self::Sealed(tree.clone())),
                leaf => Entry::Leaf(leaf.clone()),
            };
            let entries = tree.entries().iter().map(|(name, node)| (name.clone(), open(node)));
            *self = Self::Open(entries.collect());
        }
        let Self::Open(entries) = self else { unreachable!("a sealed draft was opened above") };
        entries
    }
}

#[cfg(test)]
mod tests {
    use kiln_digest::Digest;

    use super::*;
    use crate::File;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[test]
    fn a_file_blocks_a_folder() {
        let mut draft = Draft::default();
        draft.put(&path("a"), File::new(Digest::EMPTY, false)).unwrap();
        assert_eq!(draft.make_folder(&path("a/b")), Err(Blocked(path("a/b"))));
        draft.remove(&path("a"));
        draft.make_folder(&path("a/b")).unwrap();
        assert!(draft.get(&path("a/b")).is_some());
        draft.remove(&path("x/y"));
        assert!(draft.get(&path("x")).is_none());
    }

    #[test]
    fn changing_a_copy_leaves_the_sealed_tree() {
        let mut draft = Draft::default();
        draft.put(&path("a/b/c"), File::new(Digest::EMPTY, false)).unwrap();
        let first = draft.seal();
        let mut draft = Draft::from(first.clone());
        draft.put(&path("a/d"), File::new(Digest::of(b"d"), true)).unwrap();
        let second = draft.seal();
        assert_eq!(first.files().count(), 1);
        assert_eq!(second.files().count(), 2);
        assert_eq!(first.get(&path("a/b")), second.get(&path("a/b")));
    }
}
