//! A folder that nobody trusts, as a tree.

use std::path::Path;

use kiln_cas::{Cas, DiskCas};
use kiln_tree::Tree;
use rustix::fs::{CWD, FileType};

use crate::StageError;
use crate::changes::Changes;
use crate::copy::open_path;
use crate::folder::{kind, look, set_mode};
use crate::trees::Trees;
use crate::walk::{Walk, Wanted};

/// How many bytes the path of an entry may have.
pub(crate) const MAX_PATH: usize = 4096;

/// Whether a tree keeps modification times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Keep,
    Strip,
}

/// What becomes of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// Its files move into the store; what is left must not be used any more. Nobody else may be able to write it.
    Move,
    /// It stays as it is: the folder of a user.
    Copy,
}

/// A folder as a tree; its blobs and directories are in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub tree: Tree,
    /// What was dropped, one line each: special files, permission bits, attributes.
    pub warnings: Vec<String>,
}

/// Captures a folder.
///
/// # Errors
/// When it is no folder, holds a name that no tree can hold, is too deep, or the store cannot be written.
pub fn capture(
    cas: &DiskCas,
    folder: &Path,
    times: Times,
    taking: Taking,
) -> Result<Captured, StageError> {
    let changes = read(cas, folder, Wanted { times, taking, changes: false })?;
    cas.write_tree(&changes.tree)?;
    Ok(Captured { tree: changes.tree, warnings: changes.warnings })
}

/// Captures a folder without times and leaves it behind as the staged folder of its tree. Where there is one already,
/// the folder stays where it is, for the caller to remove.
///
/// # Errors
/// As [`capture`].
pub fn capture_staged(cas: &DiskCas, trees: &Trees, folder: &Path) -> Result<Captured, StageError> {
    let captured = capture(cas, folder, Times::Strip, Taking::Move)?;
    if !trees.has(captured.tree.digest()) {
        trees.install(folder, captured.tree.digest())?;
    }
    Ok(captured)
}

/// Captures the upper folder of an overlay as what it changes of the folders below; the directories of the tree
/// are not kept in the store, as it is only a part.
///
/// # Errors
/// As [`capture`].
pub fn capture_changes(cas: &DiskCas, upper: &Path) -> Result<Changes, StageError> {
    read(cas, upper, Wanted { times: Times::Strip, taking: Taking::Move, changes: true })
}

fn read(cas: &DiskCas, folder: &Path, wanted: Wanted) -> Result<Changes, StageError> {
    let failed = |cause| StageError::Read { path: folder.display().to_string(), cause };
    let name = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes())
        .map_err(|cause| failed(cause.into()))?;
    let found = match look(CWD, &name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StageError::Missing { path: folder.to_path_buf() });
        }
        found => found.map_err(failed)?,
    };
    if kind(&found) != FileType::Directory {
        let found = kind_name(kind(&found));
        return Err(StageError::NoFolder { path: folder.to_path_buf(), found });
    }
    if wanted.taking == Taking::Move && found.st_mode & 0o700 != 0o700 {
        set_mode(CWD, &name, 0o700).map_err(failed)?;
    }
    Walk::new(cas, wanted).run(open_path(folder).map_err(failed)?, &found)
}

/// Names a kind of entry for people.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "folder",
        FileType::Symlink => "link",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Unknown => "thing of unknown kind",
    }
}
