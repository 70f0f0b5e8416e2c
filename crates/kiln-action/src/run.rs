//! What a runner is asked and what it answers.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kiln_digest::Digest;
use kiln_tree::Tree;

use crate::Action;

/// An action to run, with what changes how it runs but never its result.
#[derive(Clone, Debug)]
pub struct Request {
    pub action: Action,
    pub staging: Staging,
    /// Environment outside the action and its digest: `KILN_JOBS`, `MAKEFLAGS`, the element's advice.
    pub advice: BTreeMap<String, String>,
    /// File that receives the joined output while the command runs.
    pub log: PathBuf,
    /// Set by whoever wants the command to end.
    pub cancel: CancelFlag,
    /// Ends a command that printed nothing for this long.
    pub silence: Option<Duration>,
}

/// The input root in parts that stack to it; a runner may use it instead of staging the whole tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    /// Read-only trees, lowest first.
    pub lowers: Vec<Tree>,
    /// What lies above them: sources, generated files, empty folders.
    pub upper: Tree,
}

/// A request to stop, shared between threads.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag {
    set: Arc<AtomicBool>,
    above: Option<Arc<CancelFlag>>,
}

impl CancelFlag {
    /// Asks everyone who holds this flag to stop.
    pub fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
    }

    /// Returns a flag that is set with this one, and may be set alone.
    #[must_use]
    pub fn below(&self) -> Self {
        Self { set: Arc::default(), above: Some(Arc::new(self.clone())) }
    }

    /// Returns whether a stop was asked for.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst) || self.above.as_ref().is_some_and(|above| above.is_set())
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The command's own exit status.
    Exit(i32),
    /// The watchdog ended it.
    TimedOut,
    /// It printed nothing for longer than it may.
    Silent,
    /// It failed, and meanwhile the kernel killed processes of the machine for want of memory.
    OutOfMemory,
    /// The caller ended it.
    Cancelled,
}

/// One phase as the command reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub name: String,
    /// Seconds since 1970, as text with the precision that the root's `date` has.
    pub start: String,
    /// Nothing when the phase did not come to its end.
    pub end: Option<String>,
    pub exit: Option<i32>,
    /// What it cost, where the runner could tell it from the other phases.
    pub usage: Option<Usage>,
}

/// What a command or one of its phases cost, with everything it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    pub user_micros: u64,
    pub system_micros: u64,
    /// The largest of its processes; of a phase, the largest that was seen, and 0 where none was.
    pub max_rss_kib: u64,
    /// Bytes that came from the disk.
    pub read_bytes: u64,
    /// Bytes that were written for the disk.
    pub written_bytes: u64,
}

/// Where the time of an action went, in microseconds, as far as the runner can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Spent {
    /// Before the command: its root.
    pub stage_micros: u64,
    /// The command, and what it waited for to start.
    pub run_micros: u64,
    /// After the command: its outputs and its log.
    pub capture_micros: u64,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub ending: Ending,
    /// `/out` without times; nothing when the command did not succeed or it was no folder.
    pub out: Option<Tree>,
    /// Other output paths by name, such as the top folders of a root after integration, without times.
    pub others: BTreeMap<String, Tree>,
    /// The build tree with its times, when it was left behind (a failure).
    pub build_tree: Option<Tree>,
    pub phases: Vec<Phase>,
    /// The joined output.
    pub log: Digest,
    pub usage: Usage,
    pub spent: Spent,
    /// What capture dropped: special files, permission bits that no tree keeps; and faults of the outputs, each with its
    /// code and a colon before it.
    pub warnings: Vec<String>,
}

/// Why an action could not be run at all; never the command's own failure.
pub type RunError = Box<dyn miette::Diagnostic + Send + Sync + 'static>;

/// The right to run an action, which one at a time has; it ends with this value.
#[derive(Default)]
pub struct Claim(Option<Box<dyn Any + Send>>);

impl Claim {
    /// Makes a claim that lasts as long as a value lives.
    pub fn of(held: impl Any + Send) -> Self {
        Self(Some(Box::new(held)))
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.0.is_some()).finish()
    }
}

/// Runs actions: on this machine or elsewhere.
pub trait Runner: Send + Sync {
    /// Runs an action and brings its outputs into the store that the runner was made for.
    ///
    /// # Errors
    /// When the sandbox, the disk or the network failed, not when the command did.
    fn run(&self, request: &Request) -> Result<Outcome, RunError>;

    /// Does the same and tells the name of each phase soon after it starts, as far as the runner can know; a short one may
    /// go untold.
    ///
    /// # Errors
    /// As [`Runner::run`].
    fn run_told(
        &self,
        request: &Request,
        _started: &(dyn Fn(&str) + Sync),
    ) -> Result<Outcome, RunError> {
        self.run(request)
    }

    /// Waits until nobody else runs an action for the same store, and keeps others from it as long as the claim lives;
    /// nothing when it was cancelled meanwhile. Says once that it waits, and for which other process. Whoever had it may
    /// have kept what came of it: look again.
    ///
    /// A runner whose engine sees to it gives the claim at once.
    fn claim(
        &self,
        _action: Digest,
        _cancel: &CancelFlag,
        _waits: &dyn Fn(Option<u32>),
    ) -> Option<Claim> {
        Some(Claim::default())
    }
}
