//! Text to lossless tree to typed syntax; owns the grammar.
//!
//! # Never
//! Evaluates, reads files, fails.
