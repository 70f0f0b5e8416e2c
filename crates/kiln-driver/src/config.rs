//! The user's choices: `config.toml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kiln_exec::BuildTrees;
use serde::Deserialize;

use crate::duration::duration;
use crate::logins::Hidden;
use crate::{DriverError, Environment};

/// No machine has more processors; the command line says the same.
const MOST_JOBS: usize = 65_535;
/// More downloads at a time help nobody.
const MOST_FETCHERS: usize = 64;

/// What `config.toml` may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// Mirrors of each alias, in the order they are tried.
    #[serde(default)]
    pub(crate) mirrors: BTreeMap<String, Vec<String>>,
    /// Tokens of aliases, sent to the mirrors that the user set himself.
    #[serde(default)]
    pub(crate) tokens: BTreeMap<String, Hidden>,
    /// Processors that builds may use.
    jobs: Option<i64>,
    /// Whose build trees are kept.
    build_trees: Option<String>,
    /// How long an action may take.
    pub(crate) time_limit: Option<String>,
    /// How long an action may print nothing.
    pub(crate) silence_limit: Option<String>,
    /// How many sources are fetched at a time.
    fetchers: Option<i64>,
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
            line: line(&text, &cause),
            what: told(cause.message()),
        })
    }
}

/// Returns the line of a mistake.
fn line(text: &str, cause: &toml::de::Error) -> usize {
    let start = cause.span().map_or(0, |span| span.start);
    text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
}

/// What the reader of TOML calls values, and what people call them.
const WORDS: [(&str, &str); 11] = [
    ("a map", "a table"),
    ("a sequence", "a list in brackets"),
    ("a string", "a text in quotes"),
    ("boolean", "`true` or `false`"),
    ("datetime", "a date"),
    ("floating point", "a number with a point"),
    ("i64", "a whole number"),
    ("integer", "a number"),
    ("map", "a table"),
    ("sequence", "a list"),
    ("string", "a text"),
];

/// Returns what is wrong without the value that is: it may be a token.
fn told(message: &str) -> String {
    let quoted = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let names = quoted(rest);
        let (name, known) = names.split_first().map_or(("", &[][..]), |(name, all)| (name, all));
        let near = kiln_diag::suggestion(name, known.iter().map(String::as_str));
        let next = near.unwrap_or_else(|| format!("there are `{}`", known.join("`, `")));
        return format!("there is no setting `{name}`: {next}");
    }
    let typed =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    if let Some((found, expected)) = typed {
        let found = found.split(['`', '"']).next().unwrap_or_default().trim_end();
        let word = |theirs: &str| {
            let known = WORDS.iter().find(|(word, _)| *word == theirs);
            known.map_or_else(|| theirs.to_owned(), |(_, word)| (*word).to_owned())
        };
        return format!("{} is needed, not {}", word(expected), word(found));
    }
    let Some(expected) = message.rfind(", expected").filter(|_| message.starts_with("invalid "))
    else {
        return message.to_owned();
    };
    let (found, expected) = message.split_at(expected);
    let kind = found.split(['`', '"']).next().unwrap_or_default();
    format!("{}{expected}", kind.trim_end())
}

/// Where a setting that the command line leaves open is looked up: `KILN_NAME`, then `name` in the configuration.
pub(crate) struct Settings<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) config: &'a Config,
    pub(crate) path: &'a Path,
}

impl Settings<'_> {
    pub(crate) fn build_trees(
        &self,
        said: Option<BuildTrees>,
    ) -> Result<Option<BuildTrees>, DriverError> {
        let wanted = "write `failure`, `always` or `never`";
        let config = self.config.build_trees.as_deref();
        self.setting(said, "build-trees", config, wanted, |text| match text {
            "failure" => Some(BuildTrees::Failure),
            "always" => Some(BuildTrees::Always),
            "never" => Some(BuildTrees::Never),
            _ => None,
        })
    }

    pub(crate) fn limit(
        &self,
        said: Option<Duration>,
        name: &str,
        config: Option<&str>,
    ) -> Result<Option<Duration>, DriverError> {
        let wanted = "write numbers with their units, such as `90s`, `30m` or `2h`";
        self.setting(said, name, config, wanted, duration)
    }

    pub(crate) fn jobs(&self, said: Option<usize>) -> Result<Option<usize>, DriverError> {
        let wanted = "write a number from 1 to 65535";
        let config = self.config.jobs.map(|number| number.to_string());
        let parse = |text: &str| text.parse().ok().filter(|n| (1..=MOST_JOBS).contains(n));
        self.setting(said, "jobs", config.as_deref(), wanted, parse)
    }

    pub(crate) fn fetchers(&self, said: Option<usize>) -> Result<Option<usize>, DriverError> {
        let wanted = "write a number from 1 to 64";
        let config = self.config.fetchers.map(|number| number.to_string());
        let parse = |text: &str| text.parse().ok().filter(|n| (1..=MOST_FETCHERS).contains(n));
        self.setting(said, "fetchers", config.as_deref(), wanted, parse)
    }

    fn setting<T>(
        &self,
        said: Option<T>,
        name: &str,
        config: Option<&str>,
        wanted: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, DriverError> {
        if said.is_some() {
            return Ok(said);
        }
        let variable = format!("KILN_{}", name.to_ascii_uppercase().replace('-', "_"));
        let (place, text) = match (self.environment.variable(&variable), config) {
            (Some(text), _) => (format!("`{variable}`"), text),
            (None, Some(text)) => (format!("`{name}` in `{}`", self.path.display()), text),
            (None, None) => return Ok(None),
        };
        let bad = || DriverError::BadSetting { place, text: text.to_owned(), wanted };
        parse(text).map(Some).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let error = Config::read(&path).unwrap_err();
        let mut told = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            told = format!("{told}: {error}");
            cause = error.source();
        }
        let told = told.replace(&path.display().to_string(), "config.toml");
        assert_eq!(told, expected);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn a_mistake_is_told_by_its_line_and_never_with_what_stands_there() {
        let line = |number: u32| {
            format!("the configuration `config.toml` has a mistake in line {number}: ")
        };
        check(
            "[tokens]\ndebian = secret\n",
            &(line(2) + "string values must be quoted, expected literal string"),
        );
        check(
            "jobs = 2\n[tokens]\ndebian = [\"secret\"]\n",
            &(line(3) + "a text in quotes is needed, not a list"),
        );
        check("jobs = \"secret\"\n", &(line(1) + "a whole number is needed, not a text"));
        check(
            "fetchers = \"a \\\"secret\\\" b\"\n",
            &(line(1) + "a whole number is needed, not a text"),
        );
        check("jobs = 2.5\n", &(line(1) + "a whole number is needed, not a number with a point"));
        check(
            "time-limit = true\n",
            &(line(1) + "a text in quotes is needed, not `true` or `false`"),
        );
        check("mirrors = 1\n", &(line(1) + "a table is needed, not a number"));
        check(
            "[mirrors]\ndebian = \"https://secret@example.org\"\n",
            &(line(2) + "a list in brackets is needed, not a text"),
        );
        check("jobz = 2\n", &(line(1) + "there is no setting `jobz`: did you mean `jobs`?"));
        let all =
            "`mirrors`, `tokens`, `jobs`, `build-trees`, `time-limit`, `silence-limit`, `fetchers`";
        check(
            "colour = 2\n",
            &(line(1) + &format!("there is no setting `colour`: there are {all}")),
        );
        check("[tokens]\ndebian = \"secret\n", &(line(2) + "invalid basic string, expected `\"`"));
    }
}
