//! Closure, order, cycles, keys.
//!
//! # Never
//! Knows what exists, touches the disk.
