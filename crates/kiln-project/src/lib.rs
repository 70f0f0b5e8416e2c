//! Finds and loads a project from disk, up to the IR.
//!
//! # Purpose
//! From a folder to the texts of a project, its value, its IR and its lock, with everything that was found wrong on
//! the way.
//!
//! # Never
//! Builds; writes.
//!
//! # Example
//! ```
//! assert!(kiln_project::find(std::path::Path::new("/")).is_none());
//! ```
#![expect(clippy::disallowed_methods, reason = "this crate reads the files of a project")]

mod check;
mod elsewhere;
mod error;
mod files;
mod inputs;
mod load;
mod modules;
mod paths;
mod readable;

pub use check::inspect;
pub use elsewhere::say_where;
pub use error::ProjectError;
pub use files::{File, Files, Looked, Member, find, members};
pub use inputs::{Asked, FindInput, FoundInput, Input, LocalOnly, version_key};
pub use kiln_eval::{ProjectOption, Versions, VersionsRead};
pub use kiln_syntax::{GRAMMAR_VERSION, Packed};
pub use load::{COMMAND_LINE, Options, Project, load, load_for, load_kept, load_with, options};
pub use modules::{Modules, NoModules, pack_text};
pub use readable::{Readable, read};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "project.kiln";
/// The pins of a project.
pub const LOCK_FILE: &str = "kiln.lock";
