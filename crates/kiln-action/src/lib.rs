//! One hermetic command and its outcome; the `Runner` trait.
//!
//! # Never
//! Knows elements, stores or how a runner works.
