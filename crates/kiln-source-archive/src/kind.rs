//! The kind of sources that are one downloaded file: what is done with the download.

use std::fs;
use std::io::BufReader;

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Download, Pin, Ports, SourceKind, Wanted};
use kiln_tree::{File, Name, Node, RelPath, Tree};

use crate::extract::extract_into;
use crate::zip::extract_zip_into;
use crate::{ArchiveError, KindError, Limits, Rule, Unpack, strip};

/// The kind of [`Source::Tar`], [`Source::Zip`] and [`Source::File`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ArchiveKind;

impl SourceKind for ArchiveKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Tar { .. } | Source::Zip { .. } | Source::File { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let (url, form) = parts(source)?;
        let sha256 = source.written_sha256().map(|hex| written_hash(url, hex)).transpose()?;
        let wanted = Wanted { url: url.to_owned(), sha256, size: None };
        let download = ports.fetcher.fetch(&wanted, ports.sink)?;
        let tree = unpack(url, form, &download, None, ports)
            .map_err(|error| ports.fetcher.unless_stopped(url, error))?;
        Ok(Pin { content: download.content.into(), tree: tree.digest() })
    }

    fn wanted(&self, source: &Source, pin: &Pin) -> Result<Vec<Wanted>, AnyError> {
        let (url, _form) = parts(source)?;
        let content = pin.content.file();
        let no_file = || KindError::NoArchive { given: url.to_owned() };
        Ok(vec![Wanted::pinned(url, content.ok_or_else(no_file)?)])
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let (url, form) = parts(source)?;
        if let Some(tree) = kiln_source::whole(ports.cas, pin.tree) {
            return Ok(tree);
        }
        let no_file = || KindError::NoArchive { given: url.to_owned() };
        let content = pin.content.file().ok_or_else(no_file)?;
        let download = ports.fetcher.fetch(&Wanted::pinned(url, content), ports.sink)?;
        unpack(url, form, &download, Some(pin.tree), ports)
            .map_err(|error| ports.fetcher.unless_stopped(url, error))
    }
}

/// What a download is.
#[derive(Clone, Copy)]
enum Form<'a> {
    Tar(Part<'a>),
    Zip(Part<'a>),
    File { name: &'a str, executable: bool },
}

/// What is taken of an archive.
#[derive(Clone, Copy)]
struct Part<'a> {
    n_stripped: u32,
    subdir: Option<&'a str>,
}

fn parts(source: &Source) -> Result<(&str, Form<'_>), KindError> {
    match source {
        Source::Tar { url, strip, subdir, sha256: _ } => {
            Ok((url, Form::Tar(Part { n_stripped: *strip, subdir: subdir.as_deref() })))
        }
        Source::Zip { url, strip, subdir, sha256: _ } => {
            Ok((url, Form::Zip(Part { n_stripped: *strip, subdir: subdir.as_deref() })))
        }
        Source::File { url, name, executable, sha256: _ } => {
            Ok((url, Form::File { name, executable: *executable }))
        }
        other => Err(KindError::NoArchive { given: other.to_string() }),
    }
}

/// Reads the sha256 that the project writes for a source.
///
/// # Errors
/// [`KindError::BadHash`] when it is none.
pub fn written_hash(url: &str, hex: &str) -> Result<[u8; 32], KindError> {
    let digest = format!("{}/0", hex.to_ascii_lowercase()).parse::<Digest>();
    let bad = |_bad| KindError::BadHash { url: url.to_owned(), written: hex.to_owned() };
    Ok(digest.map_err(bad)?.hash)
}

/// Makes a tree of a download, and keeps it when it is the one that is expected.
fn unpack(
    url: &str,
    form: Form<'_>,
    download: &Download,
    expected: Option<Digest>,
    ports: Ports<'_>,
) -> Result<Tree, AnyError> {
    let broken = |rule| ArchiveError { archive: url.to_owned(), rule };
    let file = fs::File::open(&download.path).map_err(|cause| broken(Rule::Read(cause)))?;
    let file = ports.fetcher.until_stopped(file);
    let mut batch = ports.cas.batch().map_err(|cause| broken(Rule::Keep(cause)))?;
    let tree = match form {
        Form::Tar(part) => {
            let from = BufReader::with_capacity(1 << 16, file);
            taken(url, part, ports, |unpack| extract_into(from, unpack, &mut *batch))?
        }
        Form::Zip(part) => {
            taken(url, part, ports, |unpack| extract_zip_into(file, unpack, &mut *batch))?
        }
        Form::File { name, executable } => {
            let bad = |_bad| KindError::BadName { url: url.to_owned(), name: name.to_owned() };
            let name = Name::parse(name).map_err(bad)?;
            let mut file = file;
            let kept = batch.write_stream(&mut file, executable);
            let digest = kept.map_err(|error| broken(Rule::of_write(error)))?;
            Tree::new([(name, Node::File(File::new(digest, executable)))].into())
        }
    };
    if let Some(expected) = expected.filter(|expected| *expected != tree.digest()) {
        let (url, found) = (url.to_owned(), tree.digest());
        return Err(KindError::OtherTree { url, expected, found }.into());
    }
    let kept = batch.keep().and_then(|()| ports.cas.write_tree(&tree));
    kept.map_err(|cause| broken(Rule::Keep(cause)))?;
    Ok(tree)
}

/// Unpacks an archive whole, and returns what is wanted of it: a link may come before what it leads to.
fn taken(
    url: &str,
    part: Part<'_>,
    ports: Ports<'_>,
    extract: impl FnOnce(&Unpack<'_>) -> Result<Tree, ArchiveError>,
) -> Result<Tree, ArchiveError> {
    let place = strip(part.n_stripped);
    let unpack = Unpack { name: url, cas: ports.cas, limits: Limits::default(), place: &place };
    let tree = extract(&unpack)?;
    let Some(subdir) = part.subdir else {
        return Ok(tree);
    };
    let found = RelPath::parse(subdir).ok().and_then(|path| tree.subtree(&path));
    found.ok_or_else(|| {
        let rule = Rule::NoFolder(subdir.escape_debug().to_string());
        ArchiveError { archive: url.to_owned(), rule }
    })
}
