//! A package file: an archive of two archives, the files and what is said of them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use kiln_cas::{Batch, Cas, MemoryCas};
use kiln_source::{Fetcher, UntilStopped};
use kiln_source_archive::{Kind, Limits, Unpack, extract, extract_into, strip};
use kiln_tree::{Node, RelPath, Tree};

use crate::DebError;
use crate::ar::{Member, members};

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
        if members.first().is_none_or(|first| first.name != "debian-binary") {
            return Err(bad("it does not begin with `debian-binary`"));
        }
        Ok(Self { name, url, path: path.to_owned(), fetcher, file, members })
    }

    /// Returns the script that runs when the package is installed, if it has one.
    pub(crate) fn postinst(&self) -> Result<Option<String>, DebError> {
        let scripts = MemoryCas::default();
        let place = strip(0);
        // Scripts are held in memory; they are small.
        let small = Limits { n_bytes: 64 << 20, ..Limits::default() };
        let unpack = Unpack { name: self.url, cas: &scripts, limits: small, place: &place };
        let control = extract(self.member("control.tar")?, &unpack)?;
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
        Ok(extract(self.member("data.tar")?, &unpack)?)
    }

    /// Unpacks the files as they are, and leaves it to the caller to keep them.
    pub(crate) fn files_into(
        &self,
        cas: &dyn Cas,
        batch: &mut dyn Batch,
    ) -> Result<Tree, DebError> {
        let place = strip(0);
        let unpack = Unpack { name: self.url, cas, limits: Limits::default(), place: &place };
        Ok(extract_into(self.member("data.tar")?, &unpack, batch)?)
    }

    fn member(&self, start: &str) -> Result<BufReader<UntilStopped<'a, Take<File>>>, DebError> {
        let mut named = self.members.iter().filter(|member| member.name.starts_with(start));
        let (Some(member), None) = (named.next(), named.next()) else {
            let what = format!("it has not one `{start}`");
            return Err(DebError::BadPackage { package: self.name.to_owned(), what });
        };
        let read = |cause| DebError::Read { path: self.path.clone(), cause };
        let part = content(&self.file, member).map_err(read)?;
        Ok(BufReader::with_capacity(1 << 16, self.fetcher.until_stopped(part)))
    }
}

fn content(mut file: &File, member: &Member) -> io::Result<Take<File>> {
    file.seek(SeekFrom::Start(member.start))?;
    Ok(file.try_clone()?.take(member.size))
}

fn postinst(control: &Tree) -> Option<Node> {
    control.get(&RelPath::parse("postinst").ok()?)
}
