//! The `Runner` of this machine: stage, run, capture.
//!
//! # Purpose
//! [`LocalRunner`] stages the parts of an input root, runs the command in a sandbox on them, and captures what it
//! left.
//!
//! # Never
//! Knows keys, elements or an index.
//!
//! # Example
//! ```no_run
//! use std::sync::Arc;
//! use kiln_cas::DiskCas;
//! use kiln_local::LocalRunner;
//! use kiln_sandbox::Launcher;
//! let store = std::path::Path::new("/store");
//! LocalRunner::sweep(store).unwrap();
//! let blobs = Arc::new(DiskCas::open(store).unwrap());
//! let launcher = Launcher { helper: "/usr/bin/kiln".into(), bwrap: Some("/usr/bin/bwrap".into()) };
//! let runner = LocalRunner::new(blobs, launcher, "run-1", 4).unwrap();
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "this crate owns work folders and needs a clock for a backstop"
)]

mod claim;
mod delegation;
mod elf;
mod error;
mod harvest;
mod jobs;
mod ladder;
mod layers;
mod limits;
mod meta;
mod place;
mod runner;
mod shell;
mod stray;
mod usr;

pub use delegation::{Delegation, delegation};
pub use error::LocalError;
pub use ladder::{Rung, Standing, attempt, climb, standing};
pub use runner::LocalRunner;
pub use shell::{Shell, Stdio};
