//! Relative paths and content-addressed directories as values, in the canonical form of the Remote Execution API.
//!
//! # Purpose
//! A [`Tree`] is an immutable directory whose digest is the digest of its REAPI `Directory` message; subtrees
//! are shared. A [`Draft`] is a tree in the making; [`merge()`] lays trees over each other.
//!
//! # Never
//! Touches the disk; knows who made a tree or what it is for.
//!
//! # Example
//! ```
//! use kiln_tree::{Draft, File, RelPath, Tree};
//! use kiln_digest::Digest;
//! let mut draft = Draft::default();
//! let path = RelPath::parse("usr/bin/tool").unwrap();
//! draft.put(&path, File::new(Digest::of(b"#!"), true)).unwrap();
//! let tree = draft.seal();
//! assert_eq!(tree.files().count(), 1);
//! assert_eq!(Tree::empty().digest(), Digest::EMPTY);
//! ```

mod difference;
mod draft;
mod listing;
mod merge;
mod path;
mod strict;
mod tree;
pub mod wire;

pub use difference::Difference;
pub use draft::{Blocked, Draft};
pub use listing::{BadDirectory, Listing, LoadError, MAX_DEPTH};
pub use merge::{Merged, Overlap, merge};
pub use path::{BadPath, Name, RelPath};
pub use tree::{File, Node, Symlink, Time, Tree};
