//! Folders that nobody trusts, taken away.

use std::io;
use std::path::Path;

/// Removes a folder with everything in it, whatever its modes and however deep; links are not followed.
/// That nothing is there is no error.
///
/// # Errors
/// When an entry cannot be removed.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    unimplemented!("{folder:?}")
}

/// Removes everything in a folder.
///
/// # Errors
/// When an entry cannot be removed.
pub fn empty_folder(folder: &Path) -> io::Result<()> {
    unimplemented!("{folder:?}")
}
