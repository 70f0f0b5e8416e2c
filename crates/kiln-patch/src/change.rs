//! What a patch does to one file.

use kiln_tree::RelPath;

use crate::hunk::Hunk;

/// One file of a patch.
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    /// Of the patch, where it begins.
    pub(crate) line: usize,
    /// Whether another commit begins with it: renames and copies take what was there before the whole commit.
    pub(crate) begins: bool,
    pub(crate) act: Act,
    /// What the file is afterwards, where the patch says so.
    pub(crate) mode: Option<Mode>,
    pub(crate) hunks: Vec<Hunk<'a>>,
}

/// What is done to a file beside its hunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// One of the paths, whichever is there.
    Edit(Vec<RelPath>),
    Create(RelPath),
    Delete(RelPath),
    Rename {
        from: RelPath,
        to: RelPath,
    },
    Copy {
        from: RelPath,
        to: RelPath,
    },
}

/// What a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Plain,
    Executable,
    Link,
}
