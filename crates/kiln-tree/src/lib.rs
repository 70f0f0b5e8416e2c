//! Relative paths and content-addressed directories as values, in REAPI canonical form.
//!
//! # Never
//! Touches the disk.
