//! Layers: each is checked and read, and laid over those below it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use kiln_cas::Batch;
use kiln_digest::{Digest, Hasher};
use kiln_source::Ports;
use kiln_source_archive::{
    ArchiveError, Around, Kind, Limits, Unpack, decompressed, extract_layer,
};
use kiln_tree::{File, Name, Node, RelPath, Tree};

use crate::choose::LayerPlace;
use crate::error::Rule;
use crate::files::{Files, shown};

/// Begins the name of a file that takes away what is below it.
const WHITEOUT: &str = ".wh.";
/// Says that nothing of the folder below is left.
const OPAQUE: &str = ".wh..wh..opq";
/// Begins the names of what programs keep for themselves.
const OWN: &str = ".wh..wh.";

/// The layers of an image, as far as they are merged.
pub(crate) struct Merging<'a> {
    pub(crate) image: &'a str,
    pub(crate) ports: Ports<'a>,
    /// What is left of the limits of all layers together.
    pub(crate) limits: Limits,
    pub(crate) tree: Tree,
    /// Devices and FIFOs that were met.
    pub(crate) left_out: LeftOut,
}

/// Devices and FIFOs that are not part of the tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) n_entries: usize,
    /// The first of them.
    pub(crate) entries: Vec<String>,
}

impl LeftOut {
    pub(crate) fn note(&mut self, entry: &str) {
        const SHOWN: usize = 4;
        self.n_entries += 1;
        if self.entries.len() < SHOWN {
            self.entries.push(shown(entry));
        }
    }
}

/// What lies below a layer.
struct Below<'a> {
    tree: &'a Tree,
    left_out: &'a mut LeftOut,
}

impl Around for Below<'_> {
    fn file(&mut self, path: &RelPath) -> Option<File> {
        match self.tree.get(path)? {
            Node::File(file) => Some(file),
            Node::Directory(_) | Node::Symlink(_) => None,
        }
    }

    fn left_out(&mut self, entry: &str) {
        self.left_out.note(entry);
    }
}

/// Takes the digest of what is read, and ends when somebody asks to stop.
pub(crate) struct Hashed<'a, R> {
    from: R,
    hasher: Hasher,
    is_stopped: &'a dyn Fn() -> bool,
}

impl<'a, R: Read> Hashed<'a, R> {
    pub(crate) fn new(from: R, is_stopped: &'a dyn Fn() -> bool) -> Self {
        Self { from, hasher: Hasher::default(), is_stopped }
    }

    /// Reads what is left, and returns the digest of all.
    fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hasher.finish())
    }
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.is_stopped)() {
            return Err(io::Error::other("kiln was asked to stop"));
        }
        let n_read = self.from.read(buffer)?;
        self.hasher.update(&buffer[..n_read]);
        Ok(n_read)
    }
}

impl Merging<'_> {
    /// Reads a layer and lays it over what there is.
    pub(crate) fn add(
        &mut self,
        number: usize,
        layer: &LayerPlace,
        files: &Files,
        batch: &mut dyn Batch,
    ) -> Result<(), Rule> {
        let missing = || Rule::Missing(shown(&layer.name));
        let content = files.open(&layer.name)?.ok_or_else(missing)?;
        let wrong = |found: Digest, expected: Digest| {
            let (expected, found) = (expected.to_string(), found.to_string());
            Rule::WrongBlob { name: shown(&layer.name), expected, found }
        };
        if let Some(packed) = layer.packed.filter(|packed| packed.size != content.size) {
            return Err(Rule::WrongBlob {
                name: shown(&layer.name),
                expected: format!("{} bytes", packed.size),
                found: format!("{} bytes", content.size),
            });
        }
        let is_stopped = || self.ports.fetcher.is_stopped();
        let mut packed = Hashed::new(content.from, &is_stopped);
        let folders = RefCell::new(BTreeSet::new());
        let read = self.read(number, &mut packed, &folders, batch, &is_stopped);
        let found = packed.finish().map_err(Rule::Read)?;
        // Of bytes that are not what they should be, it does not matter what else is wrong with them.
        if let Some(expected) = layer.packed.filter(|packed| *packed != found) {
            return Err(wrong(found, expected));
        }
        let Layer { tree, plain, left_out, n_entries } = read?;
        if plain.hex() != layer.plain {
            let (expected, found) = (layer.plain.clone(), plain.hex());
            return Err(Rule::OtherLayer { number, expected, found });
        }
        self.left_out.n_entries += left_out.n_entries;
        let room = 4_usize.saturating_sub(self.left_out.entries.len());
        self.left_out.entries.extend(left_out.entries.into_iter().take(room));
        self.limits.n_entries = self.limits.n_entries.saturating_sub(n_entries);
        self.limits.n_bytes = self.limits.n_bytes.saturating_sub(plain.size);
        let laying = Laying { number, folders: &folders.into_inner() };
        self.tree = laying.over(&self.tree, &tree, &RelPath::default())?;
        Ok(())
    }

    fn read(
        &self,
        number: usize,
        packed: &mut dyn Read,
        folders: &RefCell<BTreeSet<RelPath>>,
        batch: &mut dyn Batch,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Layer, Rule> {
        let n_entries = Cell::new(0);
        let place = |path: RelPath, kind: Kind| {
            n_entries.set(n_entries.get() + 1);
            if kind == Kind::Folder {
                folders.borrow_mut().insert(path.clone());
            }
            Some(path)
        };
        let name = format!("{}, layer {number}", self.image);
        let limits = self.limits;
        let unpack = Unpack { name: &name, cas: self.ports.cas, limits, place: &place };
        let plain = decompressed(packed, limits).map_err(|cause| {
            let rule = kiln_source_archive::Rule::Damaged(cause);
            ArchiveError { archive: name.clone(), rule }
        })?;
        let mut plain = Hashed::new(plain, is_stopped);
        let mut left_out = LeftOut::default();
        let mut below = Below { tree: &self.tree, left_out: &mut left_out };
        let tree = extract_layer(&mut plain, &unpack, batch, &mut below)?;
        let plain = plain.finish().map_err(Rule::Read)?;
        Ok(Layer { tree, plain, left_out, n_entries: n_entries.get() })
    }
}

/// A layer as it was read.
struct Layer {
    tree: Tree,
    plain: Digest,
    left_out: LeftOut,
    n_entries: u64,
}

/// A layer that is laid over others.
pub(crate) struct Laying<'a> {
    pub(crate) number: usize,
    /// Those folders of the layer that have an entry of their own, and are not only on the way to another.
    pub(crate) folders: &'a BTreeSet<RelPath>,
}

impl Laying<'_> {
    /// Returns a folder as a layer leaves it. What the layer takes away is taken of what is below it only.
    pub(crate) fn over(&self, below: &Tree, layer: &Tree, at: &RelPath) -> Result<Tree, Rule> {
        let is_opaque = layer.entries().keys().any(|name| name.as_str() == OPAQUE);
        let mut left = if is_opaque { BTreeMap::new() } else { below.entries().clone() };
        for (name, node) in layer.entries() {
            let Some(gone) = name.as_str().strip_prefix(WHITEOUT) else { continue };
            if name.as_str().starts_with(OWN) {
                continue;
            }
            let bad =
                || Rule::Whiteout { number: self.number, path: shown(at.join(name).as_str()) };
            let gone = Name::parse(gone).map_err(|_bad| bad())?;
            if !matches!(node, Node::File(_)) {
                return Err(bad());
            }
            left.remove(&gone);
        }
        for (name, node) in layer.entries() {
            if name.as_str().starts_with(WHITEOUT) {
                continue;
            }
            let path = at.join(name);
            let node = match (node, left.get(name)) {
                (Node::Directory(new), Some(Node::Directory(old))) => {
                    Node::Directory(self.over(old, new, &path)?)
                }
                (Node::Directory(new), old) => {
                    if old.is_some() && !self.folders.contains(&path) {
                        let path = shown(path.as_str());
                        return Err(Rule::Through { number: self.number, path });
                    }
                    Node::Directory(self.over(&Tree::empty(), new, &path)?)
                }
                (leaf, _) => leaf.clone(),
            };
            left.insert(name.clone(), node);
        }
        Ok(Tree::new(left))
    }
}
