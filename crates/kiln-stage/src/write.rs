//! Trees written below an open folder, without recursion and without following a link.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kiln_cas::DiskCas;
use kiln_tree::{File, Name, Node, Symlink, Time, Tree};
use rustix::fs::{AtFlags, CWD, FileType, Mode, mkdirat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::StageError;
use crate::clone::Copying;
use crate::folder::{kind, look, open_folder, set_entry_time, set_time};

/// How the files of a folder come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// They are the files of the blobs; the folder is only ever read.
    Linked,
    /// They are copies.
    Copied,
    /// They are copies and replace what is there.
    Replacing,
}

/// The mode of every folder that is written.
const FOLDER_MODE: u32 = 0o755;

struct Level {
    folder: OwnedFd,
    name: Option<Name>,
    /// It was made here and has the right mode.
    has_mode: bool,
    /// The folders that are left to be written, last first.
    left: Vec<(Name, Tree)>,
    time: Time,
}

/// Writes a tree into an open folder, which gets mode and time at the end.
pub(crate) fn write_into(
    cas: &DiskCas,
    tree: &Tree,
    folder: OwnedFd,
    files: Files,
) -> Result<(), StageError> {
    let mut writing =
        Writing { cas, files, copying: Copying::default(), levels: Vec::new(), keeps_mode: None };
    writing.enter(folder, None, false, tree)?;
    while let Some(level) = writing.levels.last_mut() {
        match level.left.pop() {
            Some((name, tree)) => writing.folder(&name, &tree)?,
            None => writing.leave()?,
        }
    }
    Ok(())
}

struct Writing<'a> {
    cas: &'a DiskCas,
    files: Files,
    copying: Copying,
    levels: Vec<Level>,
    /// Whether the umask leaves the mode of a new folder alone, once it is known.
    keeps_mode: Option<bool>,
}

impl Writing<'_> {
    /// Writes what a folder holds itself, and notes the folders in it.
    fn enter(
        &mut self,
        folder: OwnedFd,
        name: Option<Name>,
        has_mode: bool,
        tree: &Tree,
    ) -> Result<(), StageError> {
        let left = tree.entries().iter().rev().filter_map(|(name, node)| match node {
            Node::Directory(tree) => Some((name.clone(), tree.clone())),
            _ => None,
        });
        let time = self.time(tree.mtime());
        self.levels.push(Level { folder, name, has_mode, left: left.collect(), time });
        for (name, node) in tree.entries() {
            match node {
                Node::Directory(_) => {}
                Node::Symlink(link) => self.link(name, link)?,
                Node::File(file) => self.file(name, *file)?,
            }
        }
        Ok(())
    }

    /// Sets mode and time last: every entry written changes the time.
    fn leave(&mut self) -> Result<(), StageError> {
        let Some(level) = self.levels.pop() else {
            return Ok(());
        };
        let mode = Mode::from_raw_mode(FOLDER_MODE);
        let moded = if level.has_mode { Ok(()) } else { rustix::fs::fchmod(&level.folder, mode) };
        let settled =
            moded.map_err(io::Error::from).and_then(|()| set_time(&level.folder, level.time));
        let name = level.name.as_ref().map_or("", Name::as_str);
        settled.map_err(|cause| error(&self.levels, name, cause))
    }

    fn time(&self, wanted: Option<Time>) -> Time {
        match self.files {
            Files::Linked => Time::STAGED,
            Files::Copied | Files::Replacing => wanted.unwrap_or(Time::STAGED),
        }
    }

    fn folder(&mut self, name: &Name, tree: &Tree) -> Result<(), StageError> {
        let made = self.at(name, true).and_then(|(at, raw)| make_folder(at, &raw));
        let (folder, is_new) = made.map_err(|cause| error(&self.levels, name.as_str(), cause))?;
        let has_mode = is_new && self.keeps_mode(&folder);
        self.enter(folder, Some(name.clone()), has_mode, tree)
    }

    /// Returns whether a new folder has the right mode by itself. One tells for all that are made here: the mask is
    /// that of the process, and what a folder inherits, those in it inherit.
    fn keeps_mode(&mut self, folder: &OwnedFd) -> bool {
        if self.files == Files::Replacing {
            return false;
        }
        *self.keeps_mode.get_or_insert_with(|| {
            rustix::fs::fstat(folder).is_ok_and(|found| found.st_mode & 0o7777 == FOLDER_MODE)
        })
    }

    fn link(&self, name: &Name, link: &Symlink) -> Result<(), StageError> {
        let made = self.at(name, false).and_then(|(at, raw)| {
            symlinkat(&*link.target, at, &raw)?;
            set_entry_time(at, &raw, self.time(link.mtime))
        });
        made.map_err(|cause| error(&self.levels, name.as_str(), cause))
    }

    fn file(&mut self, name: &Name, file: File) -> Result<(), StageError> {
        let levels = &self.levels;
        let failed = |cause: io::Error| error(levels, name.as_str(), cause);
        let (at, raw) = self.at(name, false).map_err(failed)?;
        if self.files == Files::Linked {
            match self.cas.link(file.digest, file.executable, at, &raw)? {
                Ok(()) => return Ok(()),
                Err(cause) if !is_unlinkable(&cause) => return Err(failed(cause)),
                // No more links fit, or there is a rule against them: a copy will do.
                Err(_unlinkable) => {}
            }
        }
        let from = self.cas.open_blob(file.digest)?;
        let time = self.time(file.mtime);
        let at = levels.last().map_or(CWD, |level| level.folder.as_fd());
        self.copying.copy(&from, at, &raw, file, time).map_err(failed)
    }

    /// Returns the innermost folder and a name in it, where nothing is in the way.
    fn at(&self, name: &Name, keep_folder: bool) -> io::Result<(BorrowedFd<'_>, CString)> {
        let raw = CString::new(name.as_str())?;
        let at = self.levels.last().map_or(CWD, |level| level.folder.as_fd());
        if self.files == Files::Replacing {
            clear(at, &raw, keep_folder)?;
        }
        Ok((at, raw))
    }
}

/// Names an entry of the innermost folder by its path.
fn error(levels: &[Level], name: &str, cause: io::Error) -> StageError {
    let folders = levels.iter().map(|level| level.name.as_ref().map_or("", Name::as_str));
    let parts: Vec<&str> = folders.chain([name]).filter(|part| !part.is_empty()).collect();
    StageError::Write { path: parts.join("/"), cause }
}

fn is_unlinkable(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MLINK | Errno::PERM | Errno::XDEV))
}

/// Opens a folder for what is in it to be written, made where it is not there; returns whether it was made.
fn make_folder(at: BorrowedFd<'_>, name: &CStr) -> io::Result<(OwnedFd, bool)> {
    match mkdirat(at, name, Mode::from_raw_mode(FOLDER_MODE)) {
        Ok(()) => Ok((open_folder(at, name)?, true)),
        Err(Errno::EXIST) => Ok((open_folder(at, name)?, false)),
        Err(error) => Err(error.into()),
    }
}

/// Takes away what is in the way of an entry.
fn clear(at: BorrowedFd<'_>, name: &CStr, keep_folder: bool) -> io::Result<()> {
    let found = match look(at, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => kind(&found?),
    };
    if found != FileType::Directory {
        return Ok(unlinkat(at, name, AtFlags::empty())?);
    }
    if keep_folder {
        return Ok(());
    }
    crate::remove::remove_at(at, name)
}
