//! A folder that nobody trusts, as a tree.

use std::path::Path;

use kiln_cas::DiskCas;
use kiln_tree::Tree;

use crate::StageError;
use crate::trees::Trees;

/// How many bytes the path of an entry may have.
pub const MAX_PATH: usize = 4096;

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
    unimplemented!("{cas:?} {folder:?} {times:?} {taking:?}")
}

/// Captures a folder without times and leaves it behind as the staged folder of its tree.
///
/// # Errors
/// As [`capture`].
pub fn capture_staged(cas: &DiskCas, trees: &Trees, folder: &Path) -> Result<Captured, StageError> {
    unimplemented!("{cas:?} {trees:?} {folder:?}")
}
