//! A package file: an archive of two archives, the files and what is said of them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use kiln_cas::{Batch, Cas, MemoryCas};
use kiln_source::{Fetcher, UntilStopped};
use kiln_source_archive::{ArchiveError, Kind, Limits, Rule, Unpack, extract, extract_into, strip};
use kiln_tree::{Node, RelPath, Tree};

use crate::DebError;
use crate::ar::{Member, members};

/// The first member: which form the others have.
const VERSION: &str = "debian-binary";
/// More of it than anybody reads.
const LONGEST: u64 = 64;
/// What is said of the files, and the files.
const CONTROL: &str = "control.tar";
const DATA: &str = "data.tar";

/// A package file that is open.
pub(crate) struct PackageFile<'a> {
    /// Of the package, for messages.
    name: &'a str,
    /// Its URL, for messages.
    url: &'a str,
    path: PathBuf,
    fetcher: &'a Fetcher,
    file: File,
    members: Vec<Member>,
}

impl<'a> PackageFile<'a> {
    /// Opens a package and finds its parts.
    pub(crate) fn open(
        name: &'a str,
        url: &'a str,
        path: &Path,
        fetcher: &'a Fetcher,
    ) -> Result<Self, DebError> {
        let read = |cause| DebError::Read { path: path.to_owned(), cause };
        let bad =
            |what: &str| DebError::BadPackage { package: name.to_owned(), what: what.to_owned() };
        let mut file = File::open(path).map_err(read)?;
        let members =
            members(&mut file).map_err(read)?.ok_or_else(|| bad("it is no ar archive"))?;
        let Some(version) = members.first().filter(|first| first.name == VERSION) else {
            return Err(bad("it does not begin with `debian-binary`"));
        };
        let mut text = String::new();
        let short = content(&file, version).map_err(read)?.take(LONGEST).read_to_string(&mut text);
        if short.is_err() || !(text.starts_with("2.") && text.ends_with('\n')) {
            return Err(bad("its `debian-binary` is not of version 2"));
        }
        let known = |member: &Member| {
            // What begins so is for others, such as a signature.
            member.name == VERSION || member.name.starts_with('_') || part(&member.name).is_some()
        };
        if let Some(member) = members.iter().find(|member| !known(member)) {
            return Err(bad(&format!(
                "kiln does not know its part `{}`",
                member.name.escape_debug()
            )));
        }
        let package = Self { name, url, path: path.to_owned(), fetcher, file, members };
        let (control, data) = (package.member(CONTROL)?.start, package.member(DATA)?.start);
        if control > data {
            return Err(bad("its parts are not in their order"));
        }
        Ok(package)
    }

    /// Returns the script that runs when the package is installed, if it has one.
    pub(crate) fn postinst(&self) -> Result<Option<String>, DebError> {
        let scripts = MemoryCas::default();
        let place = strip(0);
        // Scripts are held in memory; they are small.
        let small = Limits { n_bytes: 64 << 20, ..Limits::default() };
        let unpack = Unpack { name: self.url, cas: &scripts, limits: small, place: &place };
        let control = extract(self.read(CONTROL)?, &unpack)?;
        let Some(Node::File(script)) = postinst(&control) else {
            return Ok(None);
        };
        Ok(Some(String::from_utf8_lossy(&scripts.read(script.digest)?).into_owned()))
    }

    /// Unpacks the files into the store.
    pub(crate) fn files(
        &self,
        cas: &dyn Cas,
        place: &dyn Fn(RelPath, Kind) -> Option<RelPath>,
    ) -> Result<Tree, DebError> {
        let unpack = Unpack { name: self.url, cas, limits: Limits::default(), place };
        or_none(extract(self.read(DATA)?, &unpack))
    }

    /// Unpacks the files as they are, and leaves it to the caller to keep them.
    pub(crate) fn files_into(
        &self,
        cas: &dyn Cas,
        batch: &mut dyn Batch,
    ) -> Result<Tree, DebError> {
        let place = strip(0);
        let unpack = Unpack { name: self.url, cas, limits: Limits::default(), place: &place };
        or_none(extract_into(self.read(DATA)?, &unpack, batch))
    }

    /// Returns the one member that is a part.
    fn member(&self, of: &str) -> Result<&Member, DebError> {
        let mut named = self.members.iter().filter(|member| part(&member.name) == Some(of));
        let (Some(member), None) = (named.next(), named.next()) else {
            let what = format!("it has not one `{of}`");
            return Err(DebError::BadPackage { package: self.name.to_owned(), what });
        };
        Ok(member)
    }

    fn read(&self, of: &str) -> Result<BufReader<UntilStopped<'a, Take<File>>>, DebError> {
        let read = |cause| DebError::Read { path: self.path.clone(), cause };
        let part = content(&self.file, self.member(of)?).map_err(read)?;
        Ok(BufReader::with_capacity(1 << 16, self.fetcher.until_stopped(part)))
    }
}

/// Returns the files of a package, none of one that is there for its dependencies alone.
fn or_none(files: Result<Tree, ArchiveError>) -> Result<Tree, DebError> {
    match files {
        Err(ArchiveError { rule: Rule::Empty, .. }) => Ok(Tree::empty()),
        files => Ok(files?),
    }
}

/// Returns which part a member is, whatever it is compressed with.
fn part(name: &str) -> Option<&'static str> {
    [CONTROL, DATA].into_iter().find(|part| {
        name.strip_prefix(part)
            .is_some_and(|rest| matches!(rest, "" | ".gz" | ".xz" | ".zst" | ".bz2" | ".lzma"))
    })
}

fn content(mut file: &File, member: &Member) -> io::Result<Take<File>> {
    file.seek(SeekFrom::Start(member.start))?;
    Ok(file.try_clone()?.take(member.size))
}

fn postinst(control: &Tree) -> Option<Node> {
    control.get(&RelPath::parse("postinst").ok()?)
}
