//! Syntax tree to canonical text.
//!
//! # Never
//! Changes what a text means.
