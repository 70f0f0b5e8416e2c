//! The kind of sources that are archives of whole root file systems.

use std::fs::File;
use std::io::{self, BufReader};

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Download, Pin, Ports, SourceKind, Wanted};
use kiln_source_archive::{
    ArchiveError, Around, Limits, Unpack, decompressed, extract_layer, strip,
};
use kiln_tree::{RelPath, Tree};

use crate::error::{ImageError, Rule};
use crate::layers::LeftOut;
use crate::{hash, tell};

/// The kind of [`Source::Rootfs`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RootfsKind;

/// Nothing is below a root file system.
#[derive(Default)]
struct Alone(LeftOut);

impl Around for Alone {
    fn file(&mut self, _path: &RelPath) -> Option<kiln_tree::File> {
        None
    }

    fn left_out(&mut self, entry: &str) {
        self.0.note(entry);
    }
}

impl SourceKind for RootfsKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Rootfs { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let (url, n_stripped, sha256) = parts(source)?;
        let broken = |rule| ImageError { image: url.to_owned(), rule: Box::new(rule) };
        let sha256 = sha256.map(hash).transpose().map_err(broken)?;
        let wanted = Wanted { url: url.to_owned(), sha256, size: None };
        let download = ports.fetcher.fetch(&wanted, ports.sink)?;
        let tree = unpack(url, n_stripped, &download, None, ports)?;
        Ok(Pin { content: download.content.into(), tree: tree.digest() })
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let (url, n_stripped, _) = parts(source)?;
        if let Some(tree) = kiln_source::whole(ports.cas, pin.tree) {
            return Ok(tree);
        }
        let foreign = || ImageError { image: url.to_owned(), rule: Box::new(Rule::Foreign) };
        let content = pin.content.file().ok_or_else(foreign)?;
        let download = ports.fetcher.fetch(&Wanted::pinned(url, content), ports.sink)?;
        unpack(url, n_stripped, &download, Some(pin.tree), ports)
    }

    fn wanted(&self, source: &Source, pin: &Pin) -> Result<Vec<Wanted>, AnyError> {
        let (url, ..) = parts(source)?;
        Ok(pin.content.file().map(|content| Wanted::pinned(url, content)).into_iter().collect())
    }
}

fn parts(source: &Source) -> Result<(&str, u32, Option<&str>), ImageError> {
    match source {
        Source::Rootfs { url, strip, sha256 } => Ok((url, *strip, sha256.as_deref())),
        other => Err(ImageError { image: other.to_string(), rule: Box::new(Rule::Foreign) }),
    }
}

/// Makes a tree of a download, and keeps it when it is the one that is expected.
fn unpack(
    url: &str,
    n_stripped: u32,
    download: &Download,
    expected: Option<Digest>,
    ports: Ports<'_>,
) -> Result<Tree, AnyError> {
    match taken(url, n_stripped, download, expected, ports) {
        Ok((tree, left_out)) => {
            tell(url, &left_out, ports);
            Ok(tree)
        }
        Err(rule) => {
            let error = ImageError { image: url.to_owned(), rule: Box::new(rule) };
            Err(ports.fetcher.unless_stopped(url, error))
        }
    }
}

fn taken(
    url: &str,
    n_stripped: u32,
    download: &Download,
    expected: Option<Digest>,
    ports: Ports<'_>,
) -> Result<(Tree, LeftOut), Rule> {
    let file = File::open(&download.path).map_err(Rule::Read)?;
    let mut batch = ports.cas.batch().map_err(Rule::Keep)?;
    let place = strip(n_stripped);
    let limits = Limits::default();
    let unpack = Unpack { name: url, cas: ports.cas, limits, place: &place };
    let broken = |cause: io::Error| {
        let rule = kiln_source_archive::Rule::Damaged(cause);
        Rule::Layer(ArchiveError { archive: url.to_owned(), rule })
    };
    let from = BufReader::with_capacity(1 << 16, ports.fetcher.until_stopped(file));
    let plain = decompressed(from, limits).map_err(broken)?;
    let mut around = Alone::default();
    let tree = extract_layer(plain, &unpack, &mut *batch, &mut around)?;
    if tree.entries().is_empty() {
        let rule = kiln_source_archive::Rule::Empty;
        return Err(ArchiveError { archive: url.to_owned(), rule }.into());
    }
    if let Some(expected) = expected.filter(|expected| *expected != tree.digest()) {
        return Err(Rule::OtherTree { expected, found: tree.digest() });
    }
    batch.keep().and_then(|()| ports.cas.write_tree(&tree)).map_err(Rule::Keep)?;
    Ok((tree, around.0))
}
