//! What happened, as typed events; the [`Sink`] trait.
//!
//! # Purpose
//! Everything a person may see of a run is an [`Event`], emitted once by the crate that knows; the console,
//! `events.jsonl` and every report are folds of the stream.
//!
//! # Never
//! Prints; reads a clock.
//!
//! # Example
//! ```
//! use kiln_event::{Event, Record};
//! let line = Record { v: 1, micros: 7, event: Event::Planned { nodes: 3, cached: 2, to_build: 1 } }.to_line();
//! assert_eq!(line, r#"{"v":1,"at":7,"ev":"planned","nodes":3,"cached":2,"to-build":1}"#);
//! ```

mod command;
mod lines;

pub use command::failed_command;
pub use lines::{Line, LogLine, error_lines, excerpt};

use kiln_digest::{Digest, Key};
use kiln_ir::ElementName;
use serde::{Deserialize, Serialize};

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Event {
    RunStarted {
        run: String,
        version: String,
        command: Vec<String>,
    },
    /// Nodes of the plan, how many of them are in the store by key, how many may have to be built.
    Planned {
        nodes: usize,
        cached: usize,
        to_build: usize,
    },
    /// Something that is asked for stands on a base that only this machine has.
    Impure {
        base: String,
        /// What else there is to know of it now, such as what changed.
        remarks: Vec<String>,
    },
    FetchStarted {
        source: String,
    },
    /// A source or package is here; `bytes` came over the wire (0: it was here already).
    Fetched {
        source: String,
        bytes: u64,
    },
    FetchFailed {
        source: String,
        message: String,
    },
    /// How far many files are that are fetched together: told now and then, and when all of them are here.
    FetchProgress {
        files: usize,
        of_files: usize,
        bytes: u64,
        /// As far as sizes are known.
        of_bytes: u64,
    },
    /// A mirror failed and another try or mirror follows.
    FetchRetried {
        source: String,
        attempt: u32,
        message: String,
    },
    ElementStarted {
        element: ElementName,
        key: Key,
    },
    /// The key is new, the action is not: nothing ran (early cutoff).
    ElementCutOff {
        element: ElementName,
        key: Key,
        action: Digest,
        out: Digest,
    },
    /// Another process runs what this element would run: it is waited for.
    ElementWaits {
        element: ElementName,
        /// Its number; nothing when that is this very process, or is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<u32>,
    },
    /// A sandbox starts for this action.
    SandboxLaunched {
        element: ElementName,
        action: Digest,
    },
    /// A phase runs in the sandbox of an element; a short one may go untold.
    PhaseStarted {
        element: ElementName,
        phase: String,
    },
    /// The scripts of staged elements are run in the root of an element, once for all that have this root; the sandbox
    /// that is launched for it has this action.
    Integrating {
        element: ElementName,
        action: Digest,
        scripts: usize,
    },
    /// A sandbox ended, whatever came of it. `micros` is all that it took, staging and capture included.
    SandboxEnded {
        element: ElementName,
        action: Digest,
        /// Nothing when a limit or a person ended it.
        exit: Option<i32>,
        micros: u64,
        spent: Spent,
        usage: Usage,
        phases: Vec<PhaseEnded>,
    },
    ElementBuilt {
        element: ElementName,
        key: Key,
        action: Option<Digest>,
        out: Digest,
        micros: u64,
    },
    /// The element's own script failed.
    ElementFailed {
        element: ElementName,
        key: Key,
        failure: Failure,
    },
    /// An element that was not tried because one below it failed.
    ElementSkipped {
        element: ElementName,
        because: ElementName,
    },
    Warning {
        code: String,
        message: String,
    },
    RunEnded {
        ok: bool,
        built: usize,
        cached: usize,
        failed: usize,
        launched: usize,
        micros: u64,
    },
}

/// A failed script, as a person must see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    pub phase: Option<String>,
    pub exit: Option<i32>,
    /// Why it ended when not by its own exit: a time limit.
    pub reason: Option<String>,
    /// Path of the whole log.
    pub log: String,
    /// What of the log to read first: what tells of errors, and its end.
    #[serde(default)]
    pub excerpt: Vec<LogLine>,
    /// How many lines the log has.
    #[serde(default)]
    pub log_lines: usize,
    /// The command that failed, as far as it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether its build tree is kept.
    #[serde(default)]
    pub build_tree: bool,
    /// Whether this is the record of an earlier run, reported without running again.
    pub recorded: bool,
}

/// Where the time of a sandbox went, as far as its runner can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spent {
    pub stage_micros: u64,
    pub run_micros: u64,
    pub capture_micros: u64,
}

/// What a sandbox or one of its phases cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    pub user_micros: u64,
    pub system_micros: u64,
    pub max_rss_kib: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
}

/// A phase of a sandbox as its command reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PhaseEnded {
    pub name: String,
    /// Seconds since 1970, as text with the precision that the root's `date` has.
    pub start: String,
    pub end: Option<String>,
    pub exit: Option<i32>,
    pub usage: Option<Usage>,
}

/// An event with its time since the start of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub v: u32,
    /// Microseconds since the run began; events have a `micros` of their own for what took time.
    #[serde(rename = "at")]
    pub micros: u64,
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    /// Returns the JSON line of this record, without the newline.
    pub fn to_line(&self) -> String {
        // Every field is a text, a number or a list of them: nothing that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a JSON line.
    ///
    /// # Errors
    /// When the line is no record of a known event.
    pub fn from_line(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

/// Takes events as they happen, from any thread.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// Forgets all events.
pub struct Silent;

impl Sink for Silent {
    fn emit(&self, _event: Event) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let (ok, built, cached, failed, launched, micros) = (true, 1, 2, 0, 1, 9);
        let event = Event::RunEnded { ok, built, cached, failed, launched, micros };
        let record = Record { v: 1, micros: 7, event };
        let line = record.to_line();
        assert_eq!(line.matches("\"micros\"").count(), 1, "{line}");
        assert_eq!(Record::from_line(&line).ok(), Some(record));
    }
}
