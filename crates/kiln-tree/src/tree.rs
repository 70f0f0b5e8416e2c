//! Immutable directories with shared subtrees and known digests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kiln_digest::Digest;

use crate::listing::encode_directory;
use crate::{Name, RelPath};

/// A point in time: seconds since 1970 and nanoseconds below one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    pub seconds: i64,
    pub nanos: u32,
}

impl Time {
    /// The one time of every staged input and extracted file: 2011-11-11 11:11:11 UTC
    /// (`docs/spec/identity.md`); also the default `SOURCE_DATE_EPOCH`.
    pub const STAGED: Self = Self { seconds: 1_321_009_871, nanos: 0 };
}

/// A regular file: its content, the owner's executable bit, and its time where times are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    pub digest: Digest,
    pub executable: bool,
    pub mtime: Option<Time>,
}

impl File {
    /// Makes a file without a time.
    pub fn new(digest: Digest, executable: bool) -> Self {
        Self { digest, executable, mtime: None }
    }
}

/// A symbolic link: its text, never followed when stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symlink {
    pub target: Arc<str>,
    pub mtime: Option<Time>,
}

impl Symlink {
    /// Makes a link without a time.
    pub fn new(target: impl Into<Arc<str>>) -> Self {
        Self { target: target.into(), mtime: None }
    }
}

/// What a name in a directory stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    File(File),
    Directory(Tree),
    Symlink(Symlink),
}

impl Node {
    /// Returns whether both stand for the same content, times aside.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => a.digest == b.digest && a.executable == b.executable,
            (Self::Symlink(a), Self::Symlink(b)) => a.target == b.target,
            (Self::Directory(a), Self::Directory(b)) => {
                a.digest() == b.digest() || a.without_times() == b.without_times()
            }
            _ => false,
        }
    }
}

impl From<File> for Node {
    fn from(file: File) -> Self {
        Self::File(file)
    }
}

impl From<Symlink> for Node {
    fn from(symlink: Symlink) -> Self {
        Self::Symlink(symlink)
    }
}

impl From<Tree> for Node {
    fn from(tree: Tree) -> Self {
        Self::Directory(tree)
    }
}

/// A directory with everything below it; cheap to copy, equal if and only if the digests are equal.
#[derive(Clone)]
pub struct Tree(Arc<Inner>);

struct Inner {
    entries: BTreeMap<Name, Node>,
    mtime: Option<Time>,
    digest: Digest,
}

impl Tree {
    /// Makes a tree of entries.
    pub fn new(entries: BTreeMap<Name, Node>) -> Self {
        Self::with_mtime(entries, None)
    }

    /// Makes a tree whose own directory keeps a time.
    pub fn with_mtime(entries: BTreeMap<Name, Node>, mtime: Option<Time>) -> Self {
        let digest = Digest::of(&encode_directory(&entries, mtime));
        Self::of_digest(entries, mtime, digest)
    }

    /// Makes a tree whose digest is known.
    pub(crate) fn of_digest(
        entries: BTreeMap<Name, Node>,
        mtime: Option<Time>,
        digest: Digest,
    ) -> Self {
        Self(Arc::new(Inner { entries, mtime, digest }))
    }

    /// Returns the tree without entries.
    pub fn empty() -> Self {
        Self::new(BTreeMap::new())
    }

    /// Returns the digest of the REAPI `Directory` message of this tree.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns the canonical bytes of the `Directory` message of this directory alone.
    pub fn encode(&self) -> Vec<u8> {
        encode_directory(&self.0.entries, self.0.mtime)
    }

    /// Returns the entries in byte order of their names.
    pub fn entries(&self) -> &BTreeMap<Name, Node> {
        &self.0.entries
    }

    /// Returns the time of the directory itself.
    pub fn mtime(&self) -> Option<Time> {
        self.0.mtime
    }

    /// Returns what stands at a path; links are not followed.
    pub fn get(&self, path: &RelPath) -> Option<Node> {
        let mut node = Node::Directory(self.clone());
        for part in path.parts() {
            let Node::Directory(tree) = node else {
                return None;
            };
            node = tree.entries().get(&part)?.clone();
        }
        Some(node)
    }

    /// Returns the tree at a path, if there is a directory.
    pub fn subtree(&self, path: &RelPath) -> Option<Tree> {
        match self.get(path)? {
            Node::Directory(tree) => Some(tree),
            _ => None,
        }
    }

    /// Returns every entry below this directory with its path: a directory before what it holds.
    pub fn walk(&self) -> Walk {
        Walk { waiting: vec![(RelPath::default(), self.clone())], ready: Vec::new() }
    }

    /// Returns every regular file below this directory with its path.
    pub fn files(&self) -> impl Iterator<Item = (RelPath, File)> {
        self.walk().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path, file)),
            _ => None,
        })
    }

    /// Returns this directory and all below it, each distinct one once.
    pub fn directories(&self) -> BTreeMap<Digest, Tree> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![self.clone()];
        while let Some(tree) = waiting.pop() {
            if found.contains_key(&tree.digest()) {
                continue;
            }
            for node in tree.entries().values() {
                if let Node::Directory(below) = node {
                    waiting.push(below.clone());
                }
            }
            found.insert(tree.digest(), tree);
        }
        found
    }

    /// Returns the same content without any time.
    #[must_use]
    pub fn without_times(&self) -> Self {
        let strip = |node: &Node| match node {
            Node::File(file) => Node::File(File { mtime: None, ..*file }),
            Node::Symlink(link) => {
                Node::Symlink(Symlink { target: link.target.clone(), mtime: None })
            }
            Node::Directory(tree) => Node::Directory(tree.without_times()),
        };
        Self::new(self.entries().iter().map(|(name, node)| (name.clone(), strip(node))).collect())
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for Tree {}

impl fmt::Debug for Tree {
    /// Writes the stable text form: one line an entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.digest())?;
        for (path, node) in self.walk() {
            match node {
                Node::File(file) => {
                    let mark = if file.executable { "x" } else { "-" };
                    writeln!(f, "{mark} {path} {}", file.digest)?;
                }
                Node::Symlink(link) => writeln!(f, "l {path} -> {}", link.target)?,
                Node::Directory(_) => writeln!(f, "d {path}")?,
            }
        }
        Ok(())
    }
}

/// The entries of a tree, a directory before what it holds, names in byte order.
pub struct Walk {
    waiting: Vec<(RelPath, Tree)>,
    ready: Vec<(RelPath, Node)>,
}

impl Iterator for Walk {
    type Item = (RelPath, Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, node)) = self.ready.pop() {
                if let Node::Directory(tree) = &node {
                    self.open(&path, tree);
                }
                return Some((path, node));
            }
            let (path, tree) = self.waiting.pop()?;
            self.open(&path, &tree);
        }
    }
}

impl Walk {
    fn open(&mut self, path: &RelPath, tree: &Tree) {
        let below = tree.entries().iter().rev();
        self.ready.extend(below.map(|(name, node)| (path.join(name), node.clone())));
    }
}
