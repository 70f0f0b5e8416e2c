//! Where entries land: the checks that archives of all forms share.

use std::collections::BTreeMap;

use kiln_cas::{Batch, Cas};
use kiln_tree::{Draft, File, RelPath, Symlink, Tree};

use crate::{ArchiveError, Limits, Rule};

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

impl Unpack<'_> {
    /// Keeps all files of an archive that is as it should be, or none.
    pub(crate) fn whole(
        &self,
        read: impl FnOnce(&mut dyn Batch) -> Result<Tree, ArchiveError>,
    ) -> Result<Tree, ArchiveError> {
        let failed = |cause| self.broken(Rule::Keep(cause));
        let mut batch = self.cas.batch().map_err(failed)?;
        let tree = read(&mut *batch)?;
        batch.keep().map_err(failed)?;
        Ok(tree)
    }

    pub(crate) fn broken(&self, rule: Rule) -> ArchiveError {
        ArchiveError { archive: self.name.to_owned(), rule }
    }
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

/// What stands at a path so far.
#[derive(Clone, Copy)]
enum Placed {
    Folder,
    File(File),
    Link,
}

/// The tree of an archive, as far as it is read.
pub(crate) struct Layout<'a> {
    unpack: &'a Unpack<'a>,
    draft: Draft,
    placed: BTreeMap<RelPath, Placed>,
    /// Bytes of all names and texts of links.
    n_names: u64,
}

impl<'a> Layout<'a> {
    pub(crate) fn new(unpack: &'a Unpack<'a>) -> Self {
        Self { unpack, draft: Draft::default(), placed: BTreeMap::new(), n_names: 0 }
    }

    /// Checks a name and returns its path in the archive.
    pub(crate) fn path(&self, name: &[u8], shown: &str) -> Result<RelPath, Rule> {
        let limits = &self.unpack.limits;
        if name.len() > limits.name {
            return Err(long_name(name, limits));
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

    /// Makes a folder, unless it lands nowhere.
    pub(crate) fn folder(&mut self, path: &RelPath, shown: String) -> Result<(), Rule> {
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
        self.place(path.clone(), Placed::Folder)?;
        self.draft.make_folder(&path).map_err(|_blocked| Rule::Twice(shown))
    }

    /// Puts a file where [`Layout::free`] said.
    pub(crate) fn file(&mut self, path: &RelPath, file: File, shown: String) -> Result<(), Rule> {
        self.place(path.clone(), Placed::File(file))?;
        self.draft.put(path, file).map_err(|_blocked| Rule::Twice(shown))
    }

    /// Returns the file that an entry of this path became, if it was one.
    pub(crate) fn earlier(&self, path: RelPath) -> Option<File> {
        match (self.unpack.place)(path, Kind::File).and_then(|path| self.placed.get(&path))? {
            Placed::File(file) => Some(*file),
            Placed::Folder | Placed::Link => None,
        }
    }

    /// Puts a link that leads where `target` says, whatever that is.
    pub(crate) fn link(
        &mut self,
        path: &RelPath,
        target: &[u8],
        shown: String,
    ) -> Result<(), Rule> {
        let path = self.free(path, Kind::Link, &shown)?;
        let text =
            std::str::from_utf8(target).map_err(|_bad| Rule::NotUtf8(self::shown(target)))?;
        if text.is_empty() || text.contains('\0') {
            return Err(Rule::BadName(shown));
        }
        if text.len() > self.unpack.limits.name {
            return Err(self.long_link(&shown));
        }
        self.n_names += text.len() as u64;
        self.place(path.clone(), Placed::Link)?;
        self.draft.put(&path, Symlink::new(text)).map_err(|_blocked| Rule::Twice(shown))
    }

    /// Says that the text of a link is too long.
    pub(crate) fn long_link(&self, shown: &str) -> Rule {
        let limit = self.unpack.limits.name;
        Rule::Exceeded(format!("the link `{shown}` has more than {limit} bytes"))
    }

    /// Returns where an entry lands that is no folder: a place where nothing is, below folders only.
    pub(crate) fn free(
        &mut self,
        path: &RelPath,
        kind: Kind,
        shown: &str,
    ) -> Result<RelPath, Rule> {
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
                None => self.place(parent.clone(), Placed::Folder)?,
            }
            above = parent;
        }
        Ok(())
    }

    /// Notes what stands at a path now; what is noted stays in memory to the end.
    fn place(&mut self, path: RelPath, what: Placed) -> Result<(), Rule> {
        let limits = &self.unpack.limits;
        self.n_names += path.as_str().len() as u64;
        if self.n_names > limits.names {
            let text = format!("its names have more than {} bytes", limits.names);
            return Err(Rule::Exceeded(text));
        }
        self.placed.insert(path, what);
        Ok(())
    }

    /// Ends the reading.
    pub(crate) fn seal(self) -> Result<Tree, Rule> {
        if self.placed.is_empty() {
            return Err(Rule::Empty);
        }
        Ok(self.draft.seal())
    }
}

/// Returns a name as messages have it: escaped, and only the start of a long one.
pub(crate) fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    match name.get(..LONGEST) {
        Some(start) if name.len() > LONGEST => format!("{}…", start.escape_ascii()),
        _ => name.escape_ascii().to_string(),
    }
}

/// Says that a name is too long.
pub(crate) fn long_name(name: &[u8], limits: &Limits) -> Rule {
    let start = name[..limits.name.min(60)].escape_ascii();
    Rule::Exceeded(format!("the name `{start}…` has more than {} bytes", limits.name))
}
