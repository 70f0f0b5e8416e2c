//! Key to artifact and action digest to outcome: the `Index` trait.
//!
//! # Never
//! Decides what is stale.
