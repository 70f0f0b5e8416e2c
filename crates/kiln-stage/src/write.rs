//! Trees written below an open folder, without recursion and without following a link.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kiln_cas::DiskCas;
use kiln_tree::{Name, Node, Time, Tree};
use rustix::fs::{AtFlags, FileType, Mode, mkdirat, symlinkat, unlinkat};
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

struct Level {
    folder: OwnedFd,
    name: String,
    /// What is left to be written, last first.
    left: Vec<(Name, Node)>,
    time: Time,
}

/// Writes a tree into an open folder, which gets mode and time at the end.
pub(crate) fn write_into(
    cas: &DiskCas,
    tree: &Tree,
    folder: OwnedFd,
    files: Files,
) -> Result<(), StageError> {
    let mut writing = Writing { cas, files, copying: Copying::default(), levels: Vec::new() };
    writing.enter(folder, String::new(), tree);
    while let Some(level) = writing.levels.last_mut() {
        match level.left.pop() {
            Some((name, node)) => writing.entry(&name, &node)?,
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
}

impl Writing<'_> {
    fn enter(&mut self, folder: OwnedFd, name: String, tree: &Tree) {
        let entries = tree.entries().iter().rev();
        let left = entries.map(|(name, node)| (name.clone(), node.clone())).collect();
        let time = self.time(tree.mtime());
        self.levels.push(Level { folder, name, left, time });
    }

    /// Sets mode and time last: every entry written changes the time.
    fn leave(&mut self) -> Result<(), StageError> {
        let Some(level) = self.levels.pop() else {
            return Ok(());
        };
        let settled = rustix::fs::fchmod(&level.folder, Mode::from_raw_mode(0o755))
            .map_err(io::Error::from)
            .and_then(|()| set_time(&level.folder, level.time));
        settled.map_err(|cause| error(&self.levels, &level.name, cause))
    }

    fn time(&self, wanted: Option<Time>) -> Time {
        match self.files {
            Files::Linked => Time::STAGED,
            Files::Copied | Files::Replacing => wanted.unwrap_or(Time::STAGED),
        }
    }

    fn entry(&mut self, name: &Name, node: &Node) -> Result<(), StageError> {
        let levels = &self.levels;
        let failed = |cause: io::Error| error(levels, name.as_str(), cause);
        let c_name = CString::new(name.as_str()).map_err(|cause| failed(cause.into()))?;
        let Some(at) = self.levels.last().map(|level| level.folder.as_fd()) else {
            return Ok(());
        };
        if self.files == Files::Replacing {
            clear(at, &c_name, matches!(node, Node::Directory(_))).map_err(failed)?;
        }
        match node {
            Node::Directory(tree) => {
                let folder = make_folder(at, &c_name).map_err(failed)?;
                self.enter(folder, name.as_str().to_owned(), tree);
            }
            Node::Symlink(link) => {
                symlinkat(&*link.target, at, &c_name).map_err(|cause| failed(cause.into()))?;
                set_entry_time(at, &c_name, self.time(link.mtime)).map_err(failed)?;
            }
            Node::File(file) => {
                if self.files == Files::Linked {
                    match self.cas.link(file.digest, file.executable, at, &c_name)? {
                        Ok(()) => return Ok(()),
                        Err(cause) if !is_unlinkable(&cause) => return Err(failed(cause)),
                        // No more links fit, or there is a rule against them: a copy will do.
                        Err(_unlinkable) => {}
                    }
                }
                let from = self.cas.open_blob(file.digest)?;
                let time = self.time(file.mtime);
                self.copying.copy(&from, at, &c_name, *file, time).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Names an entry of the innermost folder by its path.
fn error(levels: &[Level], name: &str, cause: io::Error) -> StageError {
    let folders = levels.iter().map(|level| level.name.as_str());
    let parts: Vec<&str> = folders.chain([name]).filter(|part| !part.is_empty()).collect();
    StageError::Write { path: parts.join("/"), cause }
}

fn is_unlinkable(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MLINK | Errno::PERM | Errno::XDEV))
}

/// Opens a folder for what is in it to be written, made where it is not there.
pub(crate) fn make_folder(at: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    match mkdirat(at, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => open_folder(at, name),
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
