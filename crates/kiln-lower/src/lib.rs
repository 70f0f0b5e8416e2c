//! Value to IR.
//!
//! # Never
//! Evaluates by itself, knows keys.
