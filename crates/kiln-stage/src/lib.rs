//! Trees to folders and folders to trees.
//!
//! # Purpose
//! [`Trees`] keeps trees as folders that are only ever read (overlay lowers); [`write_copy`] and [`checkout`] make
//! folders of one's own; [`capture`] turns a folder that nobody trusts into a tree and blobs.
//!
//! # Never
//! Knows what runs in a folder, follows a link that lies in one, or opens anything but files and folders.
#![expect(clippy::disallowed_methods, reason = "this crate owns staged folders on disk")]

mod capture;
mod copy;
mod error;
mod folder;
mod remove;
mod trees;

pub use capture::{Captured, Taking, Times, capture, capture_staged};
pub use copy::{Target, checkout, write_copy};
pub use error::StageError;
pub use remove::{empty_folder, remove_folder};
pub use trees::Trees;
