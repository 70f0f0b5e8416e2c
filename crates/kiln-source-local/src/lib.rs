//! Sources that are folders of the project.
//!
//! # Never
//! Reads outside the project.
