//! What kiln and the helper tell each other: one order, one report.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::streams::Kind;
use crate::{Sample, SandboxError, Spec, Usage};

/// What the helper is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) spec: Spec,
    pub(crate) bwrap: PathBuf,
    pub(crate) streams: Kind,
}

/// What the helper says when nothing of the sandbox runs any more.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Report {
    /// The command was started and ended with this status.
    Exit { status: i32, usage: Usage, samples: Vec<Sample> },
    /// `bwrap` ended without telling how the command did: it never started it, or was killed.
    NoCommand { bwrap: Death, usage: Usage, samples: Vec<Sample> },
    /// `bwrap` was not even started.
    Failed(Failure),
}

/// How `bwrap` itself ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Death {
    /// In words.
    pub(crate) text: String,
    /// The signal that killed it.
    pub(crate) signal: Option<i32>,
    /// Whether it was the helper who did.
    pub(crate) asked: bool,
}

/// A line of `bwrap`; other fields are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Line {
    /// Status of the command; only said when it really was started.
    #[serde(default)]
    pub(crate) exit_code: Option<i32>,
}

/// Why the helper did not become a sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) area: Area,
    pub(crate) step: String,
    pub(crate) errno: Option<i32>,
    /// Text of a cause without a number.
    pub(crate) text: String,
}

/// Where the helper failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Area {
    Namespace,
    Overlay,
    Usr,
    Bwrap,
    Other,
}

impl Failure {
    pub(crate) fn new(area: Area, step: impl Into<String>, cause: &io::Error) -> Self {
        Self { area, step: step.into(), errno: cause.raw_os_error(), text: cause.to_string() }
    }

    pub(crate) fn into_error(self, bwrap: &Path) -> SandboxError {
        let cause = self
            .errno
            .map_or_else(|| io::Error::other(self.text.clone()), io::Error::from_raw_os_error);
        match self.area {
            Area::Namespace => SandboxError::NoUserNamespace { step: self.step, cause },
            Area::Overlay => SandboxError::NoOverlay { step: self.step, cause },
            Area::Usr => SandboxError::NoUsr { step: self.step, cause: Some(cause) },
            Area::Bwrap => SandboxError::Start { path: bwrap.to_path_buf(), cause },
            Area::Other => SandboxError::Lost { step: self.step, cause },
        }
    }
}
