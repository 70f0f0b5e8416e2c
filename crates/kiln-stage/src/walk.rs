//! The walk over a folder that nobody trusts: by descriptor, without recursion, on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kiln_cas::DiskCas;
use kiln_tree::{MAX_DEPTH, Name, Node, RelPath, Symlink, Time, Tree};
use rustix::fs::{AtFlags, FileType, Mode, Stat, unlinkat};

use crate::StageError;
use crate::attributes::Attributes;
use crate::capture::{MAX_PATH, Taking, Times, kind_name};
use crate::changes::Changes;
use crate::folder::{kind, look, names, open_folder, set_entry_time, set_mode, set_time, time_of};
use crate::queue::Queue;
use crate::take::{File, Files, pieces};

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
    pub(crate) cas: &'a DiskCas,
    pub(crate) wanted: Wanted,
    /// The number of the next folder; a folder has a lower one than those in it.
    next: AtomicU32,
    /// Times of files with several names, as taking the first changes all.
    linked: Mutex<BTreeMap<(u64, u64), Time>>,
}

/// An open folder. Whoever uses it last gives it its mode and time, as every change in it changes the time.
pub(crate) struct Open {
    pub(crate) folder: OwnedFd,
    pub(crate) number: u32,
    pub(crate) path: RelPath,
}

enum Task {
    Folder(Folder),
    Files(Files),
}

/// A folder that is to be walked.
struct Folder {
    /// The folder that it lies in, and its name there; or itself, open.
    place: Result<(Arc<Open>, CString), OwnedFd>,
    path: RelPath,
    number: u32,
    depth: usize,
    found: Stat,
}

/// What one thread found.
pub(crate) struct Found {
    folders: BTreeMap<u32, Made>,
    pub(crate) nodes: Vec<(u32, Name, Node)>,
    /// Which folder lies where.
    below: Vec<(u32, Name, u32)>,
    removed: BTreeSet<RelPath>,
    opaque: BTreeSet<RelPath>,
    warnings: Vec<String>,
    n_warnings: usize,
    failed: Option<StageError>,
    /// Room for the bytes of files.
    pub(crate) buffer: Vec<u8>,
}

struct Made {
    entries: BTreeMap<Name, Node>,
    mtime: Option<Time>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(cas: &'a DiskCas, wanted: Wanted) -> Self {
        Self { cas, wanted, next: AtomicU32::new(1), linked: Mutex::default() }
    }

    /// Walks over an open folder.
    pub(crate) fn run(self, top: OwnedFd, found: &Stat) -> Result<Changes, StageError> {
        let first = Folder {
            place: Err(top),
            path: RelPath::default(),
            number: 0,
            depth: 0,
            found: *found,
        };
        let work = |own: &mut Found, task, queue: &Queue<Task>| {
            let done = match task {
                Task::Folder(folder) => self.folder(own, folder, queue),
                Task::Files(files) => self.files(own, files),
            };
            if let Err(error) = done {
                own.failed = Some(error);
                queue.stop();
            }
        };
        let found = Queue::run(Task::Folder(first), n_threads(), Found::new, work);
        Found::join(found)
    }

    fn folder(
        &self,
        own: &mut Found,
        folder: Folder,
        queue: &Queue<Task>,
    ) -> Result<(), StageError> {
        let Folder { place, path, number, depth, found } = folder;
        let opened = match place {
            Err(top) => top,
            Ok((above, raw)) => {
                let opened = self.open_folder(above.folder.as_fd(), &raw, &found);
                self.release(above)?;
                opened.map_err(|cause| read_error(&path, cause))?
            }
        };
        let open = Arc::new(Open { folder: opened, number, path });
        let left = names(&open.folder).map_err(|cause| read_error(&open.path, cause))?;
        if self.wanted.taking == Taking::Move {
            self.clean(own, open.folder.as_fd(), &open.path, &found)?;
        }
        let made = Made { entries: BTreeMap::new(), mtime: self.time(&found) };
        own.folders.insert(number, made);
        let mut files = Vec::new();
        let mut folders = Vec::new();
        for raw in left {
            self.entry(own, &open, raw, depth + 1, &mut files, &mut folders)?;
        }
        // Files come last, so that they are taken first: each holds its folder open.
        queue.extend(folders.into_iter().map(Task::Folder));
        queue.extend(pieces(files, &open).map(Task::Files));
        self.release(open)
    }

    fn entry(
        &self,
        own: &mut Found,
        open: &Arc<Open>,
        raw: CString,
        depth: usize,
        files: &mut Vec<File>,
        folders: &mut Vec<Folder>,
    ) -> Result<(), StageError> {
        let name = Name::from_bytes(raw.to_bytes()).map_err(|bad| {
            let folder = if open.path.is_root() { "" } else { open.path.as_str() };
            StageError::Name { name: format!("{folder}/{}", bad.0).trim_matches('/').to_owned() }
        })?;
        let path = open.path.join(&name);
        if depth > MAX_DEPTH || path.as_str().len() > MAX_PATH {
            return Err(StageError::Deep { path: shortened(&path) });
        }
        let at = open.folder.as_fd();
        let found = look(at, &raw).map_err(|cause| read_error(&path, cause))?;
        match kind(&found) {
            FileType::Directory => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                own.below.push((open.number, name, number));
                let place = Ok((Arc::clone(open), raw));
                folders.push(Folder { place, path, number, depth, found });
            }
            FileType::RegularFile => {
                files.push(File { raw, name, mtime: self.linked_time(&found), found });
            }
            FileType::Symlink => {
                let node = self.link(at, &raw, &path, &found)?;
                own.nodes.push((open.number, name, node));
            }
            FileType::CharacterDevice if self.wanted.changes && found.st_rdev == 0 => {
                own.removed.insert(path);
            }
            special => self.special(own, at, &raw, &path, special)?,
        }
        Ok(())
    }

    /// Gives a folder back; the last one to do so gives it mode and time.
    pub(crate) fn release(&self, open: Arc<Open>) -> Result<(), StageError> {
        let Some(open) = Arc::into_inner(open).filter(|_last| self.wanted.taking == Taking::Move)
        else {
            return Ok(());
        };
        rustix::fs::fchmod(&open.folder, Mode::from_raw_mode(0o755))
            .map_err(io::Error::from)
            .and_then(|()| set_time(&open.folder, Time::STAGED))
            .map_err(|cause| write_error(&open.path, cause))
    }

    fn open_folder(&self, at: BorrowedFd<'_>, name: &CStr, found: &Stat) -> io::Result<OwnedFd> {
        if self.wanted.taking == Taking::Move && found.st_mode & 0o700 != 0o700 {
            set_mode(at, name, 0o700)?;
        }
        open_folder(at, name)
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
    fn special(
        &self,
        own: &mut Found,
        at: BorrowedFd<'_>,
        raw: &CStr,
        path: &RelPath,
        kind: FileType,
    ) -> Result<(), StageError> {
        own.warn(format!("dropped the {} `{path}`", kind_name(kind)));
        if self.wanted.taking == Taking::Move {
            unlinkat(at, raw, AtFlags::empty()).map_err(|cause| write_error(path, cause.into()))?;
        }
        Ok(())
    }

    /// Takes away the attributes of an open file or folder, which would mean something to an overlay, and tells
    /// what else no tree keeps.
    pub(crate) fn clean(
        &self,
        own: &mut Found,
        file: BorrowedFd<'_>,
        path: &RelPath,
        found: &Stat,
    ) -> Result<(), StageError> {
        let attributes = Attributes::take(file).map_err(|cause| write_error(path, cause))?;
        if attributes.opaque && self.wanted.changes {
            own.opaque.insert(path.clone());
        }
        if let Some(name) = attributes.foreign {
            own.warn(format!("dropped the attribute `{name}` of `{path}`"));
        }
        if found.st_mode & 0o4000 != 0 {
            own.warn(format!("dropped the set-user-id bit of `{path}`"));
        }
        if found.st_mode & 0o2000 != 0 {
            own.warn(format!("dropped the set-group-id bit of `{path}`"));
        }
        Ok(())
    }

    fn time(&self, found: &Stat) -> Option<Time> {
        (self.wanted.times == Times::Keep).then(|| time_of(found))
    }

    /// Returns the time of a file; of several names, the first that is found has it noted before any is taken.
    fn linked_time(&self, found: &Stat) -> Option<Time> {
        let time = self.time(found)?;
        if found.st_nlink < 2 {
            return Some(time);
        }
        let mut linked = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
        Some(*linked.entry((found.st_dev, found.st_ino)).or_insert(time))
    }
}

impl Found {
    fn new() -> Self {
        Self {
            folders: BTreeMap::new(),
            nodes: Vec::new(),
            below: Vec::new(),
            removed: BTreeSet::new(),
            opaque: BTreeSet::new(),
            warnings: Vec::new(),
            n_warnings: 0,
            failed: None,
            buffer: Vec::new(),
        }
    }

    fn warn(&mut self, warning: String) {
        self.n_warnings += 1;
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// Puts together what all threads found.
    fn join(all: Vec<Self>) -> Result<Changes, StageError> {
        let mut whole = Self::new();
        for found in all {
            if let Some(error) = found.failed {
                return Err(error);
            }
            whole.folders.extend(found.folders);
            whole.nodes.extend(found.nodes);
            whole.below.extend(found.below);
            whole.removed.extend(found.removed);
            whole.opaque.extend(found.opaque);
            whole.warnings.extend(found.warnings);
            whole.n_warnings += found.n_warnings;
        }
        let tree = seal(whole.folders, whole.nodes, whole.below);
        let mut warnings = whole.warnings;
        warnings.sort();
        warnings.truncate(MAX_WARNINGS);
        if whole.n_warnings > warnings.len() {
            warnings.push(format!("and {} more like these", whole.n_warnings - warnings.len()));
        }
        Ok(Changes { tree, removed: whole.removed, opaque: whole.opaque, warnings })
    }
}

/// Makes a tree of folders, each with a lower number than those in it.
/// Returns how many threads walk: to ask takes a dozen calls, more than all others of a small folder.
fn n_threads() -> usize {
    static N_THREADS: OnceLock<usize> = OnceLock::new();
    *N_THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn seal(
    mut folders: BTreeMap<u32, Made>,
    nodes: Vec<(u32, Name, Node)>,
    below: Vec<(u32, Name, u32)>,
) -> Tree {
    for (folder, name, node) in nodes {
        if let Some(made) = folders.get_mut(&folder) {
            made.entries.insert(name, node);
        }
    }
    let mut places: BTreeMap<u32, (u32, Name)> =
        below.into_iter().map(|(above, name, number)| (number, (above, name))).collect();
    while let Some((number, made)) = folders.pop_last() {
        let tree = Tree::with_mtime(made.entries, made.mtime);
        let Some((above, name)) = places.remove(&number) else {
            return tree;
        };
        if let Some(above) = folders.get_mut(&above) {
            above.entries.insert(name, Node::Directory(tree));
        }
    }
    Tree::empty()
}

pub(crate) fn read_error(path: &RelPath, cause: io::Error) -> StageError {
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
