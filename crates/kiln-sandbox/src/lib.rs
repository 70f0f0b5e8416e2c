//! A sandbox specification as a bubblewrap process.
//!
//! # Purpose
//! [`spawn`] starts a command on a stack of folders: this program is executed again as `__sandbox`
//! ([`helper_main`]), stacks the folders in a mount namespace of its own, runs `bwrap` there, and ends everything
//! that is left when `bwrap` or kiln is gone.
//!
//! # Never
//! Knows a store, an action, or what the command is for.
#![expect(clippy::disallowed_methods, reason = "this crate owns processes")]

mod error;
mod helper;
mod overlay;
mod raw;
mod report;
mod spawn;
mod spec;
mod watch;

pub use error::SandboxError;
pub use helper::{HELPER_WORD, helper_main};
pub use spawn::{Ended, Running, probe, spawn};
pub use spec::{Launcher, Spec, Usage, User};
