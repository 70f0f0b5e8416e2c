//! One call of the program: environment, configuration and the choices of the command line.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use kiln_exec::BuildTrees;

use crate::config::Config;
use crate::{Environment, Problem};

/// What the command line says for all operations.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Folder to look for the project from; the current folder if not said.
    pub directory: Option<PathBuf>,
    /// A hand-written IR instead of a project in the language.
    pub ir: Option<PathBuf>,
    /// Processors that builds may use.
    pub jobs: Option<usize>,
    /// `ALIAS=URL`, before all other mirrors.
    pub mirrors: Vec<String>,
    /// Never use the network.
    pub offline: bool,
    /// Run again what is recorded as failed.
    pub retry_failed: bool,
    /// Build what does not depend on a failure.
    pub keep_going: bool,
    /// End what runs, too, at the first failure.
    pub fail_fast: bool,
    /// Findings of a run that are errors: `overlaps`, `warnings`.
    pub deny: BTreeSet<String>,
    /// Whose build trees are kept.
    pub build_trees: BuildTrees,
    /// How long an action may print nothing.
    pub silence: Option<Duration>,
    /// How long an action may take.
    pub time_limit: Option<Duration>,
    /// How many sources are fetched at a time.
    pub fetchers: Option<usize>,
    /// The words of the command line, for the record of the run.
    pub command: Vec<String>,
}

/// What one call of the program knows.
#[derive(Clone, Debug)]
pub struct Session {
    pub environment: Environment,
    pub choices: Choices,
    pub(crate) config: Config,
}

impl Session {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When it cannot be read or has a mistake.
    pub fn new(environment: Environment, choices: Choices) -> Result<Self, Problem> {
        let path = environment.config()?.join("config.toml");
        Ok(Self { config: Config::read(&path)?, environment, choices })
    }

    /// Returns how many processors builds may use.
    pub(crate) fn jobs(&self) -> usize {
        self.choices.jobs.or(self.config.jobs).unwrap_or(self.environment.cpus).max(1)
    }

    /// Returns the folder the project is looked for from.
    pub(crate) fn directory(&self) -> PathBuf {
        let here = &self.environment.cwd;
        self.choices.directory.as_ref().map_or_else(|| here.clone(), |below| here.join(below))
    }
}
