//! What the process was started with, read once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::DriverError;

/// Environment variables, folders and the machine, as they were when the process started.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// The folder the process was started in.
    pub cwd: PathBuf,
    /// This very program.
    pub program: PathBuf,
    /// Processors this process may use.
    pub cpus: usize,
    /// Seconds since 1970.
    pub now: u64,
    /// When the process looked at its environment, which is the first thing that it does.
    pub started: Instant,
    pub pid: u32,
}

impl Environment {
    /// Reads everything from the process. Variables that are not UTF-8 count as not set.
    ///
    /// # Errors
    /// When the current folder or the path of the program cannot be told.
    pub fn read() -> Result<Self, DriverError> {
        let here = |cause| DriverError::Here { cause };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ok(Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            cwd: std::env::current_dir().map_err(here)?,
            program: std::env::current_exe().map_err(here)?,
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            now: since_1970.map_or(0, |elapsed| elapsed.as_secs()),
            started: Instant::now(),
            pid: std::process::id(),
        })
    }

    /// Returns a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the environment without one of its variables.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut environment = self.clone();
        environment.variables.remove(name);
        environment
    }

    /// Returns the environment with another home of kiln's own.
    #[cfg(test)]
    pub(crate) fn with_home(mut self, home: &Path) -> Self {
        self.variables.insert("KILN_HOME".to_owned(), home.to_string_lossy().into_owned());
        self
    }

    /// Returns the environment with one more variable, which is a path.
    #[cfg(test)]
    pub(crate) fn with(mut self, name: &str, path: &Path) -> Self {
        self.variables.insert(name.to_owned(), path.to_string_lossy().into_owned());
        self
    }

    /// Returns all variables.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Returns the folder for what may be deleted at any time.
    ///
    /// # Errors
    /// When there is no home.
    pub fn cache(&self) -> Result<PathBuf, DriverError> {
        self.folder("cache", "XDG_CACHE_HOME", ".cache")
    }

    /// Returns the folder for the records of runs.
    ///
    /// # Errors
    /// When there is no home.
    pub fn state(&self) -> Result<PathBuf, DriverError> {
        self.folder("state", "XDG_STATE_HOME", ".local/state")
    }

    /// Returns the folder of the user's choices.
    ///
    /// # Errors
    /// When there is no home.
    pub fn config(&self) -> Result<PathBuf, DriverError> {
        self.folder("config", "XDG_CONFIG_HOME", ".config")
    }

    fn folder(&self, part: &str, variable: &str, below_home: &str) -> Result<PathBuf, DriverError> {
        let absolute =
            |name: &str| self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(home) = self.variable("KILN_HOME") {
            return Ok(self.cwd.join(home).join(part));
        }
        if let Some(folder) = absolute(variable) {
            return Ok(folder.join("kiln"));
        }
        let home = absolute("HOME").ok_or(DriverError::NoHome)?;
        Ok(home.join(below_home).join("kiln"))
    }

    /// Returns bubblewrap: the one that `KILN_BWRAP` names, else the one on the path.
    pub fn bwrap(&self) -> Option<PathBuf> {
        self.variable("KILN_BWRAP").map(PathBuf::from).or_else(|| self.find_program("bwrap"))
    }

    /// Returns the program of a name, as the path has it.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let runs = |path: &PathBuf| {
            let found = std::fs::metadata(path);
            found.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        let path = self.variable("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin");
        let folders = path.split(':').filter(|folder| Path::new(folder).is_absolute());
        folders.map(|folder| Path::new(folder).join(name)).find(runs)
    }
}
