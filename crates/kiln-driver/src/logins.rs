//! Who the user is to servers: `netrc`, apt's `auth.conf`, tokens of aliases.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kiln_source::{Logins, Mirrors, Token, variable_of};

use crate::{DriverError, Environment, Session};

/// Environment variables with the token of an alias: `KILN_TOKEN_DEBIAN`.
const TOKEN_VARIABLE: &str = "KILN_TOKEN_";
/// Where apt's own logins are.
const APT: &str = "/etc/apt";

/// A text of the configuration that is shown nowhere.
#[derive(Clone, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(..)")
    }
}

/// Returns the logins of this user, his own first.
pub(crate) fn logins(session: &Session) -> Result<Logins, DriverError> {
    let mut logins = Logins::default();
    add_netrc(&mut logins, &session.environment)?;
    add_apt(&mut logins, Path::new(APT));
    Ok(logins)
}

fn add_netrc(logins: &mut Logins, environment: &Environment) -> Result<(), DriverError> {
    if let Some(named) = environment.variable("NETRC") {
        let path = environment.cwd.join(named);
        let read = fs::read_to_string(&path);
        let text = read.map_err(|cause| DriverError::ReadConfig { path: path.clone(), cause })?;
        logins.add_netrc(&text, &path.display().to_string());
    } else if let Some(home) = environment.variable("HOME")
        && let Ok(text) = fs::read_to_string(Path::new(home).join(".netrc"))
    {
        logins.add_netrc(&text, "~/.netrc");
    }
    Ok(())
}

/// Adds apt's logins, as far as this user may read them.
fn add_apt(logins: &mut Logins, etc: &Path) {
    let listed = fs::read_dir(etc.join("auth.conf.d")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    files.insert(0, etc.join("auth.conf"));
    for path in files {
        if let Ok(text) = fs::read_to_string(&path) {
            logins.add_apt(&text, &path.display().to_string());
        }
    }
}

/// Returns the tokens of the aliases that have mirrors: of the environment, else of the configuration.
pub(crate) fn tokens(
    session: &Session,
    mirrors: &Mirrors,
) -> Result<BTreeMap<String, Token>, DriverError> {
    let mut tokens = BTreeMap::new();
    for (alias, _mirrors) in mirrors.iter() {
        let variable = variable_of(TOKEN_VARIABLE, alias);
        let configured = || session.config.tokens.get(alias).map(|hidden| hidden.0.as_str());
        let Some(text) = session.environment.variable(&variable).or_else(configured) else {
            continue;
        };
        let token =
            Token::new(text).ok_or_else(|| DriverError::BadToken { alias: alias.to_owned() })?;
        tokens.insert(alias.to_owned(), token);
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_apt_are_read_in_order_and_others_are_not() {
        let etc = tempfile::tempdir().unwrap();
        let folder = etc.path().join("auth.conf.d");
        fs::create_dir(&folder).unwrap();
        let write = |path: PathBuf, machine: &str| {
            fs::write(path, format!("machine {machine} login me password secret")).unwrap();
        };
        write(folder.join("b.conf"), "b.example.org");
        write(folder.join("a.conf"), "a.example.org");
        write(folder.join("c.conf.bak"), "c.example.org");
        write(etc.path().join("auth.conf"), "first.example.org");
        let mut logins = Logins::default();
        add_apt(&mut logins, etc.path());
        let shown = format!("{logins:?}");
        let at = |host: &str| shown.find(host);
        assert!(at("first.") < at("a.example") && at("a.example") < at("b.example"), "{shown}");
        assert_eq!((at("c.example"), at("secret")), (None, None));
    }

    #[test]
    fn a_token_of_the_configuration_is_not_shown() {
        let hidden: BTreeMap<String, Hidden> = toml::from_str("debian = \"secret\"").unwrap();
        assert!(!format!("{hidden:?}").contains("secret"));
    }
}
