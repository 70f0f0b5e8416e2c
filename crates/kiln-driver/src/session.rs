//! One call of the program: environment, configuration and the choices of the command line.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use kiln_exec::BuildTrees;

use crate::config::{Config, Settings};
use crate::{DriverError, Environment, Problem};

/// What the command line says for all operations.
#[expect(clippy::struct_excessive_bools, reason = "a flag of the command line each")]
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Folder to look for the project from; the current folder if not said.
    pub directory: Option<PathBuf>,
    /// A hand-written IR instead of a project in the language.
    pub ir: Option<PathBuf>,
    /// Processors that builds may use: `KILN_JOBS`, `jobs`.
    pub jobs: Option<usize>,
    /// Options of the project, by name; of one name the last counts.
    pub options: Vec<(String, String)>,
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
    /// Whose build trees are kept: `KILN_BUILD_TREES`, `build-trees` of the configuration.
    pub build_trees: Option<BuildTrees>,
    /// How long an action may print nothing: `KILN_SILENCE_LIMIT`, `silence-limit`.
    pub silence: Option<Duration>,
    /// How long an action may take: `KILN_TIME_LIMIT`, `time-limit`.
    pub time_limit: Option<Duration>,
    /// How many sources are fetched at a time: `KILN_FETCHERS`, `fetchers`.
    pub fetchers: Option<usize>,
    /// A bundle of sources that is taken into the cache before anything is fetched.
    pub bundle: Option<PathBuf>,
    /// The words of the command line, for the record of the run.
    pub command: Vec<String>,
}

/// Refuses what cannot be, also where the command would not come to need it.
fn check(environment: &Environment, choices: &Choices) -> Result<(), DriverError> {
    for text in &choices.mirrors {
        let parts = text.split_once('=');
        if parts.is_none_or(|(alias, url)| alias.is_empty() || url.is_empty()) {
            return Err(DriverError::BadMirror { text: kiln_source::without_password(text) });
        }
    }
    let folder = choices.directory.as_ref().map(|folder| environment.cwd.join(folder));
    match folder {
        Some(path) if !path.is_dir() => Err(DriverError::NoFolder { path }),
        _ => Ok(()),
    }
}

/// What one call of the program knows.
#[derive(Clone, Debug)]
pub struct Session {
    pub environment: Environment,
    /// What the command line says; where it says nothing, what the environment or the configuration says.
    pub choices: Choices,
    pub(crate) config: Config,
}

impl Session {
    /// Reads the configuration and completes the choices.
    ///
    /// # Errors
    /// When the configuration cannot be read, or it or the environment has a mistake.
    pub fn new(environment: Environment, mut choices: Choices) -> Result<Self, Problem> {
        check(&environment, &choices)?;
        let path = environment.config()?.join("config.toml");
        let config = Config::read(&path)?;
        let settings = Settings { environment: &environment, config: &config, path: &path };
        choices.jobs = settings.jobs(choices.jobs)?;
        choices.build_trees = settings.build_trees(choices.build_trees)?;
        let (time, silence) = (config.time_limit.as_deref(), config.silence_limit.as_deref());
        choices.time_limit = settings.limit(choices.time_limit, "time-limit", time)?;
        choices.silence = settings.limit(choices.silence, "silence-limit", silence)?;
        choices.fetchers = settings.fetchers(choices.fetchers)?;
        Ok(Self { environment, choices, config })
    }

    /// Returns how many processors builds may use.
    pub(crate) fn jobs(&self) -> usize {
        self.choices.jobs.unwrap_or(self.environment.cpus).max(1)
    }

    /// Returns the folder the project is looked for from.
    pub(crate) fn directory(&self) -> PathBuf {
        let here = &self.environment.cwd;
        self.choices.directory.as_ref().map_or_else(|| here.clone(), |below| here.join(below))
    }
}
