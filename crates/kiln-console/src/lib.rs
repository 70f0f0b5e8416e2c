//! Events and diagnostics to lines, as a fold.
//!
//! # Never
//! Decides what happens next.
