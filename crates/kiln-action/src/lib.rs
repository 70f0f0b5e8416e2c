//! One hermetic command and its outcome; the [`Runner`] trait.
//!
//! # Purpose
//! An [`Action`] is the REAPI `Action` of the very command that runs; its digest is its identity, here and on a
//! farm. A [`Runner`] turns it into an [`Outcome`].
//!
//! # Never
//! Knows elements, stores, or how a runner works.
//!
//! # Example
//! ```
//! use kiln_action::{Action, Command};
//! use kiln_tree::Tree;
//! let action = Action { command: Command::default(), input_root: Tree::empty(), timeout_seconds: 60 };
//! assert_eq!(action.digest(), action.clone().digest());
//! ```

mod decode;
mod encode;
mod run;

pub use run::{
    CancelFlag, Claim, Ending, Outcome, Phase, Request, RunError, Runner, Spent, Staging, Usage,
};

use std::collections::BTreeMap;

use kiln_digest::Digest;
use kiln_tree::{RelPath, Tree};

/// Property of the platform of a command that runs on the `/usr` of one machine: the fingerprint of that machine. No
/// worker of a farm has it.
pub const HOST_PROPERTY: &str = "kiln-host";

/// A command with its environment, as the REAPI `Command` message.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Command {
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// Paths below the input root that come back.
    pub output_paths: Vec<RelPath>,
    /// Node properties that come back with every output, such as `mtime`.
    pub output_node_properties: Vec<String>,
    /// What the worker must be, also set on the action.
    pub platform: BTreeMap<String, String>,
}

/// A command on an input root, as the REAPI `Action` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub command: Command,
    /// What the command sees as `/`.
    pub input_root: Tree,
    /// A backstop later than the command's own watchdog, in seconds.
    pub timeout_seconds: u64,
}

impl Command {
    /// Returns the fingerprint of the one machine that can run it; nothing where any machine of its platform can.
    pub fn host(&self) -> Option<&str> {
        self.platform.get(HOST_PROPERTY).map(String::as_str)
    }
}

impl Action {
    /// Returns the digest of the REAPI `Action` message: the identity of this action.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }
}
