//! The `Runner` of this machine: stage, run, capture.
//!
//! # Purpose
//! [`LocalRunner`] stages the parts of an input root, runs the command in a sandbox on them, and captures what it
//! left.
//!
//! # Never
//! Knows keys, elements or an index.
#![expect(
    clippy::disallowed_methods,
    reason = "this crate owns work folders and needs a clock for a backstop"
)]

mod error;
mod harvest;
mod meta;
mod place;
mod runner;

pub use error::LocalError;
pub use runner::LocalRunner;
