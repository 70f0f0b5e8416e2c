//! The files of crates to trees, side by side.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_source::{AnyError, Download, TakeError, side_by_side};
use kiln_source_archive::{ArchiveError, Kind, Limits, Rule, Unpack, extract};
use kiln_tree::{Draft, File as TreeFile, RelPath, Tree};

use crate::CargoError;
use crate::git::has_manifest;
use crate::lockfile::Package;

/// What cargo reads of a vendored crate besides its files.
const CHECKSUM: &str = ".cargo-checksum.json";

/// A package and its tree, in order of packages.
pub(crate) type Vendored<'a> = (&'a Package, Tree);

/// Unpacks the files of crates, each with its sha256; the answer has their order.
pub(crate) fn all<'a>(
    crates: &[(&'a Package, &[u8; 32])],
    downloads: &[Download],
    n_threads: usize,
    cas: &dyn Cas,
) -> Result<Vec<Vendored<'a>>, AnyError> {
    let work: Vec<_> = crates.iter().zip(downloads).collect();
    side_by_side(&work, n_threads, |((package, sha256), download)| {
        let tree = unpack(package, &download.path, cas)?;
        Ok((*package, with_checksum(tree, Some(sha256), cas)?))
    })
}

/// Unpacks one crate: all of it lies in a folder of its name and version.
fn unpack(package: &Package, path: &Path, cas: &dyn Cas) -> Result<Tree, AnyError> {
    let named = format!("{} {}", package.name, package.version);
    let top = format!("{}-{}", package.name, package.version);
    let below = |path: RelPath, _kind: Kind| {
        let mut parts = path.parts();
        if parts.next()?.as_str() != top {
            return None;
        }
        let kept = parts.fold(RelPath::default(), |path, part| path.join(&part));
        (!kept.is_root()).then_some(kept)
    };
    let read = |cause| TakeError::Read { path: path.to_owned(), cause };
    let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(read)?);
    let unpack = Unpack { name: &named, cas, limits: Limits::default(), place: &below };
    let tree = match extract(file, &unpack) {
        Err(ArchiveError { rule: Rule::Stripped(_) | Rule::Empty, .. }) => {
            return Err(CargoError::OtherCrate { named }.into());
        }
        tree => tree?,
    };
    if !has_manifest(&tree) {
        return Err(CargoError::OtherCrate { named }.into());
    }
    Ok(tree)
}

/// Adds what cargo asks a vendored crate for: its checksum if it has one, and none of its files.
pub(crate) fn with_checksum(
    tree: Tree,
    sha256: Option<&[u8; 32]>,
    cas: &dyn Cas,
) -> Result<Tree, CargoError> {
    let package = sha256.map(|hash| Digest { hash: *hash, size: 0 }.hex());
    let package = package.map(|hex| format!(",\"package\":\"{hex}\"")).unwrap_or_default();
    let digest = cas.write(format!("{{\"files\":{{}}{package}}}").as_bytes())?;
    let mut draft = Draft::from(tree);
    if let Ok(path) = RelPath::parse(CHECKSUM) {
        // The root of a tree is a folder: there is always place.
        drop(draft.put(&path, TreeFile::new(digest, false)));
    }
    Ok(draft.seal())
}
