//! A sandbox specification as a bubblewrap process.
//!
//! # Purpose
//! [`spawn`] starts a command on a stack of folders: this program is executed again as `__sandbox`
//! ([`helper_main`]), stacks the folders in a mount namespace of its own, runs `bwrap` there, and ends everything
//! that is left when `bwrap` or kiln is gone.
//!
//! # Never
//! Knows a store, an action, or what the command is for.
//!
//! # Example
//! ```no_run
//! use std::time::Duration;
//! use kiln_sandbox::{Ended, Launcher, Spec, Stack, Streams, User, spawn};
//! let launcher = Launcher { helper: "/usr/bin/kiln".into(), bwrap: Some("/usr/bin/bwrap".into()) };
//! let spec = Spec {
//!     stack: Stack::Overlay,
//!     lowers: vec!["/store/trees/base".into()],
//!     upper: "/store/runs/1/u".into(),
//!     work: "/store/runs/1/w".into(),
//!     hold: None,
//!     usr: None,
//!     root: "/store/runs/1/r".into(),
//!     argv: vec!["/bin/true".to_owned()],
//!     folder: "/".to_owned(),
//!     sampled: None,
//!     env: std::collections::BTreeMap::new(),
//!     hostname: "buildbox".to_owned(),
//!     user: User::Builder,
//! };
//! let log = std::fs::File::create("/tmp/log").unwrap();
//! let mut running = spawn(&launcher, &spec, Streams::Log(log), &[]).unwrap();
//! assert_eq!(running.wait(Duration::from_secs(60)).unwrap(), Some(Ended::Exit(0)));
//! ```
#![expect(clippy::disallowed_methods, reason = "this crate owns processes")]

mod error;
mod helper;
mod memory;
mod overlay;
mod processes;
mod raw;
mod report;
mod sample;
mod seccomp;
mod server;
mod spawn;
mod spec;
mod streams;
mod watch;

pub use error::SandboxError;
pub use helper::{HELPER_WORD, helper_main};
pub use processes::process_limit;
pub use sample::Sample;
pub use server::Server;
pub use spawn::{Ended, Running, probe, spawn};
pub use spec::{HostUsr, Launcher, Spec, Stack, Usage, User};
pub use streams::Streams;
