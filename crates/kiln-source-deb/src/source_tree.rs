//! From the files of a source package to its tree, as `dpkg-source` lays it out.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use kiln_digest::Digest;
use kiln_patch::{Failed, Text, series};
use kiln_source::{Download, Ports};
use kiln_source_archive::{Limits, Unpack, decompressed, extract, strip};
use kiln_tree::{Draft, Node, RelPath, Tree, merge};

use crate::DebError;
use crate::dsc::{Debian, Description, Part};

/// The largest patch of a package, when it is not compressed.
const LARGEST_PATCH: u64 = 1 << 30;
/// Lists of patches, the first that is there counts.
const SERIES: [&str; 2] = ["debian/patches/debian.series", "debian/patches/series"];
/// Notes of quilt, no part of any source.
const NOTES: &str = ".pc";

/// Unpacks the files of a package and applies its patches; the files are kept, the folders are not yet.
///
/// `downloads` are those of [`Description::parts`], in their order.
pub(crate) fn assemble(
    description: &Description,
    downloads: &[Download],
    ports: Ports<'_>,
) -> Result<Tree, DebError> {
    let parts = description.parts();
    let unpacked = |part: &Part, download: &Download| unpack(part, &download.path, ports);
    let mut files = parts.into_iter().zip(downloads);
    let Some((main, download)) = files.next() else {
        return Ok(Tree::empty());
    };
    let mut draft = Draft::from(without_wrapping(unpacked(main, download)?));
    let is_quilt = matches!(description.debian, Debian::Quilt(_));
    if is_quilt {
        draft.remove(&path(NOTES));
    }
    for ((folder, _), (part, download)) in description.components.iter().zip(&mut files) {
        let tree = without_wrapping(unpacked(part, download)?);
        // A component replaces what the first archive has at its place; a name is never blocked.
        drop(draft.put(&RelPath::from(folder.clone()), Node::Directory(tree)));
    }
    let tree = match (&description.debian, files.next()) {
        (Debian::Quilt(_), Some((part, download))) => {
            draft.remove(&path("debian"));
            let debian = unpacked(part, download)?;
            quilted(merge(&[draft.seal(), debian]).tree, ports)?
        }
        (Debian::Diff(_), Some((part, download))) => {
            let bytes = plain(&download.path)?;
            let patch = Text { name: &part.name, strip: 1, bytes: &bytes };
            patched(&draft.seal(), &[patch], ports)?
        }
        _ => draft.seal(),
    };
    Ok(with_rules(tree))
}

fn unpack(part: &Part, path: &Path, ports: Ports<'_>) -> Result<Tree, DebError> {
    let file = File::open(path).map_err(|cause| DebError::Read { path: path.to_owned(), cause })?;
    let place = strip(0);
    let (name, limits) = (part.name.as_str(), Limits::default());
    let unpack = Unpack { name, cas: ports.cas, limits, place: &place };
    let file = ports.fetcher.until_stopped(file);
    Ok(extract(BufReader::with_capacity(1 << 16, file), &unpack)?)
}

/// Returns what is in the one folder that an archive has, or all of it.
fn without_wrapping(tree: Tree) -> Tree {
    let mut nodes = tree.entries().values();
    match (nodes.next(), nodes.next()) {
        (Some(Node::Directory(inner)), None) => inner.clone(),
        _ => tree,
    }
}

/// Applies the series of patches that a tree holds.
fn quilted(tree: Tree, ports: Ports<'_>) -> Result<Tree, DebError> {
    let found = SERIES.into_iter().find_map(|name| match tree.get(&path(name)) {
        Some(Node::File(file)) => Some((name, file.digest)),
        _ => None,
    });
    let Some((name, digest)) = found else {
        return Ok(tree);
    };
    let listed = series(name, &ports.cas.read(digest)?, 1)?;
    let mut patches = Vec::new();
    for entry in listed {
        let place = path("debian/patches").append(&entry.path);
        let Some(Node::File(file)) = tree.get(&place) else {
            let (series, patch) = (name.to_owned(), place.to_string());
            return Err(DebError::NoPatch { series, patch });
        };
        patches.push((place.to_string(), entry.strip, ports.cas.read(file.digest)?));
    }
    let texts: Vec<Text<'_>> =
        patches.iter().map(|(name, strip, bytes)| Text { name, strip: *strip, bytes }).collect();
    let after = patched(&tree, &texts, ports)?;
    Ok(without_emptied(&tree, after))
}

fn patched(tree: &Tree, patches: &[Text<'_>], ports: Ports<'_>) -> Result<Tree, DebError> {
    let read = |digest: Digest| ports.cas.read(digest);
    let patched = kiln_patch::apply(tree, patches, &read).map_err(|failed| match failed {
        Failed::Patch(error) => DebError::Patch(error),
        Failed::Read(error) => DebError::Cas(error),
    })?;
    for file in &patched.files {
        ports.cas.write_file(&file.bytes, file.executable)?;
    }
    Ok(patched.tree)
}

/// Takes away the files that patches made empty: `dpkg-source` does, and so a patch can delete a file of no lines.
fn without_emptied(before: &Tree, after: Tree) -> Tree {
    let is_empty = |node: &Node| matches!(node, Node::File(file) if file.digest == Digest::EMPTY);
    let empty = after.files().filter(|(_, file)| file.digest == Digest::EMPTY);
    let emptied = empty.map(|(path, _)| path);
    let emptied = emptied.filter(|path| !before.get(path).is_some_and(|node| is_empty(&node)));
    let emptied: Vec<RelPath> = emptied.collect();
    if emptied.is_empty() {
        return after;
    }
    let mut draft = Draft::from(after);
    for path in &emptied {
        draft.remove(path);
    }
    draft.seal()
}

/// Makes `debian/rules` a program, whatever a patch that has no modes says.
fn with_rules(tree: Tree) -> Tree {
    let rules = path("debian/rules");
    let Some(Node::File(file)) = tree.get(&rules) else {
        return tree;
    };
    let mut draft = Draft::from(tree);
    // Its folder is there, as it was found.
    drop(draft.put(&rules, kiln_tree::File { executable: true, ..file }));
    draft.seal()
}

fn plain(path: &Path) -> Result<Vec<u8>, DebError> {
    let read = |cause| DebError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(read)?;
    let limits = Limits { n_bytes: LARGEST_PATCH, ..Limits::default() };
    let mut bytes = Vec::new();
    decompressed(BufReader::new(file), limits)
        .and_then(|mut plain| plain.read_to_end(&mut bytes))
        .map_err(read)?;
    Ok(bytes)
}

/// Reads a path of the texts above; they are clean.
fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap_or_default()
}
