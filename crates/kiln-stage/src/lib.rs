//! Trees to folders and folders to trees.
//!
//! # Purpose
//! [`Trees`] keeps trees as folders that are only ever read (overlay lowers); [`write_copy`] and [`checkout`] make
//! folders of one's own; [`capture`] turns a folder that nobody trusts into a tree and blobs.
//!
//! # Never
//! Knows what runs in a folder, follows a link that lies in one, or opens anything but files and folders.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use kiln_cas::DiskCas;
//! use kiln_stage::{Taking, Times, Trees, capture};
//! let folder = tempfile::tempdir().unwrap();
//! let given = folder.path().join("given");
//! std::fs::create_dir(&given).unwrap();
//! std::fs::write(given.join("hello.txt"), "hello").unwrap();
//! let store = Arc::new(DiskCas::open(&folder.path().join("store")).unwrap());
//! let captured = capture(&store, &given, Times::Strip, Taking::Copy).unwrap();
//! let staged = Trees::new(store).extract(&captured.tree).unwrap();
//! assert_eq!(std::fs::read(staged.join("hello.txt")).unwrap(), b"hello");
//! ```

mod attributes;
mod capture;
mod changes;
mod clone;
mod copy;
mod error;
mod folder;
mod queue;
mod remove;
mod take;
mod trees;
mod walk;
mod write;

pub use capture::{Captured, Taking, Times, capture, capture_changes, capture_staged};
pub use changes::Changes;
pub use copy::{Target, checkout, write_copy};
pub use error::StageError;
pub use queue::Queue;
pub use remove::{empty_folder, remove_folder};
pub use trees::Trees;
