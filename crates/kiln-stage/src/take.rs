//! The files of a folder that nobody trusts, taken into the store.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use kiln_cas::Cas;
use kiln_tree::{Name, Node, Time};
use rustix::fs::{FileType, Stat};

use crate::StageError;
use crate::capture::Taking;
use crate::folder::{kind, open_file, set_mode};
use crate::walk::{Found, Open, Walk, read_error};

/// How many files, or bytes of files, are one piece of work.
const N_FILES: usize = 32;
const N_BYTES: i64 = 1 << 20;

/// How much is read at once.
const BUFFER: usize = 1 << 18;

/// Some files of one folder.
pub(crate) struct Files {
    open: Arc<Open>,
    some: Vec<File>,
}

/// A file that is to be taken.
pub(crate) struct File {
    pub(crate) raw: CString,
    pub(crate) name: Name,
    pub(crate) mtime: Option<Time>,
    pub(crate) found: Stat,
}

/// Cuts the files of a folder into pieces of work.
pub(crate) fn pieces(files: Vec<File>, open: &Arc<Open>) -> impl Iterator<Item = Files> {
    let mut files = files.into_iter().peekable();
    std::iter::from_fn(move || {
        files.peek()?;
        let mut some = Vec::new();
        let mut n_bytes = 0i64;
        while some.len() < N_FILES && n_bytes < N_BYTES {
            let Some(file) = files.next() else { break };
            n_bytes = n_bytes.saturating_add(file.found.st_size);
            some.push(file);
        }
        Some(Files { open: Arc::clone(open), some })
    })
}

impl Walk<'_> {
    /// Takes some files.
    pub(crate) fn files(&self, own: &mut Found, files: Files) -> Result<(), StageError> {
        own.buffer.resize(BUFFER, 0);
        let Files { open, some } = files;
        for file in some {
            let node = self.file(own, &open, &file)?;
            own.nodes.push((open.number, file.name, node));
        }
        self.release(open)
    }

    fn file(&self, own: &mut Found, open: &Open, file: &File) -> Result<Node, StageError> {
        let File { raw, name, mtime, found } = file;
        let path = || open.path.join(name);
        let at = open.folder.as_fd();
        let opened = self.open_file(at, raw, found).map_err(|cause| read_error(&path(), cause))?;
        let executable = found.st_mode & 0o100 != 0;
        let digest = match self.wanted.taking {
            Taking::Copy => self.cas.write_stream(&mut &opened, executable)?,
            Taking::Move => {
                self.clean(own, opened.as_fd(), &path(), found)?;
                self.cas.adopt(at, raw, &opened, found.st_mode, &mut own.buffer)?
            }
        };
        Ok(Node::File(kiln_tree::File { digest, executable, mtime: *mtime }))
    }

    fn open_file(
        &self,
        at: BorrowedFd<'_>,
        name: &CStr,
        found: &Stat,
    ) -> io::Result<std::fs::File> {
        if self.wanted.taking == Taking::Move && found.st_mode & 0o400 == 0 {
            // The executable bit stays: another name of the file may be looked at by now.
            set_mode(at, name, 0o600 | found.st_mode & 0o100)?;
        }
        let file = open_file(at, name)?;
        let opened = rustix::fs::fstat(&file)?;
        let same = kind(&opened) == FileType::RegularFile && opened.st_ino == found.st_ino;
        if same { Ok(file.into()) } else { Err(io::Error::other("it changed meanwhile")) }
    }
}
