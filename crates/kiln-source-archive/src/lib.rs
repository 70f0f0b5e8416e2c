//! Sources that are tar archives; the strict extractor.
//!
//! # Purpose
//! [`extract`] reads a tar archive, plain or compressed, straight into the store: nothing is written to a folder,
//! so nothing can be left behind or led astray. Whatever two programs could read differently is refused, with the
//! name of the entry. [`ArchiveKind`] is the kind of [`Source::Tar`].
//!
//! # Never
//! Writes a file, follows a link, keeps owners, times or modes but the owner's executable bit.
//!
//! # Example
//! ```
//! use kiln_source_archive::{Limits, Unpack, extract, strip};
//! let mut builder = tar::Builder::new(Vec::new());
//! let mut header = tar::Header::new_gnu();
//! header.set_size(2);
//! header.set_mode(0o755);
//! builder.append_data(&mut header, "top/run", &b"#!"[..]).unwrap();
//! let archive = builder.into_inner().unwrap();
//!
//! let cas = kiln_cas::MemoryCas::default();
//! let place = strip(1);
//! let unpack = Unpack { name: "a.tar", cas: &cas, limits: Limits::default(), place: &place };
//! let tree = extract(&archive[..], &unpack).unwrap();
//! assert!(format!("{tree:?}").contains("x run "));
//! ```
#![expect(clippy::disallowed_methods, reason = "downloads are opened here")]

mod compression;
mod error;
mod extension;
mod extract;
mod limits;

pub use compression::decompressed;
pub use error::{ArchiveError, KindError, Rule};
pub use extract::{Kind, Unpack, extract, strip};
pub use limits::Limits;

use std::fs::File;
use std::io::BufReader;

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Download, Pin, Ports, SourceKind, Wanted};
use kiln_tree::Tree;

/// The kind of [`Source::Tar`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ArchiveKind;

impl SourceKind for ArchiveKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Tar { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let (url, strip, written) = parts(source)?;
        let sha256 = written.map(|hex| hash(url, hex)).transpose()?;
        let wanted = Wanted { url: url.to_owned(), sha256, size: None };
        let download = ports.fetcher.fetch(&wanted, ports.sink)?;
        let tree = unpack(url, strip, &download, ports)?;
        Ok(Pin { content: download.content, tree: tree.digest() })
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let (url, strip, _) = parts(source)?;
        if let Some(tree) = whole(pin.tree, ports) {
            return Ok(tree);
        }
        let download = ports.fetcher.fetch(&Wanted::pinned(url, pin.content), ports.sink)?;
        let tree = unpack(url, strip, &download, ports)?;
        if tree.digest() != pin.tree {
            let (url, found) = (url.to_owned(), tree.digest());
            return Err(KindError::OtherTree { url, expected: pin.tree, found }.into());
        }
        Ok(tree)
    }
}

fn parts(source: &Source) -> Result<(&str, u32, Option<&str>), KindError> {
    match source {
        Source::Tar { url, strip, sha256 } => Ok((url, *strip, sha256.as_deref())),
        Source::Local { path, .. } => Err(KindError::NoArchive { given: path.clone() }),
    }
}

fn hash(url: &str, hex: &str) -> Result<[u8; 32], KindError> {
    let digest = format!("{}/0", hex.to_ascii_lowercase()).parse::<Digest>();
    let bad = |_bad| KindError::BadHash { url: url.to_owned(), written: hex.to_owned() };
    Ok(digest.map_err(bad)?.hash)
}

/// Returns a tree that is in the store with all its files.
fn whole(tree: Digest, ports: Ports<'_>) -> Option<Tree> {
    let tree = ports.cas.read_tree(tree).ok()?;
    let files: Vec<Digest> = tree.files().map(|(_, file)| file.digest).collect();
    ports.cas.missing(&files).is_ok_and(|missing| missing.is_empty()).then_some(tree)
}

fn unpack(
    url: &str,
    n_stripped: u32,
    download: &Download,
    ports: Ports<'_>,
) -> Result<Tree, AnyError> {
    let broken = |rule| ArchiveError { archive: url.to_owned(), rule };
    let file = File::open(&download.path).map_err(|cause| broken(Rule::Read(cause)))?;
    let place = strip(n_stripped);
    let unpack = Unpack { name: url, cas: ports.cas, limits: Limits::default(), place: &place };
    let tree = extract(BufReader::with_capacity(1 << 16, file), &unpack)?;
    ports.cas.write_tree(&tree).map_err(|cause| broken(Rule::Keep(cause)))?;
    Ok(tree)
}

#[cfg(test)]
mod tests;
