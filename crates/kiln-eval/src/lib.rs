//! Syntax to value, lazily, within limits.
//!
//! # Never
//! Does input or output, builds, knows the IR.
