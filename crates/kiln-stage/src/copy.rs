//! Trees as folders of one's own.

use std::path::Path;

use kiln_cas::DiskCas;
use kiln_tree::Tree;

use crate::StageError;

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
    unimplemented!("{cas:?} {tree:?} {folder:?}")
}

/// Writes a tree into a user's folder: copies, modes 0644 and 0755, no link followed.
///
/// # Errors
/// When the target is not what was asked, a blob is missing, or the folder cannot be written.
pub fn checkout(
    cas: &DiskCas,
    tree: &Tree,
    folder: &Path,
    target: Target,
) -> Result<(), StageError> {
    unimplemented!("{cas:?} {tree:?} {folder:?} {target:?}")
}
