//! Folders that nobody trusts, taken away.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, RenameFlags, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::folder::{kind, look, open_folder, set_mode};

/// How many folders are held open within each other; what lies deeper is moved up first.
const MAX_OPEN: usize = 64;

/// Removes a folder with everything in it, whatever its modes and however deep; links are not followed.
/// That nothing is there is no error.
///
/// # Errors
/// When an entry cannot be removed.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    let name = CString::new(folder.as_os_str().as_bytes())?;
    remove_at(CWD, &name)
}

/// Removes an entry of an open folder as [`remove_folder`] does.
pub(crate) fn remove_at(at: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match look(at, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if kind(&found) != FileType::Directory => {
            return Ok(unlinkat(at, name, AtFlags::empty())?);
        }
        Ok(_) => {}
    }
    empty(&forced_folder(at, name)?)?;
    Ok(unlinkat(at, name, AtFlags::REMOVEDIR)?)
}

/// Removes everything in a folder.
///
/// # Errors
/// When an entry cannot be removed.
pub fn empty_folder(folder: &Path) -> io::Result<()> {
    let name = CString::new(folder.as_os_str().as_bytes())?;
    empty(&forced_folder(CWD, &name)?)
}

struct Level {
    entries: Dir,
    name: CString,
}

/// Empties a folder; passes over it until it stays empty, as each may move something up into it.
fn empty(top: &OwnedFd) -> io::Result<()> {
    let mut n_moved = 0u64;
    loop {
        let before = n_moved;
        let mut levels = vec![Level { entries: Dir::read_from(top)?, name: CString::default() }];
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.read() else {
                let done = levels.pop();
                if let (Some(done), Some(above)) = (done, levels.last()) {
                    unlinkat(above.entries.fd()?, &done.name, AtFlags::REMOVEDIR)?;
                }
                continue;
            };
            let name = entry?.file_name().to_owned();
            if matches!(name.to_bytes(), b"." | b"..") || unlink(level.entries.fd()?, &name)? {
                continue;
            }
            let folder = forced_folder(level.entries.fd()?, &name)?;
            if levels.len() < MAX_OPEN {
                levels.push(Level { entries: Dir::new(folder)?, name });
            } else if let Some(level) = levels.last() {
                n_moved = move_up(level.entries.fd()?, &name, top, n_moved)?;
            }
        }
        if n_moved == before {
            return Ok(());
        }
    }
}

/// Removes what is no folder; returns false for a folder.
fn unlink(at: impl AsFd, name: &CStr) -> io::Result<bool> {
    match unlinkat(&at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => {
            let is_folder = kind(&look(&at, name)?) == FileType::Directory;
            if is_folder { Ok(false) } else { Err(Errno::PERM.into()) }
        }
        Err(error) => Err(error.into()),
    }
}

/// Moves a folder into the top one under a name that is free; returns the next number to try.
fn move_up(at: impl AsFd, name: &CStr, top: &OwnedFd, mut number: u64) -> io::Result<u64> {
    loop {
        let free = format!(".deep-{number}");
        number += 1;
        match renameat_with(&at, name, top, free, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(number),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Opens a folder that may forbid it.
fn forced_folder(at: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    let mode = look(&at, name)?.st_mode;
    if mode & 0o700 != 0o700 {
        set_mode(&at, name, 0o700)?;
    }
    open_folder(at, name)
}
