//! The kinds of sources that are Debian packages, binary or source.

use std::fs;

use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Download, Pin, Ports, SourceKind, Wanted};
use kiln_source_archive::{KindError, written_hash};
use kiln_tree::Tree;

use crate::dsc::{Description, LARGEST};
use crate::package::PackageFile;
use crate::{DebError, source_tree};

/// The kind of [`Source::Deb`] and [`Source::Dsc`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DebKind;

impl SourceKind for DebKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Deb { .. } | Source::Dsc { .. })
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
        match (parts(source)?, pin.content.file()) {
            ((url, Form::Binary), Some(content)) => Ok(vec![Wanted::pinned(url, content)]),
            // The description of a source package says what belongs to it.
            _ => Ok(Vec::new()),
        }
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
enum Form {
    Binary,
    Source,
}

fn parts(source: &Source) -> Result<(&str, Form), KindError> {
    match source {
        Source::Deb { url, sha256: _ } => Ok((url, Form::Binary)),
        Source::Dsc { url, sha256: _ } => Ok((url, Form::Source)),
        other => Err(KindError::NoArchive { given: other.to_string() }),
    }
}

/// Makes a tree of a download, and keeps it when it is the one that is expected.
fn unpack(
    url: &str,
    form: Form,
    download: &Download,
    expected: Option<Digest>,
    ports: Ports<'_>,
) -> Result<Tree, AnyError> {
    let judge = |tree: &Tree| match expected.filter(|expected| *expected != tree.digest()) {
        Some(expected) => {
            let (url, found) = (url.to_owned(), tree.digest());
            Err(KindError::OtherTree { url, expected, found })
        }
        None => Ok(()),
    };
    match form {
        Form::Binary => {
            let name = url.rsplit('/').next().unwrap_or(url);
            let package = PackageFile::open(name, url, &download.path, ports.fetcher)?;
            let mut batch = ports.cas.batch().map_err(DebError::Cas)?;
            let tree = package.files_into(ports.cas, &mut *batch)?;
            judge(&tree)?;
            batch.keep().and_then(|()| ports.cas.write_tree(&tree)).map_err(DebError::Cas)?;
            Ok(tree)
        }
        Form::Source => {
            let description = described(url, download)?;
            let wanted: Vec<Wanted> = description
                .parts()
                .into_iter()
                .map(|part| Wanted::pinned(beside(url, &part.name), part.content))
                .collect();
            let downloads = ports.fetcher.fetch_all(&wanted, ports.sink)?;
            // Its files are in the store by now, since patches change them there; its folders are not.
            let tree = source_tree::assemble(&description, &downloads, ports)?;
            judge(&tree)?;
            ports.cas.write_tree(&tree).map_err(DebError::Cas)?;
            Ok(tree)
        }
    }
}

fn described(url: &str, download: &Download) -> Result<Description, DebError> {
    if download.content.size > LARGEST {
        let what = format!("it has more than {LARGEST} bytes");
        return Err(DebError::BadSource { url: url.to_owned(), what });
    }
    let read = |cause| DebError::Read { path: download.path.clone(), cause };
    Description::read(url, &fs::read(&download.path).map_err(read)?)
}

/// Returns the URL of another file in the same folder.
fn beside(url: &str, name: &str) -> String {
    let end = url.rfind(['/', ':']).map_or(0, |ix| ix + 1);
    format!("{}{name}", &url[..end])
}
