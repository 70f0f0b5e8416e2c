//! The `Runner` of this machine: stage, run, capture.
//!
//! # Never
//! Knows keys, elements or an index.
