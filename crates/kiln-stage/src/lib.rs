//! Tree to folder and folder to tree.
//!
//! # Never
//! Knows a sandbox, keys or elements.
