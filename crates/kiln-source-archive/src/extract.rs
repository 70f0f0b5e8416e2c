//! The strict extractor: a tar archive to a tree, entry by entry.

use std::collections::BTreeMap;
use std::io::{self, Read};

use kiln_cas::Cas;
use kiln_tree::{Draft, File, RelPath, Symlink, Tree};
use tar::{Archive, Entry, EntryType};

use crate::extension::Extension;
use crate::{ArchiveError, Limits, Rule, decompressed};

/// How an archive is unpacked.
#[derive(Clone, Copy)]
pub struct Unpack<'a> {
    /// Of the archive, for messages.
    pub name: &'a str,
    pub cas: &'a dyn Cas,
    pub limits: Limits,
    /// Where an entry lands; a folder that lands nowhere is left out, anything else is refused then.
    pub place: &'a dyn Fn(RelPath, Kind) -> Option<RelPath>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Folder,
    File,
    Link,
}

/// Drops leading parts of every path.
pub fn strip(n_parts: u32) -> impl Fn(RelPath, Kind) -> Option<RelPath> {
    move |path, _kind| {
        let kept = path.parts().skip(n_parts as usize);
        let kept = kept.fold(RelPath::default(), |path, part| path.join(&part));
        if kept.is_root() { None } else { Some(kept) }
    }
}

/// Reads an archive into the store and returns its tree; the directories of the tree are not kept yet.
///
/// # Errors
/// When the archive breaks a [`Rule`], or reading or keeping fails. What was kept before is whole content of no
/// tree.
pub fn extract(from: impl Read, unpack: &Unpack<'_>) -> Result<Tree, ArchiveError> {
    let extraction = Extraction {
        unpack,
        draft: Draft::default(),
        placed: BTreeMap::new(),
        extension: Extension::default(),
        n_entries: 0,
    };
    extraction.run(from).map_err(|rule| ArchiveError { archive: unpack.name.to_owned(), rule })
}

/// What stands at a path so far.
#[derive(Clone, Copy)]
enum Placed {
    Folder,
    File(File),
    Link,
}

struct Extraction<'a> {
    unpack: &'a Unpack<'a>,
    draft: Draft,
    placed: BTreeMap<RelPath, Placed>,
    extension: Extension,
    n_entries: u64,
}

impl Extraction<'_> {
    fn run(mut self, from: impl Read) -> Result<Tree, Rule> {
        let plain = decompressed(from, self.unpack.limits).map_err(Rule::of_read)?;
        let mut archive = Archive::new(plain);
        for entry in archive.entries().map_err(Rule::of_read)?.raw(true) {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            self.n_entries += 1;
            if self.n_entries > self.unpack.limits.n_entries {
                let limit = self.unpack.limits.n_entries;
                return Err(Rule::Exceeded(format!("it has more than {limit} entries")));
            }
            self.entry(entry)?;
        }
        if self.n_entries == 0 {
            return Err(Rule::NoTar(None));
        }
        if !self.extension.is_empty() {
            return Err(Rule::Extension);
        }
        only_zeros(archive.into_inner())?;
        if self.placed.is_empty() {
            return Err(Rule::Empty);
        }
        Ok(self.draft.seal())
    }

    /// Finds what is wrong with an archive whose next header cannot be read.
    fn unreadable(&self, error: io::Error) -> Rule {
        match Rule::of_read(error) {
            Rule::Damaged(error) if self.n_entries == 0 => Rule::NoTar(Some(error)),
            rule => rule,
        }
    }

    fn entry<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), Rule> {
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                let bytes = self.header(&mut entry)?;
                return self.extension.long_name(&bytes);
            }
            EntryType::GNULongLink => {
                let bytes = self.header(&mut entry)?;
                return self.extension.long_link(&bytes);
            }
            EntryType::XHeader => {
                let bytes = self.header(&mut entry)?;
                return self.extension.records(&bytes);
            }
            EntryType::XGlobalHeader => {
                let bytes = self.header(&mut entry)?;
                let mut global = Extension::default();
                global.records(&bytes)?;
                // A comment is welcome; a name, link or size for all that follows is not.
                return if global.is_empty() { Ok(()) } else { Err(Rule::Extension) };
            }
            _ => {}
        }
        let extension = std::mem::take(&mut self.extension);
        let name = extension.name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let shown = name.escape_ascii().to_string();
        if extension.sparse {
            return Err(Rule::Sparse(shown));
        }
        if extension.size.is_some_and(|size| size != entry.size()) {
            return Err(Rule::Ambiguous(shown));
        }
        let link = || extension.link.or_else(|| entry.link_name_bytes().map(Into::into));
        let path = self.path(&name, &shown)?;
        match kind {
            EntryType::Regular if name.ends_with(b"/") => self.folder(&entry, &path, shown),
            EntryType::Directory => self.folder(&entry, &path, shown),
            EntryType::Regular | EntryType::Continuous => self.file(&mut entry, &path, shown),
            EntryType::Symlink => {
                let target = link().unwrap_or_default();
                self.symlink(&entry, &path, shown, &target)
            }
            EntryType::Link => {
                let target = link().unwrap_or_default();
                self.hard_link(&entry, &path, shown, &target)
            }
            EntryType::GNUSparse => Err(Rule::Sparse(shown)),
            EntryType::Fifo => Err(Rule::Special { entry: shown, what: "a FIFO" }),
            EntryType::Char | EntryType::Block => {
                Err(Rule::Special { entry: shown, what: "a device" })
            }
            _ => Err(Rule::Special { entry: shown, what: "of an unknown type" }),
        }
    }

    /// Reads the content of an extended header.
    fn header<R: Read>(&self, entry: &mut Entry<'_, R>) -> Result<Vec<u8>, Rule> {
        let limit = self.unpack.limits.header;
        if entry.size() > limit {
            let text = format!("it has an extended header of more than {limit} bytes");
            return Err(Rule::Exceeded(text));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(Rule::of_read)?;
        if bytes.len() as u64 == entry.size() { Ok(bytes) } else { Err(Rule::Extension) }
    }

    /// Checks a name and returns its path in the archive.
    fn path(&self, name: &[u8], shown: &str) -> Result<RelPath, Rule> {
        let limits = &self.unpack.limits;
        if name.len() > limits.name {
            let start = name[..limits.name.min(60)].escape_ascii();
            let text = format!("the name `{start}…` has more than {} bytes", limits.name);
            return Err(Rule::Exceeded(text));
        }
        let text = std::str::from_utf8(name).map_err(|_bad| Rule::NotUtf8(shown.to_owned()))?;
        if text.is_empty() || text.contains('\0') {
            return Err(Rule::BadName(shown.to_owned()));
        }
        if text.starts_with('/') {
            return Err(Rule::Absolute(shown.to_owned()));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(Rule::Climbs(shown.to_owned()));
        }
        if parts.len() > limits.depth {
            let text = format!("`{shown}` lies deeper than {} folders", limits.depth);
            return Err(Rule::Exceeded(text));
        }
        if parts.is_empty() {
            return Ok(RelPath::default());
        }
        RelPath::parse(&parts.join("/")).map_err(|_bad| Rule::BadName(shown.to_owned()))
    }

    fn folder<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &RelPath,
        shown: String,
    ) -> Result<(), Rule> {
        no_content(entry, &shown)?;
        if path.is_root() {
            return Ok(());
        }
        let Some(path) = (self.unpack.place)(path.clone(), Kind::Folder) else {
            return Ok(());
        };
        match self.placed.get(&path) {
            Some(Placed::Folder) => return Ok(()),
            Some(_) => return Err(Rule::Twice(shown)),
            None => {}
        }
        self.parents(&path, &shown)?;
        self.placed.insert(path.clone(), Placed::Folder);
        self.draft.make_folder(&path).map_err(|_blocked| Rule::Twice(shown))
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        path: &RelPath,
        shown: String,
    ) -> Result<(), Rule> {
        let path = self.free(path, Kind::File, &shown)?;
        let n_bytes = self.unpack.limits.n_bytes;
        if entry.size() > n_bytes {
            return Err(Rule::Exceeded(format!("`{shown}` has more than {n_bytes} bytes")));
        }
        let mode = entry.header().mode().map_err(Rule::Damaged)?;
        let executable = mode & 0o100 != 0;
        let size = entry.size();
        let digest = self.unpack.cas.write_stream(entry, executable).map_err(Rule::of_write)?;
        if digest.size != size {
            return Err(Rule::Short(shown));
        }
        let file = File::new(digest, executable);
        self.placed.insert(path.clone(), Placed::File(file));
        self.draft.put(&path, file).map_err(|_blocked| Rule::Twice(shown))
    }

    fn symlink<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &RelPath,
        shown: String,
        target: &[u8],
    ) -> Result<(), Rule> {
        no_content(entry, &shown)?;
        let path = self.free(path, Kind::Link, &shown)?;
        let text = std::str::from_utf8(target)
            .map_err(|_bad| Rule::NotUtf8(target.escape_ascii().to_string()))?;
        if text.is_empty() || text.contains('\0') {
            return Err(Rule::BadName(shown));
        }
        if text.len() > self.unpack.limits.name {
            let limit = self.unpack.limits.name;
            return Err(Rule::Exceeded(format!("the link `{shown}` has more than {limit} bytes")));
        }
        self.placed.insert(path.clone(), Placed::Link);
        self.draft.put(&path, Symlink::new(text)).map_err(|_blocked| Rule::Twice(shown))
    }

    fn hard_link<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        path: &RelPath,
        shown: String,
        target: &[u8],
    ) -> Result<(), Rule> {
        no_content(entry, &shown)?;
        let path = self.free(path, Kind::File, &shown)?;
        let target_shown = target.escape_ascii().to_string();
        let target = self.path(target, &target_shown)?;
        let placed =
            (self.unpack.place)(target, Kind::File).and_then(|target| self.placed.get(&target));
        let Some(Placed::File(file)) = placed.copied() else {
            return Err(Rule::HardLink { entry: shown, target: target_shown });
        };
        self.placed.insert(path.clone(), Placed::File(file));
        self.draft.put(&path, file).map_err(|_blocked| Rule::Twice(shown))
    }

    /// Returns where an entry lands that is no folder: a place where nothing is, below folders only.
    fn free(&mut self, path: &RelPath, kind: Kind, shown: &str) -> Result<RelPath, Rule> {
        if path.is_root() {
            return Err(Rule::BadName(shown.to_owned()));
        }
        let path = (self.unpack.place)(path.clone(), kind);
        let path = path.ok_or_else(|| Rule::Stripped(shown.to_owned()))?;
        if self.placed.contains_key(&path) {
            return Err(Rule::Twice(shown.to_owned()));
        }
        self.parents(&path, shown)?;
        Ok(path)
    }

    /// Notes the folders above a path; none of them may be a file or a link.
    fn parents(&mut self, path: &RelPath, shown: &str) -> Result<(), Rule> {
        let mut above = path.clone();
        while let Some((parent, _)) = above.split_last() {
            match self.placed.get(&parent) {
                Some(Placed::Folder) => return Ok(()),
                Some(_) => {
                    let (entry, through) = (shown.to_owned(), parent.to_string());
                    return Err(Rule::Through { entry, through });
                }
                None if parent.is_root() => return Ok(()),
                None => drop(self.placed.insert(parent.clone(), Placed::Folder)),
            }
            above = parent;
        }
        Ok(())
    }
}

fn no_content<R: Read>(entry: &Entry<'_, R>, shown: &str) -> Result<(), Rule> {
    if entry.size() == 0 { Ok(()) } else { Err(Rule::Content(shown.to_owned())) }
}

/// Reads to the end: padding is zeros, anything else would be read by some programs and not by others. Sums at
/// the end of a compressed stream are checked on the way.
fn only_zeros(mut rest: impl Read) -> Result<(), Rule> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match rest.read(&mut buffer).map_err(Rule::of_read)? {
            0 => return Ok(()),
            n_read if buffer[..n_read].iter().all(|byte| *byte == 0) => {}
            _ => return Err(Rule::Trailing),
        }
    }
}
