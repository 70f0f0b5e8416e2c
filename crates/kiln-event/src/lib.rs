//! What happened, as typed events; the `Sink` trait.
//!
//! # Never
//! Prints.
