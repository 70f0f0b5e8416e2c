//! From package files to a sysroot: unpacked side by side, merged, fixed up.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use kiln_cas::{Cas, MemoryCas};
use kiln_lock::LockedPackage;
use kiln_source::Download;
use kiln_source_archive::{Limits, Unpack, extract, strip};
use kiln_tree::{Node, RelPath, Tree, merge};

use crate::alternatives::{Alternative, installed_by};
use crate::ar::{Member, members};
use crate::{DebError, fixups};

/// Makes a sysroot of packages; its files and folders are kept.
pub(crate) fn assemble(
    packages: &[LockedPackage],
    downloads: &[Download],
    n_threads: usize,
    cas: &dyn Cas,
) -> Result<Tree, DebError> {
    let unpacked = unpack_all(packages, downloads, n_threads, cas)?;
    let (trees, alternatives): (Vec<Tree>, Vec<Vec<Alternative>>) = unpacked.into_iter().unzip();
    let merged = merge(&trees);
    if let Some(overlap) = merged.overlaps.first() {
        return Err(DebError::Overlap {
            package: packages[overlap.loser].name.clone(),
            other: packages[overlap.winner].name.clone(),
            path: overlap.path.to_string(),
        });
    }
    let tree = fixups::apply(merged.tree, alternatives.concat(), cas)?;
    cas.write_tree(&tree)?;
    Ok(tree)
}

type Unpacked = (Tree, Vec<Alternative>);

/// Unpacks all packages, the biggest first, and returns them in their own order.
fn unpack_all(
    packages: &[LockedPackage],
    downloads: &[Download],
    n_threads: usize,
    cas: &dyn Cas,
) -> Result<Vec<Unpacked>, DebError> {
    let mut work: Vec<(usize, &LockedPackage, &Path)> = packages
        .iter()
        .zip(downloads)
        .enumerate()
        .map(|(ix, (package, download))| (ix, package, download.path.as_path()))
        .collect();
    work.sort_by_key(|(_, package, _)| std::cmp::Reverse(package.content.size));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let unpack_some = || {
        while let Some((ix, package, path)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = unpack(package, path, cas);
            if result.is_err() {
                next.store(work.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((*ix, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..n_threads.clamp(1, work.len().max(1)) {
            scope.spawn(unpack_some);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(ix, _)| *ix);
    done.into_iter().map(|(_, result)| result).collect()
}

fn unpack(package: &LockedPackage, path: &Path, cas: &dyn Cas) -> Result<Unpacked, DebError> {
    let read = |cause| DebError::Read { path: path.to_owned(), cause };
    let bad =
        |what: &str| DebError::BadPackage { package: package.name.clone(), what: what.to_owned() };
    let mut file = File::open(path).map_err(read)?;
    let members = members(&mut file).map_err(read)?.ok_or_else(|| bad("it is no ar archive"))?;
    if members.first().is_none_or(|first| first.name != "debian-binary") {
        return Err(bad("it does not begin with `debian-binary`"));
    }
    let open = |start: &str| {
        let mut named = members.iter().filter(|member| member.name.starts_with(start));
        let (Some(member), None) = (named.next(), named.next()) else {
            return Err(bad(&format!("it has not one `{start}`")));
        };
        content(&file, member).map_err(read)
    };
    let scripts = MemoryCas::default();
    let place = strip(0);
    // Scripts are held in memory; they are small.
    let small = Limits { n_bytes: 64 << 20, ..Limits::default() };
    let control = Unpack { name: &package.path, cas: &scripts, limits: small, place: &place };
    let control = extract(open("control.tar")?, &control)?;
    let alternatives = match postinst(&control) {
        Some(digest) => installed_by(&String::from_utf8_lossy(&scripts.read(digest)?)),
        None => Vec::new(),
    };
    let limits = Limits::default();
    let data = Unpack { name: &package.path, cas, limits, place: &fixups::merged };
    Ok((extract(open("data.tar")?, &data)?, alternatives))
}

fn content(mut file: &File, member: &Member) -> io::Result<BufReader<Take<File>>> {
    file.seek(SeekFrom::Start(member.start))?;
    Ok(BufReader::with_capacity(1 << 16, file.try_clone()?.take(member.size)))
}

fn postinst(control: &Tree) -> Option<kiln_digest::Digest> {
    match control.get(&RelPath::parse("postinst").ok()?)? {
        Node::File(file) => Some(file.digest),
        _ => None,
    }
}
