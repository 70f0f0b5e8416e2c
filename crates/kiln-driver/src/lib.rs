//! One function per operation; wires implementations, reads environment and configuration.
//!
//! # Never
//! Prints.
