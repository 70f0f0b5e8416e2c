//! What the helper and `bwrap` tell kiln while a sandbox starts and ends: one JSON value a line.

use std::io;

use serde::{Deserialize, Serialize};

use crate::{SandboxError, Spec};

/// What the helper is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) spec: Spec,
    pub(crate) bwrap: std::path::PathBuf,
    /// Process that the helper must not outlive.
    pub(crate) parent: i32,
}

/// One line: of `bwrap`, or of the helper when it failed.
#[derive(Debug, Deserialize, Serialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Line {
    /// First process of the sandbox, as kiln sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) child_pid: Option<i32>,
    /// Status of the command; only said when it really was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
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
    Bwrap,
    Other,
}

impl Failure {
    pub(crate) fn new(area: Area, step: impl Into<String>, cause: &io::Error) -> Self {
        Self { area, step: step.into(), errno: cause.raw_os_error(), text: cause.to_string() }
    }

    pub(crate) fn into_error(self, bwrap: &std::path::Path) -> SandboxError {
        let cause = self
            .errno
            .map_or_else(|| io::Error::other(self.text.clone()), io::Error::from_raw_os_error);
        match self.area {
            Area::Namespace => SandboxError::NoUserNamespace { step: self.step, cause },
            Area::Overlay => SandboxError::NoOverlay { step: self.step, cause },
            Area::Bwrap => SandboxError::Start { path: bwrap.to_path_buf(), cause },
            Area::Other => SandboxError::Lost { step: self.step, cause },
        }
    }
}
