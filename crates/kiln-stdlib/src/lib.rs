//! The texts of the standard library, embedded.
//!
//! # Never
//! Knows what they mean.
