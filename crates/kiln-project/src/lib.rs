//! Finds and loads a project from disk, up to the IR.
//!
//! # Never
//! Builds.
