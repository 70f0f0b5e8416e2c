//! What can go wrong on the way from a URL to a checked file.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use kiln_cas::CasError;
use kiln_ir::without_password;

/// A source that could not be fetched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SourceError {
    #[error("the alias `{alias}` of `{}` has no mirror", url.escape_debug())]
    #[diagnostic(
        code("K2001"),
        help(
            "add `{alias} = [\"https://mirror.example.org/{alias}\"]` below `[mirrors]` in config.toml, \
             or set `{}`, or give `--mirror {alias}=URL`",
            variable_of("KILN_MIRROR_", alias)
        )
    )]
    UnknownAlias { alias: String, url: String },
    #[error("`{}` is no URL: {reason}", url.escape_debug())]
    #[diagnostic(code("K2002"), help("write `alias:path`, or a whole http, https or file URL"))]
    BadUrl { url: String, reason: &'static str },
    #[error("`{}` is no mirror for `{}`", mirror.escape_debug(), alias.escape_debug())]
    #[diagnostic(
        code("K2003"),
        help(
            "an alias is a plain name, a mirror an http, https or file URL with a host or an absolute path"
        )
    )]
    BadMirror { alias: String, mirror: String },
    #[error("cannot fetch `{url}`")]
    #[diagnostic(code("K2004"), help("tried:\n{}", counted(tries)))]
    Unreachable {
        url: String,
        /// A place and what it answered, for each failed try.
        tries: Vec<String>,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    #[error("`{url}` has other content: expected {expected}, found {found}")]
    #[diagnostic(
        code("K2005"),
        help(
            "tried:\n{}\nif upstream replaced the file and you trust it, `kiln track` pins the new content",
            counted(tries)
        )
    )]
    WrongContent {
        url: String,
        expected: String,
        found: String,
        /// A place and what it answered, for each failed try.
        tries: Vec<String>,
    },
    #[error("`{url}` is not here and kiln is offline")]
    #[diagnostic(
        code("K2006"),
        help(
            "run the command once with a network and without `--offline`, or put the file, named by its sha256, \
             into the folder that `KILN_SOURCE_DIR` names"
        )
    )]
    Offline { url: String },
    #[error("`{}` was not fetched: kiln was asked to stop", without_password(url))]
    #[diagnostic(code("K2008"), help("the next run goes on where this one ended"))]
    Stopped { url: String },
    #[error("cannot use the {what} `{value}`")]
    #[diagnostic(code("K2007"), help("correct the environment or the configuration"))]
    Setting {
        what: &'static str,
        value: String,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    #[error("cannot read the download `{}`", path.display())]
    #[diagnostic(code("K2009"), help("check the folder of downloads"))]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write the download `{}`", path.display())]
    #[diagnostic(code("K5020"), help("is the disk full? nothing half-written is visible"))]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// Returns the name of the environment variable for an alias, such as `KILN_MIRROR_MY_OWN` for `my-own`.
pub fn variable_of(prefix: &str, alias: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    prefix.chars().chain(alias.chars().map(plain)).collect()
}

/// Returns lines, those that come again in a row once with their number.
fn counted(lines: &[String]) -> String {
    let groups = lines.chunk_by(|line, next| line == next).map(|group| match group {
        [line] => line.clone(),
        group => format!("{} ({} times)", group[0], group.len()),
    });
    groups.collect::<Vec<_>>().join("\n")
}

/// What came could not be taken into the store.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TakeError {
    #[error("cannot read the download `{}`", path.display())]
    #[diagnostic(code("K2009"), help("check the folder of downloads"))]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot keep what was fetched")]
    #[diagnostic(code("K5025"), help("is the disk of the store full?"))]
    Keep(#[from] CasError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tries_are_told_once() {
        let lines = ["a: x", "b: y", "b: y", "a: x"].map(str::to_owned);
        assert_eq!(counted(&lines), "a: x\nb: y (2 times)\na: x");
        assert_eq!(counted(&[]), "");
    }
}
