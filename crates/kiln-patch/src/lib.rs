//! Unified diffs, applied to trees.
//!
//! # Purpose
//! [`apply()`] makes of a tree and some patches another tree, or says which hunk of which patch does not fit and what is
//! there instead. Hunks may lie at other lines than the patch says, but every line of them must be there: no fuzz. What
//! `git` writes besides is understood: new, deleted, renamed and copied files, modes, links, quoted names.
//! [`series()`] reads the list of a quilt series.
//!
//! # Never
//! Reads or writes files; leaves the tree or goes through a link in it; gives half of what was asked.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//! use kiln_digest::Digest;
//! use kiln_patch::{Text, apply};
//! use kiln_tree::{Draft, File, RelPath};
//! let mut draft = Draft::default();
//! draft.put(&RelPath::parse("a.c").unwrap(), File::new(Digest::of(b"int a;\n"), false)).unwrap();
//! let read = |_digest: Digest| Ok::<_, Infallible>(b"int a;\n".to_vec());
//! let bytes = b"--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-int a;\n+int b;\n";
//! let patch = Text { name: "fix.patch", strip: 1, bytes };
//! let patched = apply(&draft.seal(), &[patch], &read).unwrap();
//! assert_eq!(patched.files[0].bytes, b"int b;\n");
//! ```

mod apply;
mod change;
mod error;
mod fit;
mod header;
mod hunk;
mod line;
mod parse;
mod series;

pub use apply::apply;
pub use error::{Failed, Misfit, PatchError};
pub use series::{Listed, series};

use kiln_tree::Tree;

/// Number of the rules by which patches are applied: one more whenever the same patches may make another tree.
pub const RULES: u32 = 1;

/// A patch as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Its path in the project, for messages.
    pub name: &'a str,
    /// Leading parts dropped from the paths in it.
    pub strip: u32,
    pub bytes: &'a [u8],
}

/// A tree with the contents that are new in it.
#[derive(Clone, Debug)]
pub struct Patched {
    pub tree: Tree,
    pub files: Vec<NewFile>,
}

/// The content of a file that a patch made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    pub bytes: Vec<u8>,
    pub executable: bool,
}

#[cfg(test)]
mod tests;
