//! Element and input trees to an `Action`.
//!
//! # Never
//! Reads a store, runs a command.
