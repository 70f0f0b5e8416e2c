//! What takes time, and how it is described.

use std::time::Duration;

use super::Progress;
use crate::style::Paint;

/// Something that takes time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    Element(String),
    Fetch(String),
}

pub(super) struct Running {
    pub(super) since: Duration,
    /// Whether its sandbox runs (elements).
    pub(super) launched: bool,
    /// Who builds the same, in words, while he is waited for.
    pub(super) waits_for: Option<String>,
    /// The phase that runs in it, and since when.
    pub(super) phase: Option<(String, Duration)>,
    /// Whether a line said that it started, or that this phase of it did.
    pub(super) announced: bool,
}

impl Progress {
    /// Notes that another process makes what an element is.
    pub(super) fn waits(&mut self, element: &str, process: Option<u32>) -> Vec<String> {
        if let Some(running) = self.running.get_mut(&Work::Element(element.to_owned())) {
            let other = process.map(|process| format!("another kiln (pid {process})"));
            running.waits_for = Some(other.unwrap_or_else(|| "another slot".to_owned()));
            running.announced = false;
        }
        Vec::new()
    }

    pub(super) fn fetch_failed(
        &mut self,
        source: String,
        message: &str,
        now: Duration,
    ) -> Vec<String> {
        let word = self.style.paint(Paint::Error, "failed");
        let line = format!("{}{word} to fetch {source}: {message}", self.cross());
        self.running.remove(&Work::Fetch(source));
        self.say_failure_line(&line, now)
    }
}

impl Work {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Element(name) | Self::Fetch(name) => name,
        }
    }

    pub(super) fn is_fetch(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }

    pub(super) fn describe(&self, running: &Running) -> String {
        match self {
            Self::Element(name) => match (&running.waits_for, &running.phase) {
                (Some(other), _) => format!("waiting for {other} to build {name}"),
                (None, Some((phase, _))) if running.launched => format!("building {name}: {phase}"),
                (None, _) if running.launched => format!("building {name}"),
                (None, _) => format!("preparing {name}"),
            },
            Self::Fetch(name) => format!("fetching {name}"),
        }
    }
}
