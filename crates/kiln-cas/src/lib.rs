//! Blobs and directories by digest: the `Cas` trait, on disk and in memory.
//!
//! # Never
//! Knows keys or elements.
