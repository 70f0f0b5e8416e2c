//! The walk over a folder that nobody trusts: by descriptor, without recursion.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kiln_cas::{Cas, DiskCas};
use kiln_digest::Digest;
use kiln_tree::{MAX_DEPTH, Name, Node, RelPath, Symlink, Time, Tree};
use rustix::fs::{AtFlags, FileType, Mode, Stat, unlinkat};

use crate::StageError;
use crate::attributes::Attributes;
use crate::capture::{MAX_PATH, Taking, Times, kind_name};
use crate::changes::Changes;
use crate::folder::{
    kind, look, names, open_file, open_folder, set_entry_time, set_mode, set_time, time_of,
};

/// How many warnings are kept; a build could make a million.
const MAX_WARNINGS: usize = 100;

/// What a walk is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) times: Times,
    pub(crate) taking: Taking,
    /// Whether the marks of an overlay mean something.
    pub(crate) changes: bool,
}

pub(crate) struct Walk<'a> {
    cas: &'a DiskCas,
    wanted: Wanted,
    levels: Vec<Level>,
    removed: BTreeSet<RelPath>,
    opaque: BTreeSet<RelPath>,
    warnings: Vec<String>,
    n_warnings: usize,
    /// Times of files with several names, as taking the first changes all.
    linked: BTreeMap<(u64, u64), Time>,
    buffer: Vec<u8>,
}

struct Level {
    folder: OwnedFd,
    name: Option<Name>,
    path: RelPath,
    left: Vec<CString>,
    made: BTreeMap<Name, Node>,
    mtime: Option<Time>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(cas: &'a DiskCas, wanted: Wanted) -> Self {
        Self {
            cas,
            wanted,
            levels: Vec::new(),
            removed: BTreeSet::new(),
            opaque: BTreeSet::new(),
            warnings: Vec::new(),
            n_warnings: 0,
            linked: BTreeMap::new(),
            buffer: vec![0; 1 << 18],
        }
    }

    /// Walks over an open folder.
    pub(crate) fn run(mut self, top: OwnedFd, found: &Stat) -> Result<Changes, StageError> {
        self.enter(top, None, RelPath::default(), found)?;
        loop {
            let Some(level) = self.levels.last_mut() else {
                // Only an empty stack ends the walk, and the last level returns below.
                return Ok(self.finish(Tree::empty()));
            };
            if let Some(name) = level.left.pop() {
                self.entry(&name)?;
            } else if let Some(tree) = self.leave()? {
                return Ok(self.finish(tree));
            }
        }
    }

    fn finish(mut self, tree: Tree) -> Changes {
        if self.n_warnings > self.warnings.len() {
            let more = self.n_warnings - self.warnings.len();
            self.warnings.push(format!("and {more} more like these"));
        }
        let Self { removed, opaque, warnings, .. } = self;
        Changes { tree, removed, opaque, warnings }
    }

    fn enter(
        &mut self,
        folder: OwnedFd,
        name: Option<Name>,
        path: RelPath,
        found: &Stat,
    ) -> Result<(), StageError> {
        let left = names(&folder).map_err(|cause| read_error(&path, cause))?;
        if self.wanted.taking == Taking::Move {
            self.clean(folder.as_fd(), &path, found)?;
        }
        let mtime = self.time(found);
        self.levels.push(Level { folder, name, path, left, made: BTreeMap::new(), mtime });
        Ok(())
    }

    /// Ends a folder; returns the whole tree when it was the outermost.
    fn leave(&mut self) -> Result<Option<Tree>, StageError> {
        let Some(level) = self.levels.pop() else {
            return Ok(None);
        };
        if self.wanted.taking == Taking::Move {
            rustix::fs::fchmod(&level.folder, Mode::from_raw_mode(0o755))
                .map_err(io::Error::from)
                .and_then(|()| set_time(&level.folder, Time::STAGED))
                .map_err(|cause| write_error(&level.path, cause))?;
        }
        let tree = Tree::with_mtime(level.made, level.mtime);
        match (level.name, self.levels.last_mut()) {
            (Some(name), Some(above)) => {
                above.made.insert(name, Node::Directory(tree));
                Ok(None)
            }
            _ => Ok(Some(tree)),
        }
    }

    fn entry(&mut self, raw: &CStr) -> Result<(), StageError> {
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        let name = Name::from_bytes(raw.to_bytes()).map_err(|bad| {
            let folder = if level.path.is_root() { "" } else { level.path.as_str() };
            StageError::Name { name: format!("{folder}/{}", bad.0).trim_matches('/').to_owned() }
        })?;
        let path = level.path.join(&name);
        if self.levels.len() > MAX_DEPTH || path.as_str().len() > MAX_PATH {
            return Err(StageError::Deep { path: shortened(&path) });
        }
        let at = level.folder.as_fd();
        let found = look(at, raw).map_err(|cause| read_error(&path, cause))?;
        match kind(&found) {
            FileType::Directory => {
                let folder = self.open_folder(at, raw, &found);
                let folder = folder.map_err(|cause| read_error(&path, cause))?;
                self.enter(folder, Some(name), path, &found)
            }
            FileType::RegularFile => {
                let file = self.open_file(at, raw, &found);
                let file = file.map_err(|cause| read_error(&path, cause))?;
                let node = self.file(raw, &file, &path, &found)?;
                self.keep(name, node);
                Ok(())
            }
            FileType::Symlink => {
                let node = self.link(at, raw, &path, &found)?;
                self.keep(name, node);
                Ok(())
            }
            FileType::CharacterDevice if self.wanted.changes && found.st_rdev == 0 => {
                self.removed.insert(path);
                Ok(())
            }
            special => self.special(raw, &path, special),
        }
    }

    fn keep(&mut self, name: Name, node: Node) {
        if let Some(level) = self.levels.last_mut() {
            level.made.insert(name, node);
        }
    }

    fn open_folder(&self, at: BorrowedFd<'_>, name: &CStr, found: &Stat) -> io::Result<OwnedFd> {
        if self.wanted.taking == Taking::Move && found.st_mode & 0o700 != 0o700 {
            set_mode(at, name, 0o700)?;
        }
        open_folder(at, name)
    }

    fn open_file(&self, at: BorrowedFd<'_>, name: &CStr, found: &Stat) -> io::Result<File> {
        if self.wanted.taking == Taking::Move && found.st_mode & 0o400 == 0 {
            set_mode(at, name, 0o600)?;
        }
        let file = open_file(at, name)?;
        let opened = rustix::fs::fstat(&file)?;
        let same = kind(&opened) == FileType::RegularFile && opened.st_ino == found.st_ino;
        if same { Ok(file.into()) } else { Err(io::Error::other("it changed meanwhile")) }
    }

    fn file(
        &mut self,
        raw: &CStr,
        file: &File,
        path: &RelPath,
        found: &Stat,
    ) -> Result<Node, StageError> {
        let executable = found.st_mode & 0o100 != 0;
        let mtime = self.time(found).map(|time| {
            let several = found.st_nlink > 1;
            let known = (found.st_dev, found.st_ino);
            if several { *self.linked.entry(known).or_insert(time) } else { time }
        });
        let digest = match self.wanted.taking {
            Taking::Copy => self.cas.write_stream(&mut &*file, executable)?,
            Taking::Move => {
                self.clean(file.as_fd(), path, found)?;
                self.adopt(raw, file, found.st_mode)?
            }
        };
        Ok(Node::File(kiln_tree::File { digest, executable, mtime }))
    }

    fn adopt(&mut self, raw: &CStr, file: &File, bits: u32) -> Result<Digest, StageError> {
        let Some(level) = self.levels.last() else {
            return Ok(Digest::EMPTY);
        };
        Ok(self.cas.adopt(level.folder.as_fd(), raw, file, bits, &mut self.buffer)?)
    }

    fn link(
        &self,
        at: BorrowedFd<'_>,
        raw: &CStr,
        path: &RelPath,
        found: &Stat,
    ) -> Result<Node, StageError> {
        let target = rustix::fs::readlinkat(at, raw, Vec::new())
            .map_err(|cause| read_error(path, cause.into()))?;
        let target = target.into_string().map_err(|bad| StageError::Link {
            path: path.to_string(),
            target: bad.into_cstring().to_bytes().escape_ascii().to_string(),
        })?;
        if self.wanted.taking == Taking::Move {
            set_entry_time(at, raw, Time::STAGED).map_err(|cause| write_error(path, cause))?;
        }
        Ok(Node::Symlink(Symlink { target: target.into(), mtime: self.time(found) }))
    }

    /// Drops what no tree holds; it is never opened.
    fn special(&mut self, raw: &CStr, path: &RelPath, kind: FileType) -> Result<(), StageError> {
        self.warn(format!("dropped the {} `{path}`", kind_name(kind)));
        let moved = self.wanted.taking == Taking::Move;
        if let (true, Some(level)) = (moved, self.levels.last()) {
            unlinkat(&level.folder, raw, AtFlags::empty())
                .map_err(|cause| write_error(path, cause.into()))?;
        }
        Ok(())
    }

    /// Takes away the attributes of an open file or folder, which would mean something to an overlay, and tells
    /// what else no tree keeps.
    fn clean(
        &mut self,
        file: BorrowedFd<'_>,
        path: &RelPath,
        found: &Stat,
    ) -> Result<(), StageError> {
        let attributes = Attributes::take(file).map_err(|cause| write_error(path, cause))?;
        if attributes.opaque && self.wanted.changes {
            self.opaque.insert(path.clone());
        }
        if let Some(name) = attributes.foreign {
            self.warn(format!("dropped the attribute `{name}` of `{path}`"));
        }
        if found.st_mode & 0o4000 != 0 {
            self.warn(format!("dropped the set-user-id bit of `{path}`"));
        }
        if found.st_mode & 0o2000 != 0 {
            self.warn(format!("dropped the set-group-id bit of `{path}`"));
        }
        Ok(())
    }

    fn warn(&mut self, warning: String) {
        self.n_warnings += 1;
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }

    fn time(&self, found: &Stat) -> Option<Time> {
        (self.wanted.times == Times::Keep).then(|| time_of(found))
    }
}

fn read_error(path: &RelPath, cause: io::Error) -> StageError {
    StageError::Read { path: path.to_string(), cause }
}

fn write_error(path: &RelPath, cause: io::Error) -> StageError {
    StageError::Write { path: path.to_string(), cause }
}

/// Returns a path that is too long to be shown, cut.
fn shortened(path: &RelPath) -> String {
    let start: String = path.as_str().chars().take(80).collect();
    if start.len() < path.as_str().len() { format!("{start}…") } else { start }
}
