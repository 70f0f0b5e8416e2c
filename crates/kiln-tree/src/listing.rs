//! One directory as the REAPI `Directory` message: canonical bytes, strict reading, loading of whole trees.
//!
//! Source: remote-apis `build/bazel/remote/execution/v2/remote_execution.proto`, message `Directory`: names
//! sorted, unique over the three lists, default fields left out.

use std::collections::BTreeMap;

use kiln_digest::Digest;

use crate::wire::{Reader, Value, Writer, digest_message};
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
        let mut listing = Self::default();
        for field in Reader::new(bytes) {
            match field {
                Some((1, Value::Bytes(file))) => {
                    let (name, digest, executable, mtime) = read_node(file)?;
                    let digest = digest.ok_or_else(|| bad("a file without a digest"))?;
                    listing.files.insert(name, File { digest, executable, mtime });
                }
                Some((2, Value::Bytes(directory))) => {
                    let (name, digest, _, _) = read_node(directory)?;
                    let digest = digest.ok_or_else(|| bad("a folder without a digest"))?;
                    listing.directories.insert(name, digest);
                }
                Some((3, Value::Bytes(symlink))) => {
                    let (name, symlink) = read_symlink(symlink)?;
                    listing.symlinks.insert(name, symlink);
                }
                Some((5, Value::Bytes(properties))) => listing.mtime = read_properties(properties)?,
                _ => return Err(bad("an unknown field")),
            }
        }
        if listing.encode() == bytes {
            Ok(listing)
        } else {
            Err(bad("order, repetition or defaults"))
        }
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
    let listing = Listing::decode(&bytes)?;
    let n_entries = listing.files.len() + listing.directories.len() + listing.symlinks.len();
    let mut entries = BTreeMap::new();
    for (name, file) in listing.files {
        entries.insert(name, Node::File(file));
    }
    for (name, symlink) in listing.symlinks {
        entries.insert(name, Node::Symlink(symlink));
    }
    for (name, digest) in listing.directories {
        entries.insert(name, Node::Directory(load(digest, read, known, depth + 1)?));
    }
    // The bytes are canonical, so they are those of the tree: it is not encoded again.
    if Digest::of(&bytes) != root || entries.len() != n_entries {
        return Err(bad("one name twice, or other bytes than its digest says").into());
    }
    let tree = Tree::of_digest(entries, listing.mtime, root);
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

fn bad(what: &str) -> BadDirectory {
    BadDirectory(what.to_owned())
}

fn text(bytes: &[u8]) -> Result<&str, BadDirectory> {
    std::str::from_utf8(bytes).map_err(|error| BadDirectory(error.to_string()))
}

fn name(bytes: &[u8]) -> Result<Name, BadDirectory> {
    Name::parse(text(bytes)?).map_err(|error| BadDirectory(error.to_string()))
}

type FileParts = (Name, Option<Digest>, bool, Option<Time>);

fn read_node(bytes: &[u8]) -> Result<FileParts, BadDirectory> {
    let (mut found, mut digest, mut executable, mut mtime) = (None, None, false, None);
    for field in Reader::new(bytes) {
        match field {
            Some((1, Value::Bytes(bytes))) => found = Some(name(bytes)?),
            Some((2, Value::Bytes(bytes))) => digest = Some(read_digest(bytes)?),
            Some((4, Value::Varint(value))) => executable = value == 1,
            Some((6, Value::Bytes(bytes))) => mtime = read_properties(bytes)?,
            _ => return Err(bad("an unknown field of a node")),
        }
    }
    Ok((found.ok_or_else(|| bad("a node without a name"))?, digest, executable, mtime))
}

fn read_symlink(bytes: &[u8]) -> Result<(Name, Symlink), BadDirectory> {
    let (mut found, mut target, mut mtime) = (None, "", None);
    for field in Reader::new(bytes) {
        match field {
            Some((1, Value::Bytes(bytes))) => found = Some(name(bytes)?),
            Some((2, Value::Bytes(bytes))) => target = text(bytes)?,
            Some((4, Value::Bytes(bytes))) => mtime = read_properties(bytes)?,
            _ => return Err(bad("an unknown field of a link")),
        }
    }
    let found = found.ok_or_else(|| bad("a link without a name"))?;
    Ok((found, Symlink { target: target.into(), mtime }))
}

fn read_digest(bytes: &[u8]) -> Result<Digest, BadDirectory> {
    let (mut hash, mut size) = ("", 0);
    for field in Reader::new(bytes) {
        match field {
            Some((1, Value::Bytes(bytes))) => hash = text(bytes)?,
            Some((2, Value::Varint(value))) => size = value,
            _ => return Err(bad("an unknown field of a digest")),
        }
    }
    format!("{hash}/{size}").parse().map_err(|_bad| bad("a digest that is none"))
}

fn read_properties(bytes: &[u8]) -> Result<Option<Time>, BadDirectory> {
    let mut time = Time { seconds: 0, nanos: 0 };
    for field in Reader::new(bytes) {
        let Some((2, Value::Bytes(timestamp))) = field else {
            return Err(bad("an unknown node property"));
        };
        for field in Reader::new(timestamp) {
            match field {
                Some((1, Value::Varint(value))) => time.seconds = value.cast_signed(),
                Some((2, Value::Varint(value))) => {
                    time.nanos = u32::try_from(value).map_err(|_large| bad("a time"))?;
                }
                _ => return Err(bad("an unknown field of a time")),
            }
        }
    }
    Ok(Some(time))
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
}
