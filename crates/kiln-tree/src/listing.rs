//! One directory as the REAPI `Directory` message: canonical bytes, strict reading, loading of whole trees.
//!
//! Source: remote-apis `build/bazel/remote/execution/v2/remote_execution.proto`, message `Directory`: names
//! sorted, unique over the three lists, default fields left out.

use std::collections::BTreeMap;

use kiln_digest::Digest;

use crate::strict::{Parts, bad};
use crate::wire::{Writer, digest_message};
use crate::{File, Name, Node, Symlink, Time, Tree};

/// How many folders may lie within each other.
pub const MAX_DEPTH: usize = 256;

/// One directory, read: its subdirectories only by digest.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Listing {
    pub files: BTreeMap<Name, File>,
    pub directories: BTreeMap<Name, Digest>,
    pub symlinks: BTreeMap<Name, Symlink>,
    pub mtime: Option<Time>,
}

/// Bytes that are not the canonical form of a directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a directory message is not canonical: {0}")]
pub struct BadDirectory(pub String);

/// A tree that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError<E: std::error::Error + 'static> {
    #[error("cannot read a directory of the tree")]
    Read(#[source] E),
    #[error(transparent)]
    Bad(#[from] BadDirectory),
    #[error("the tree is deeper than {MAX_DEPTH} folders")]
    Deep,
}

impl Listing {
    /// Reads a directory message, which must be canonical to the byte.
    ///
    /// # Errors
    /// When the bytes are no such message, or would be written otherwise.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadDirectory> {
        let Parts { files, directories, symlinks, mtime } = Parts::read(bytes)?;
        Ok(Self {
            files: files.into_iter().collect(),
            directories: directories.into_iter().collect(),
            symlinks: symlinks.into_iter().collect(),
            mtime,
        })
    }

    /// Returns the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for (name, file) in &self.files {
            out.message(1, &file_node(name, file));
        }
        for (name, digest) in &self.directories {
            out.message(2, &directory_node(name, digest));
        }
        for (name, symlink) in &self.symlinks {
            out.message(3, &symlink_node(name, symlink));
        }
        if let Some(mtime) = self.mtime {
            out.message(5, &properties(mtime));
        }
        out.finish()
    }
}

impl Tree {
    /// Loads a whole tree; `read` gives the bytes of a directory by digest. Equal subtrees are loaded once.
    ///
    /// # Errors
    /// When a directory cannot be read, is not canonical, or lies deeper than [`MAX_DEPTH`].
    pub fn load<E: std::error::Error + 'static>(
        root: Digest,
        read: &mut impl FnMut(Digest) -> Result<Vec<u8>, E>,
    ) -> Result<Self, LoadError<E>> {
        load(root, read, &mut BTreeMap::new(), 0)
    }

    /// Loads a tree as [`Tree::load`] does, but reads nothing that is also in another tree.
    ///
    /// # Errors
    /// As [`Tree::load`].
    pub fn load_like<E: std::error::Error + 'static>(
        root: Digest,
        like: &Self,
        read: &mut impl FnMut(Digest) -> Result<Vec<u8>, E>,
    ) -> Result<Self, LoadError<E>> {
        load(root, read, &mut like.directories(), 0)
    }
}

fn load<E: std::error::Error + 'static>(
    root: Digest,
    read: &mut impl FnMut(Digest) -> Result<Vec<u8>, E>,
    known: &mut BTreeMap<Digest, Tree>,
    depth: usize,
) -> Result<Tree, LoadError<E>> {
    if root == Digest::EMPTY {
        return Ok(Tree::empty());
    }
    if let Some(tree) = known.get(&root) {
        return Ok(tree.clone());
    }
    if depth > MAX_DEPTH {
        return Err(LoadError::Deep);
    }
    let bytes = read(root).map_err(LoadError::Read)?;
    let Parts { files, directories, symlinks, mtime } = Parts::read(&bytes)?;
    let n_entries = files.len() + directories.len() + symlinks.len();
    let mut nodes = Vec::with_capacity(n_entries);
    nodes.extend(files.into_iter().map(|(name, file)| (name, Node::File(file))));
    nodes.extend(symlinks.into_iter().map(|(name, symlink)| (name, Node::Symlink(symlink))));
    for (name, digest) in directories {
        nodes.push((name, Node::Directory(load(digest, read, known, depth + 1)?)));
    }
    let entries: BTreeMap<Name, Node> = nodes.into_iter().collect();
    // The bytes are canonical, so they are those of the tree: it is not encoded again.
    if Digest::of(&bytes) != root || entries.len() != n_entries {
        return Err(bad("one name twice, or other bytes than its digest says").into());
    }
    let tree = Tree::of_digest(entries, mtime, root);
    known.insert(root, tree.clone());
    Ok(tree)
}

pub(crate) fn encode_directory(entries: &BTreeMap<Name, Node>, mtime: Option<Time>) -> Vec<u8> {
    let mut out = Writer::default();
    for (name, node) in entries {
        if let Node::File(file) = node {
            out.message(1, &file_node(name, file));
        }
    }
    for (name, node) in entries {
        if let Node::Directory(tree) = node {
            out.message(2, &directory_node(name, &tree.digest()));
        }
    }
    for (name, node) in entries {
        if let Node::Symlink(link) = node {
            out.message(3, &symlink_node(name, link));
        }
    }
    if let Some(mtime) = mtime {
        out.message(5, &properties(mtime));
    }
    out.finish()
}

fn file_node(name: &Name, file: &File) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(1, name.as_str()).message(2, &digest_message(&file.digest));
    out.varint(4, u64::from(file.executable));
    if let Some(mtime) = file.mtime {
        out.message(6, &properties(mtime));
    }
    out.finish()
}

fn directory_node(name: &Name, digest: &Digest) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(1, name.as_str()).message(2, &digest_message(digest));
    out.finish()
}

fn symlink_node(name: &Name, symlink: &Symlink) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(1, name.as_str()).text(2, &symlink.target);
    if let Some(mtime) = symlink.mtime {
        out.message(4, &properties(mtime));
    }
    out.finish()
}

fn properties(mtime: Time) -> Vec<u8> {
    let mut timestamp = Writer::default();
    timestamp.signed(1, mtime.seconds).varint(2, u64::from(mtime.nanos));
    let mut out = Writer::default();
    out.message(2, &timestamp.finish());
    out.finish()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::{Draft, RelPath};

    #[test]
    fn a_tree_loads_as_it_was_written() {
        let mut draft = Draft::default();
        let put = |draft: &mut Draft, path: &str, node: Node| {
            draft.put(&RelPath::parse(path).unwrap(), node).unwrap();
        };
        let timed = File {
            mtime: Some(Time { seconds: -5, nanos: 7 }),
            ..File::new(Digest::of(b"1"), true)
        };
        put(&mut draft, "a/b/c", timed.into());
        put(&mut draft, "a/b/empty", File::new(Digest::EMPTY, false).into());
        put(&mut draft, "a/link", Symlink::new("../x").into());
        put(&mut draft, "z", Tree::empty().into());
        let tree = draft.seal();
        let blobs = tree.directories();
        let mut read = |digest| Ok::<_, Infallible>(blobs[&digest].encode());
        assert_eq!(Tree::load(tree.digest(), &mut read).unwrap(), tree);
        assert_ne!(tree.without_times(), tree);
        assert_eq!(tree.without_times().files().count(), 2);
    }

    #[test]
    fn what_is_not_what_its_digest_says_is_refused() {
        let name = |text: &str| Name::parse(text).unwrap();
        let (file, link) = (File::new(Digest::EMPTY, false), Symlink::new("x"));
        let twice = Listing {
            files: [(name("a"), file)].into(),
            symlinks: [(name("a"), link)].into(),
            ..Listing::default()
        };
        let load = |root: Digest, bytes: &[u8]| {
            Tree::load(root, &mut |_| Ok::<_, Infallible>(bytes.to_vec())).is_ok()
        };
        let other = Listing { symlinks: BTreeMap::new(), ..twice.clone() }.encode();
        assert!(load(Digest::of(&other), &other));
        assert!(!load(Digest::of(&twice.encode()), &twice.encode()));
        assert!(!load(Digest::of(&twice.encode()), &other));
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let mut two = Writer::default();
        let node =
            |name: &str| file_node(&Name::parse(name).unwrap(), &File::new(Digest::EMPTY, false));
        two.message(1, &node("b")).message(1, &node("a"));
        assert!(Listing::decode(&two.finish()).is_err());
        assert!(Listing::decode(b"\x0a\xff").is_err());
        assert!(Listing::decode(b"\x08\x01").is_err());
    }

    /// Everything that a directory can hold, each in both ways.
    fn full() -> Listing {
        let name = |text: &str| Name::parse(text).unwrap();
        let time = Some(Time { seconds: -5, nanos: 300 });
        let (file, link) = (File::new(Digest::of(b"1"), true), Symlink::new("x"));
        let empty = File { mtime: time, ..File::new(Digest::EMPTY, false) };
        let timed = Symlink { mtime: Some(Time { seconds: 1, nanos: 0 }), ..link.clone() };
        Listing {
            files: [(name("a"), file), (name("b"), empty)].into(),
            directories: [(name("c"), Digest::of(b"d")), (name("d"), Digest::EMPTY)].into(),
            symlinks: [(name("e"), link), (name("f"), timed)].into(),
            mtime: time,
        }
    }

    #[test]
    fn what_is_read_is_written_with_the_same_bytes() {
        let bytes = full().encode();
        assert_eq!(Listing::decode(&bytes).unwrap(), full());
        let same = |bytes: &[u8]| {
            Listing::decode(bytes).is_ok_and(|listing| {
                assert_eq!(listing.encode(), bytes, "{}", bytes.escape_ascii());
                true
            })
        };
        let mut n_read = 0;
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            for value in 0..=255 {
                changed[at] = value;
                n_read += usize::from(same(&changed));
            }
            let (start, end) = bytes.split_at(at);
            same(start);
            same(&[start, &end[1..]].concat());
            for byte in [0, 1, 0x80] {
                same(&[start, &[byte], end].concat());
            }
        }
        assert!(n_read > bytes.len(), "other names and digests are as good: {n_read}");
    }

    #[test]
    fn another_way_to_write_the_same_is_refused() {
        let node = |rest: &[u8]| {
            let mut out = Writer::default();
            let node =
                [b"\x0a\x01a\x12\x42\x0a\x40", Digest::EMPTY.hex().as_bytes(), rest].concat();
            out.message(1, &node);
            out.finish()
        };
        assert!(Listing::decode(&node(b"")).is_ok());
        assert!(Listing::decode(&node(b"\x20\x01")).is_ok());
        assert!(Listing::decode(&node(b"\x32\x02\x12\x00")).is_ok());
        let others: [&[u8]; 7] = [
            b"\x20\x00",
            b"\x20\x02",
            b"\x20\x81\x00",
            b"\xa0\x00\x01",
            b"\x20\x01\x20\x01",
            b"\x32\x00",
            b"\x32\x04\x12\x02\x08\x00",
        ];
        for other in others {
            assert!(Listing::decode(&node(other)).is_err(), "{}", other.escape_ascii());
        }
        let twice = [full().encode(), properties(Time { seconds: 1, nanos: 0 })].concat();
        assert!(Listing::decode(&twice).is_err());
    }
}
