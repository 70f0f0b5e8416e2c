//! Trees as folders of one's own.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kiln_cas::DiskCas;
use kiln_tree::Tree;
use rustix::fs::CWD;

use crate::StageError;
use crate::folder::{names, open_folder};
use crate::remove::{empty_folder, remove_folder};
use crate::write::{Files, write_into};

/// What may be at the place of a checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing or an empty folder.
    Empty,
    /// Anything in a folder; what is there is kept, and replaced where the tree has the same path.
    Any,
}

/// Writes a tree as fresh copies into a folder, which is made when it is not there. Times are those of the tree,
/// or the one constant time where it has none.
///
/// # Errors
/// When a blob is missing or the folder cannot be written.
pub fn write_copy(cas: &DiskCas, tree: &Tree, folder: &Path) -> Result<(), StageError> {
    write_into(cas, tree, open_new(folder)?, Files::Copied)
}

/// Writes a tree into a user's folder: copies, modes 0644 and 0755, no link followed.
///
/// # Errors
/// When the target is not what was asked, a blob is missing, or the folder cannot be written; a target that was
/// new or empty is so again then.
pub fn checkout(
    cas: &DiskCas,
    tree: &Tree,
    folder: &Path,
    target: Target,
) -> Result<(), StageError> {
    let failed = |cause| StageError::Write { path: folder.display().to_string(), cause };
    let is_new = match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => {
            return Err(StageError::NoFolder { path: folder.to_path_buf(), found: "file" });
        }
        found => found.is_err(),
    };
    if is_new {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // A link given as the target itself is the user's own word.
    let opened = fs::canonicalize(folder).and_then(|path| open_path(&path)).map_err(failed)?;
    if target == Target::Any {
        return write_into(cas, tree, opened, Files::Replacing);
    }
    if !names(&opened).map_err(failed)?.is_empty() {
        return Err(StageError::NotEmpty { path: folder.to_path_buf() });
    }
    let written = write_into(cas, tree, opened, Files::Copied);
    if written.is_err() {
        // The first failure is the one to tell.
        drop(if is_new { remove_folder(folder) } else { empty_folder(folder) });
    }
    written
}

/// Opens a folder, made where it is not there.
pub(crate) fn open_new(folder: &Path) -> Result<OwnedFd, StageError> {
    let failed = |cause| StageError::Write { path: folder.display().to_string(), cause };
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => open_path(folder).map_err(failed),
    }
}

pub(crate) fn open_path(folder: &Path) -> io::Result<OwnedFd> {
    let name = CString::new(folder.as_os_str().as_bytes())?;
    open_folder(CWD, &name)
}
