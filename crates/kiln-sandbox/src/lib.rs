//! Sandbox specification to bubblewrap process.
//!
//! # Never
//! Knows a store.
