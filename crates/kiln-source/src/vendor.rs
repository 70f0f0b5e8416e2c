//! Sources that are all that a lock file of another program names.

use kiln_ir::Source;
use kiln_tree::Tree;

use crate::{AnyError, Ports};

/// One form of lock file. Who calls it finds the file and pins it.
pub trait Vendor: Send + Sync {
    /// Returns whether a source is of this kind.
    fn takes(&self, source: &Source) -> bool;

    /// Brings all that a lock file names into the store, as one tree with all its files; what comes is checked by the
    /// hashes in the lock file. The same text gives the same tree, always.
    ///
    /// # Errors
    /// When the text is not what it should be, or something it names cannot be fetched or is something else.
    fn vendor(&self, lockfile: &Lockfile<'_>, ports: Ports<'_>) -> Result<Tree, AnyError>;
}

/// A lock file of another program, whole.
#[derive(Clone, Copy, Debug)]
pub struct Lockfile<'a> {
    /// As the project names it: some programs have several forms, told apart by the name.
    pub path: &'a str,
    pub bytes: &'a [u8],
}
