//! The user's choices: `config.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::DriverError;

/// What `config.toml` may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// Mirrors of each alias, in the order they are tried.
    #[serde(default)]
    pub(crate) mirrors: BTreeMap<String, Vec<String>>,
    /// Processors that builds may use.
    pub(crate) jobs: Option<usize>,
}

impl Config {
    /// Reads the file; one that is not there says nothing.
    pub(crate) fn read(path: &Path) -> Result<Self, DriverError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(cause) => return Err(DriverError::ReadConfig { path: path.to_owned(), cause }),
        };
        toml::from_str(&text).map_err(|cause| DriverError::BadConfig {
            path: path.to_owned(),
            cause: Box::new(cause),
        })
    }
}
