//! One function per operation; the only place that wires implementations, reads environment and configuration.
//!
//! # Purpose
//! [`Session`] holds what one call of the program knows of its machine; the operations ([`build`], [`show`],
//! [`track`], ...) are functions of it.
//!
//! # Never
//! Prints; parses arguments.
//!
//! # Example
//! ```no_run
//! use kiln_driver::{Environment, Session};
//! let session = Session::new(Environment::read()?, Default::default())?;
//! # Ok::<(), kiln_driver::Problem>(())
//! ```
#![expect(clippy::disallowed_methods, reason = "the driver is where the world comes in")]

mod again;
mod ask;
mod base;
mod build;
mod bundle;
mod checkout;
mod config;
mod debug;
mod denied;
mod doctor;
mod duration;
mod environment;
mod failure;
mod fetch;
mod fetching;
mod findings;
mod grown;
mod host;
mod impure;
mod init;
mod inputs;
mod kept;
mod loaded;
mod log;
mod logins;
mod machines;
mod moved;
mod needs;
mod options;
mod outline;
mod patched;
mod patches;
mod pinned;
mod problem;
mod proxies;
mod records;
mod reference;
mod registries;
mod run;
mod session;
mod shell;
mod show;
mod silent;
mod sources;
mod store;
mod supply;
mod text;
mod track;
mod tracked;
mod vendored;
mod vendors;
mod verify;
mod version;
mod whole;

pub use ask::{asked_text, make_state_folder, readable, standard_library};
pub use build::{Built, build};
pub use bundle::{Bundled, bundle};
pub use checkout::{Part, checkout};
pub use debug::{Form, debug};
pub use doctor::{Finding, doctor};
pub use duration::duration;
pub use environment::Environment;
pub use failure::{FailureReport, Success, failure};
pub use fetch::{Brought, fetch};
pub use findings::findings_json;
pub use grown::{NewElement, add_element};
pub use impure::IMPURE;
pub use init::{Begun, init};
pub use log::{Log, LogState, log};
pub use options::{ShownOption, ShownOptions, options, options_json};
pub use problem::{DriverError, Problem};
pub use reference::{Chapter, docs, write_docs};
pub use session::{Choices, Session};
pub use shell::{Inside, Opened, Opening, open_shell};
pub use show::{InFull, Row, Shown, State, plan_text, show};
pub use text::{Checked, Formatted, FormattedText, check, debug_tree, format, format_input};
pub use track::{Tracking, Trust, track};
pub use tracked::{Change, Entry, PackageChange, Rebuilds, Tracked};
pub use verify::{Verdict, Verified, verify};

pub use kiln_action::CancelFlag;
pub use kiln_artifact::{Phase as RunPhase, Run as RunRecord, Usage};
pub use kiln_docs::{Look, Page};
pub use kiln_exec::BuildTrees;
pub use kiln_ir::{Element, ElementName, PlacedSource, Step};
pub use kiln_local::Stdio;
pub use kiln_project::{Readable, say_where};
pub use kiln_sandbox::{HELPER_WORD, helper_main};
pub use kiln_start::{Template, TextEdit, templates};
