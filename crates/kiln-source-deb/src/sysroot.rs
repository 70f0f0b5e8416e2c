//! From package files to a sysroot: unpacked side by side, merged, fixed up.

use std::path::Path;

use kiln_lock::LockedPackage;
use kiln_source::{Download, Ports};
use kiln_tree::{Tree, merge};

use crate::alternatives::{Alternative, installed_by};
use crate::package::PackageFile;
use crate::{DebError, fixups};

/// Makes a sysroot of packages by a version of the fix-ups; its files and folders are kept.
pub(crate) fn assemble(
    packages: &[LockedPackage],
    fixups: u32,
    downloads: &[Download],
    n_threads: usize,
    ports: Ports<'_>,
) -> Result<Tree, DebError> {
    let unpacked = unpack_all(packages, downloads, n_threads, ports)?;
    let (trees, alternatives): (Vec<Tree>, Vec<Vec<Alternative>>) = unpacked.into_iter().unzip();
    let merged = merge(&trees);
    if let Some(overlap) = merged.overlaps.first() {
        return Err(DebError::Overlap {
            package: packages[overlap.loser].name.clone(),
            other: packages[overlap.winner].name.clone(),
            path: overlap.path.to_string(),
        });
    }
    let tree = fixups::apply(merged.tree, alternatives.concat(), fixups, ports.cas)?;
    ports.cas.write_tree(&tree)?;
    Ok(tree)
}

type Unpacked = (Tree, Vec<Alternative>);

/// Unpacks all packages, the biggest first, and returns them in their own order.
fn unpack_all(
    packages: &[LockedPackage],
    downloads: &[Download],
    n_threads: usize,
    ports: Ports<'_>,
) -> Result<Vec<Unpacked>, DebError> {
    let mut work: Vec<(usize, &LockedPackage, &Path)> = packages
        .iter()
        .zip(downloads)
        .enumerate()
        .map(|(ix, (package, download))| (ix, package, download.path.as_path()))
        .collect();
    work.sort_by_key(|(_, package, _)| std::cmp::Reverse(package.content.size));
    let mut unpacked = kiln_source::side_by_side(&work, n_threads, |(ix, package, path)| {
        Ok::<_, DebError>((*ix, unpack(package, path, ports)?))
    })?;
    unpacked.sort_by_key(|(ix, _)| *ix);
    Ok(unpacked.into_iter().map(|(_, unpacked)| unpacked).collect())
}

fn unpack(package: &LockedPackage, path: &Path, ports: Ports<'_>) -> Result<Unpacked, DebError> {
    let file = PackageFile::open(&package.name, &package.path, path, ports.fetcher)?;
    let alternatives = file.postinst()?.map_or_else(Vec::new, |script| installed_by(&script));
    Ok((file.files(ports.cas, &fixups::merged)?, alternatives))
}
