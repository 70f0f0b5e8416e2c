//! Fixtures, temporary folders, redactions and a loopback mirror for tests.
//!
//! # Purpose
//! What tests of several crates share: the files that `make fixtures` brought, a file server on
//! loopback that can fail on request, and the replacement of everything that differs between runs.
//!
//! # Never
//! Is a dependency of the product, talks to anything but loopback, skips a test because a fixture is
//! missing.
//!
//! # Example
//! ```
//! use kiln_testkit::{Fault, FileServer, Redactions, scratch};
//!
//! let folder = scratch();
//! std::fs::write(folder.path().join("a.txt"), "hello").unwrap();
//! let server = FileServer::start(folder.path());
//! server.fault("a.txt", Fault::Unavailable);
//! let message = format!("{}/a.txt answered 503", server.url());
//!
//! let shown = Redactions::new().value(&server.url(), "[MIRROR]").apply(&message);
//! assert_eq!(shown, "[MIRROR]/a.txt answered 503");
//! ```
#![expect(clippy::disallowed_methods, reason = "tests own their folders and their loopback server")]

#[cfg(feature = "conformance")]
pub mod conformance;
mod files;
mod fixtures;
#[cfg(feature = "conformance")]
mod listing;
mod redactions;
mod server;

pub use files::files_below;
pub use fixtures::{debian_mirror, engine_programs, path_with_tools, project_root, scratch, shell};
#[cfg(feature = "conformance")]
pub use listing::listed;
pub use redactions::Redactions;
pub use server::{Fault, FileServer, Request};
