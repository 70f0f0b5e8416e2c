//! The walk over a source, on all cores: what is there, and what of it is as it was.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_stage::Queue;
use kiln_tree::{MAX_DEPTH, Name};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, readlinkat, statat};

use crate::LocalError;
use crate::ignored::{GITIGNORE, Ignored};
use crate::memory::{Memory, Remembered, RememberedWhat};
use crate::read::{Files, Reading, ToRead};
use crate::rules::{Rules, special};
use crate::stamp::Stamp;

/// How many files, or bytes of files, are one piece of work.
const N_FILES: usize = 32;
const N_BYTES: u64 = 1 << 20;

/// What was found in a folder, in byte order of the names.
#[derive(Default)]
pub(crate) struct Folder {
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) name: Name,
    pub(crate) what: What,
}

pub(crate) enum What {
    File {
        stamp: Stamp,
        digest: Digest,
    },
    Link {
        stamp: Stamp,
        target: Arc<str>,
    },
    /// By its number; a folder has a lower one than those in it.
    Folder(u32),
}

/// What a walk found.
pub(crate) struct Survey {
    /// By number; the first is the source itself.
    pub(crate) folders: Vec<Folder>,
    /// Nothing differs from what was remembered.
    pub(crate) is_same: bool,
}

/// A source that is about to be walked.
pub(crate) struct Walk<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) memory: Option<&'a Memory>,
    /// Where the files that must be read are kept.
    pub(crate) keep: Option<&'a dyn Cas>,
    pub(crate) n_threads: usize,
}

enum Task {
    Folder(ToWalk),
    Files(Files),
}

struct ToWalk {
    /// The folder that it lies in; nothing for the source itself.
    above: Option<Arc<OwnedFd>>,
    name: CString,
    /// From the source on, for rules and messages.
    path: String,
    depth: usize,
    number: u32,
    remembered: Option<u32>,
    /// What the `.gitignore` files above it say.
    ignored: Option<Arc<Ignored>>,
}

struct Worker {
    folders: Vec<(u32, Folder)>,
    reading: Reading,
    is_same: bool,
    failed: Option<LocalError>,
    /// Room for what the kernel tells of a folder, and for its names.
    raw: Vec<MaybeUninit<u8>>,
    names: Vec<(Box<CStr>, FileType)>,
}

impl Walk<'_> {
    /// Walks; the files that are not remembered are read on the way.
    pub(crate) fn run(&self) -> Result<Survey, LocalError> {
        let number = AtomicU32::new(1);
        let first = ToWalk {
            above: None,
            name: CString::default(),
            path: String::new(),
            depth: 0,
            number: 0,
            remembered: self.memory.map(|_memory| 0),
            ignored: self.rules.ignored().cloned(),
        };
        let worker = || Worker {
            folders: Vec::new(),
            reading: Reading::default(),
            is_same: true,
            failed: None,
            raw: vec![MaybeUninit::uninit(); 1 << 15],
            names: Vec::new(),
        };
        let work = |own: &mut Worker, task, queue: &Queue<Task>| {
            let done = match task {
                Task::Folder(folder) => self.folder(own, &folder, queue, &number),
                Task::Files(files) => own.reading.read(&files, self.rules, self.keep),
            };
            if let Err(error) = done {
                own.failed = Some(error);
                queue.stop();
            }
        };
        let mut workers = Queue::run(Task::Folder(first), self.n_threads, worker, work);
        if let Some(error) = workers.iter_mut().find_map(|worker| worker.failed.take()) {
            return Err(error);
        }
        let mut folders = Vec::new();
        folders.resize_with(number.into_inner() as usize, Folder::default);
        let is_same = workers.iter().all(|worker| worker.is_same);
        let mut read = Vec::new();
        for worker in workers {
            for (number, folder) in worker.folders {
                folders[number as usize] = folder;
            }
            read.extend(worker.reading.done);
        }
        for file in read {
            let what = What::File { stamp: file.stamp, digest: file.digest };
            folders[file.folder as usize].entries[file.entry].what = what;
        }
        Ok(Survey { folders, is_same: is_same && self.memory.is_some() })
    }

    fn folder(
        &self,
        own: &mut Worker,
        folder: &ToWalk,
        queue: &Queue<Task>,
        number: &AtomicU32,
    ) -> Result<(), LocalError> {
        let open = self.open(folder)?;
        self.names(own, &open, folder)?;
        let has_rules = own.names.iter().any(|(name, _)| **name == *GITIGNORE);
        let ignored = match folder.ignored.as_ref() {
            above if has_rules => self.rules.ignored_in(above, &folder.path, &open)?,
            above => above.cloned(),
        };
        let open = Arc::new(open);
        let mut scan = Scan {
            walk: self,
            open: &open,
            folder,
            number,
            ignored,
            remembered: Remembering::of(self.memory, folder.remembered),
            entries: Vec::with_capacity(own.names.len()),
            below: Vec::new(),
            files: Vec::new(),
            is_same: true,
        };
        for (name, kind) in own.names.drain(..) {
            scan.entry(&name, kind)?;
        }
        let rest_is_same = scan.remembered.is_at_end();
        own.is_same &= scan.is_same && rest_is_same;
        let Scan { entries, below, files, .. } = scan;
        // Files come last, so that they are read first: each holds its folder open.
        queue.extend(below.into_iter().map(Task::Folder));
        queue.extend(pieces(files, &open, folder).map(Task::Files));
        own.folders.push((folder.number, Folder { entries }));
        Ok(())
    }

    fn open(&self, folder: &ToWalk) -> Result<OwnedFd, LocalError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match &folder.above {
            Some(above) => openat(above, &folder.name, flags, Mode::empty()),
            None => openat(CWD, self.rules.folder(), flags, Mode::empty()),
        };
        opened.map_err(|cause| self.rules.read_error(&folder.path, cause.into()))
    }

    /// Collects the names that belong to the source, in byte order.
    fn names(&self, own: &mut Worker, open: &OwnedFd, folder: &ToWalk) -> Result<(), LocalError> {
        own.names.clear();
        if let (0, Some(only)) = (folder.depth, self.rules.only()) {
            own.names.push((only.into(), FileType::Unknown));
            return Ok(());
        }
        let mut entries = RawDir::new(open, &mut own.raw);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|cause| self.rules.read_error(&folder.path, cause.into()))?;
            let name = entry.file_name();
            if !Rules::is_left_out(name.to_bytes()) {
                own.names.push((name.into(), entry.file_type()));
            }
        }
        own.names.sort_unstable_by(|(a, _), (b, _)| a.to_bytes().cmp(b.to_bytes()));
        Ok(())
    }
}

/// Cuts files to be read into pieces of work.
fn pieces(files: Vec<ToRead>, open: &Arc<OwnedFd>, folder: &ToWalk) -> impl Iterator<Item = Files> {
    let mut files = files.into_iter().peekable();
    std::iter::from_fn(move || {
        files.peek()?;
        let mut piece = Vec::new();
        let mut n_bytes = 0;
        while piece.len() < N_FILES && n_bytes < N_BYTES {
            let Some(file) = files.next() else { break };
            n_bytes += file.stamp.size;
            piece.push(file);
        }
        let folder = (folder.number, folder.path.clone());
        Some(Files { open: Arc::clone(open), folder: folder.0, path: folder.1, members: piece })
    })
}

/// The remembered entries of a folder, gone through in step with its names.
struct Remembering<'a> {
    entries: Box<dyn Iterator<Item = Remembered<'a>> + 'a>,
    next: Option<Remembered<'a>>,
}

impl<'a> Remembering<'a> {
    fn of(memory: Option<&'a Memory>, folder: Option<u32>) -> Self {
        let mut entries: Box<dyn Iterator<Item = _>> = match (memory, folder) {
            (Some(memory), Some(folder)) => Box::new(memory.entries(folder)),
            _ => Box::new(std::iter::empty()),
        };
        let next = entries.next();
        Self { entries, next }
    }

    /// Returns what is remembered under a name, and whether there was nothing between the last name and this one.
    fn find(&mut self, name: &[u8]) -> (Option<RememberedWhat<'a>>, bool) {
        let mut is_next = true;
        while let Some(next) = &self.next {
            match next.name.cmp(name) {
                std::cmp::Ordering::Less => {
                    is_next = false;
                    self.next = self.entries.next();
                }
                std::cmp::Ordering::Equal => {
                    let found = self.next.take();
                    self.next = self.entries.next();
                    return (found.map(|found| found.what), is_next);
                }
                std::cmp::Ordering::Greater => break,
            }
        }
        (None, false)
    }

    fn is_at_end(&self) -> bool {
        self.next.is_none()
    }
}

/// One folder while it is gone through.
struct Scan<'a> {
    walk: &'a Walk<'a>,
    open: &'a Arc<OwnedFd>,
    folder: &'a ToWalk,
    number: &'a AtomicU32,
    ignored: Option<Arc<Ignored>>,
    remembered: Remembering<'a>,
    entries: Vec<Entry>,
    below: Vec<ToWalk>,
    files: Vec<ToRead>,
    is_same: bool,
}

impl Scan<'_> {
    fn entry(&mut self, raw: &CStr, mut kind: FileType) -> Result<(), LocalError> {
        let rules = self.walk.rules;
        let name = rules.name(raw.to_bytes())?;
        if rules.excludes(&self.folder.path, &name) {
            return Ok(());
        }
        let mut stamp = None;
        if kind != FileType::Directory {
            let found = statat(self.open, raw, AtFlags::SYMLINK_NOFOLLOW);
            let found = found.map_err(|cause| self.read_error(&name, cause.into()))?;
            kind = FileType::from_raw_mode(found.st_mode);
            stamp = Some(Stamp::of(&found));
        }
        let is_folder = kind == FileType::Directory;
        if rules.ignores(self.ignored.as_deref(), &self.folder.path, &name, is_folder) {
            return Ok(());
        }
        if self.folder.depth >= MAX_DEPTH {
            return Err(LocalError::Deep { path: rules.shown(&self.folder.path, &name) });
        }
        let (remembered, is_next) = self.remembered.find(raw.to_bytes());
        self.is_same &= is_next;
        let what = match (kind, stamp) {
            (FileType::RegularFile, Some(stamp)) => self.file(raw, &name, stamp, remembered),
            (FileType::Symlink, Some(stamp)) => self.link(raw, &name, stamp, remembered)?,
            (FileType::Directory, _) => self.below(raw, &name, remembered),
            (kind, _) => {
                let path = rules.shown(&self.folder.path, &name);
                return Err(LocalError::Special { path, what: special(kind) });
            }
        };
        self.entries.push(Entry { name, what });
        Ok(())
    }

    fn file(
        &mut self,
        raw: &CStr,
        name: &Name,
        stamp: Stamp,
        remembered: Option<RememberedWhat<'_>>,
    ) -> What {
        if let Some(RememberedWhat::File { stamp: known, digest }) = remembered
            && known == stamp
            && self.is_settled(stamp)
        {
            return What::File { stamp, digest };
        }
        self.is_same = false;
        let entry = self.entries.len();
        self.files.push(ToRead { entry, raw: raw.into(), name: name.clone(), stamp });
        What::File { stamp, digest: Digest::EMPTY }
    }

    fn link(
        &mut self,
        raw: &CStr,
        name: &Name,
        stamp: Stamp,
        remembered: Option<RememberedWhat<'_>>,
    ) -> Result<What, LocalError> {
        if let Some(RememberedWhat::Link { stamp: known, target }) = remembered
            && known == stamp
            && self.is_settled(stamp)
        {
            return Ok(What::Link { stamp, target: target.into() });
        }
        self.is_same = false;
        let target = readlinkat(self.open, raw, Vec::new())
            .map_err(|cause| self.read_error(name, cause.into()))?;
        let target = target.to_str().map_err(|_bad| LocalError::NotUtf8 {
            path: target.to_bytes().escape_ascii().to_string(),
        })?;
        Ok(What::Link { stamp, target: target.into() })
    }

    fn below(&mut self, raw: &CStr, name: &Name, remembered: Option<RememberedWhat<'_>>) -> What {
        let remembered = match remembered {
            Some(RememberedWhat::Folder(number)) => Some(number),
            _ => None,
        };
        self.is_same &= remembered.is_some();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.below.push(ToWalk {
            above: Some(Arc::clone(self.open)),
            name: raw.to_owned(),
            path: Rules::join(&self.folder.path, name),
            depth: self.folder.depth + 1,
            number,
            remembered,
            ignored: self.ignored.clone(),
        });
        What::Folder(number)
    }

    fn is_settled(&self, stamp: Stamp) -> bool {
        self.walk.memory.is_some_and(|memory| stamp.is_settled(memory.clock()))
    }

    fn read_error(&self, name: &Name, cause: std::io::Error) -> LocalError {
        self.walk.rules.read_error(&Rules::join(&self.folder.path, name), cause)
    }
}

/// Opens a regular file; a link or FIFO that took its place meanwhile is not followed or waited for.
pub(crate) fn open_file(at: impl AsFd, name: &CStr) -> std::io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?.into())
}
