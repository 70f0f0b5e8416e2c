//! One action, from staging to capture.

use std::path::Path;
use std::sync::Arc;

use kiln_action::{Outcome, Request, RunError, Runner};
use kiln_cas::DiskCas;
use kiln_sandbox::Launcher;

use crate::LocalError;

/// Runs actions in sandboxes on this machine, with the blobs of one store.
#[derive(Debug)]
pub struct LocalRunner {
    cas: Arc<DiskCas>,
    launcher: Launcher,
}

impl LocalRunner {
    /// Makes a runner; `run` names its work folder (the id of this run of kiln).
    ///
    /// # Errors
    /// When the work folder cannot be made.
    pub fn new(cas: Arc<DiskCas>, launcher: Launcher, run: &str) -> Result<Self, LocalError> {
        let _ = run;
        Ok(Self { cas, launcher })
    }

    /// Removes what dead processes left in a store: work folders and temporary files. Returns how many folders.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sweep(store: &Path) -> Result<usize, LocalError> {
        unimplemented!("{store:?}")
    }
}

impl Runner for LocalRunner {
    fn run(&self, request: &Request) -> Result<Outcome, RunError> {
        unimplemented!("{self:?} {request:?}")
    }
}
