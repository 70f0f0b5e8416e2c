//! What this user fetches with: mirrors in their order of precedence, certificates, prepared folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kiln_event::Silent;
use kiln_exec::ForeignError;
use kiln_ir::{Ir, Step};
use kiln_source::{
    Certificates, Fetcher, Mirrors, Patience, Settings, ThreadPause, Wanted, variable_of,
};

use crate::logins::{logins, tokens};
use crate::proxies::proxies;
use crate::{DriverError, Session, registries};

/// Files fetched at a time.
const N_DOWNLOADS: usize = 8;
/// Environment variables that name a mirror of an alias: `KILN_MIRROR_DEBIAN`.
const MIRROR_VARIABLE: &str = "KILN_MIRROR_";
/// Where bases come from.
const DEBIAN: &str = "debian";
/// The aliases whose mirrors apt may know.
const OF_APT: [&str; 2] = [DEBIAN, "debian-security"];

/// Folders, separated by colons, that hold files under their sha256: for machines without a network.
pub(crate) const PREPARED_VARIABLE: &str = "KILN_SOURCE_DIR";

/// Returns the mirrors: command line, environment, configuration, the project's own aliases, what apt uses.
pub(crate) fn mirrors(session: &Session, ir: &Ir) -> Result<Mirrors, ForeignError> {
    found(session, ir).map(|(mirrors, _of_apt)| mirrors)
}

/// Returns the mirrors, and those of them that apt told.
fn found(session: &Session, ir: &Ir) -> Result<(Mirrors, Vec<String>), ForeignError> {
    let mut of_apt = Vec::new();
    let mut mirrors = Mirrors::default();
    for text in &session.choices.mirrors {
        let (alias, url) =
            text.split_once('=').ok_or_else(|| DriverError::BadMirror { text: text.clone() })?;
        let mut all = mirrors.get(alias).to_vec();
        all.push(url.to_owned());
        mirrors.set(alias, all)?;
    }
    let needed = needed(ir);
    let mut named: BTreeSet<String> = needed.iter().chain(ir.aliases.keys()).cloned().collect();
    named.extend(session.config.mirrors.keys().cloned());
    if registries::needed(ir) {
        named.extend(registries::of_cargo(session).into_values());
    }
    for (alias, url) in of_variables(session.environment.variables(), &named) {
        mirrors.set_default(&alias, [url])?;
    }
    for (alias, urls) in &session.config.mirrors {
        mirrors.set_default(alias, urls)?;
    }
    for (alias, url) in &ir.aliases {
        mirrors.suggest(alias, [url])?;
    }
    if !session.choices.offline && asks_apt(&needed, &mirrors) {
        for (alias, urls) in crate::base::discovered(session) {
            of_apt.extend(urls.iter().cloned());
            mirrors.set_default(&alias, urls)?;
        }
    }
    Ok((mirrors, of_apt))
}

/// Returns the aliases that what a project takes from outside is named by.
fn needed(ir: &Ir) -> BTreeSet<String> {
    let mut aliases = BTreeSet::new();
    for element in &ir.elements {
        let sources = element.sources.iter().flat_map(|placed| placed.source.with_inner());
        aliases.extend(sources.filter_map(|source| alias(source.url()?)).map(str::to_owned));
        let is_fetched = |step: &Step| matches!(step, Step::Base(base) if base.is_locked());
        if element.steps.iter().any(is_fetched) {
            aliases.insert(DEBIAN.to_owned());
        }
    }
    aliases
}

/// Returns the alias of a URL that has one.
fn alias(url: &str) -> Option<&str> {
    let (alias, path) = url.split_once(':').filter(|(_, path)| !path.starts_with("//"))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_alias = !alias.is_empty() && !path.is_empty() && alias.bytes().all(is_plain);
    is_alias.then_some(alias)
}

/// Returns the mirrors that variables name: of each alias that is known, and of those that have the plainest name for a
/// variable.
fn of_variables(
    variables: &BTreeMap<String, String>,
    named: &BTreeSet<String>,
) -> Vec<(String, String)> {
    let plainest = variables.keys().filter_map(|name| name.strip_prefix(MIRROR_VARIABLE));
    let plainest = plainest.map(|name| name.to_ascii_lowercase().replace('_', "-"));
    let all: BTreeSet<String> = plainest.chain(named.iter().cloned()).collect();
    let url = |alias: &String| variables.get(&variable_of(MIRROR_VARIABLE, alias));
    let pairs = all.into_iter().filter_map(|alias| Some((url(&alias)?.clone(), alias)));
    pairs.filter(|(url, _)| !url.is_empty()).map(|(url, alias)| (alias, url)).collect()
}

/// Returns whether apt may know mirrors that are needed and that nobody named: to ask it takes its time.
fn asks_apt(needed: &BTreeSet<String>, mirrors: &Mirrors) -> bool {
    let lacks = |alias: &str| needed.contains(alias) && mirrors.get(alias).is_empty();
    OF_APT.into_iter().any(lacks)
}

/// Makes a fetcher of this session that keeps downloads in a folder.
pub(crate) fn fetcher(
    session: &Session,
    downloads: &Path,
    ir: &Ir,
) -> Result<Fetcher, ForeignError> {
    let mut settings = settings(session, downloads, ir)?;
    if !settings.offline && registries::needed(ir) {
        add_registries(session, ir, &mut settings)?;
    }
    Ok(Fetcher::new(settings, Box::new(ThreadPause))?)
}

/// Returns what this user fetches with, but the registries of other package managers.
fn settings(session: &Session, downloads: &Path, ir: &Ir) -> Result<Settings, ForeignError> {
    let environment = &session.environment;
    let folders = |name| {
        let named = environment.variable(name).unwrap_or_default().split(':');
        let named = named.filter(|folder| !folder.is_empty());
        named.map(|folder| environment.cwd.join(folder)).collect::<Vec<PathBuf>>()
    };
    let (mirrors, of_apt) = found(session, ir)?;
    Ok(Settings {
        folder: downloads.to_owned(),
        prepared: folders(PREPARED_VARIABLE),
        proxies: proxies(session, &of_apt),
        certificates: Certificates {
            file: environment.variable("SSL_CERT_FILE").map(PathBuf::from),
            folders: folders("SSL_CERT_DIR"),
        },
        logins: logins(session)?,
        tokens: tokens(session, &mirrors)?,
        mirrors,
        patience: Patience::default(),
        offline: session.choices.offline,
        n_threads: session.choices.fetchers.unwrap_or(N_DOWNLOADS),
        run: environment.now ^ u64::from(environment.pid),
    })
}

/// Adds the registries that the user's own clients know; what they have to ask of a server comes with these settings.
fn add_registries(session: &Session, ir: &Ir, settings: &mut Settings) -> Result<(), ForeignError> {
    let asking = Fetcher::new(settings.clone(), Box::new(ThreadPause))?;
    let get = |url: &str| {
        let download = asking.fetch(&Wanted::current(url), &Silent).ok()?;
        std::fs::read(download.path).ok()
    };
    for (alias, urls) in registries::discovered(session, ir, &settings.mirrors, &get) {
        settings.mirrors.set_default(&alias, urls)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(aliases: &[&str]) -> BTreeSet<String> {
        aliases.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_url_has_the_alias_before_its_colon() {
        let check = |url: &str, expected: Option<&str>| assert_eq!(alias(url), expected, "{url}");
        check("debian:pool/a", Some("debian"));
        check("my_own.x:a", Some("my_own.x"));
        check("https://debian.example.org/a", None);
        check("me@debian.example.org:a", None);
        check("./debian", None);
        check(":a", None);
    }

    #[test]
    fn an_alias_has_the_variable_that_errors_name() {
        let check = |named: &[&str], expected: &[&str]| {
            let url = "https://m.example.org".to_owned();
            let none = ("KILN_MIRROR_EMPTY".to_owned(), String::new());
            let variables = [("KILN_MIRROR_A_B".to_owned(), url), none].into();
            let found = of_variables(&variables, &set(named));
            let found: Vec<&str> = found.iter().map(|(alias, _)| alias.as_str()).collect();
            assert_eq!(found, expected);
        };
        check(&[], &["a-b"]);
        check(&["other", "empty"], &["a-b"]);
        check(&["A.b", "a-b", "a_b"], &["A.b", "a-b", "a_b"]);
    }

    #[test]
    fn apt_is_asked_for_what_nobody_named() {
        let check = |needed: &[&str], named: &[&str], expected: bool| {
            let mut mirrors = Mirrors::default();
            for alias in named {
                mirrors.set(alias, ["https://m.example.org"]).unwrap();
            }
            assert_eq!(asks_apt(&set(needed), &mirrors), expected, "{needed:?} {named:?}");
        };
        check(&["debian"], &[], true);
        check(&["debian"], &["debian"], false);
        check(&["debian", "debian-security"], &["debian"], true);
        check(&["my-debian"], &[], false);
        check(&[], &[], false);
    }
}
