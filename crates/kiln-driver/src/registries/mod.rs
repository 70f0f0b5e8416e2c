//! Registries of other package managers, as this user's own clients are configured: no address of one is known here.

mod cargo;
mod go;
mod npm;
mod pypi;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use kiln_ir::{Ir, Source};
use kiln_source::Mirrors;

use crate::{Environment, Session};

/// The alias of each kind of registry.
pub(crate) const CRATES: &str = "crates";
pub(crate) const PYPI: &str = "pypi";
pub(crate) const NPM: &str = "npm";
pub(crate) const GOPROXY: &str = "goproxy";

/// Reads a file of a server, if there is one.
pub(crate) type Get<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Returns the mirrors of registries that sources of a project need and nobody set, by alias.
pub(crate) fn discovered(
    session: &Session,
    ir: &Ir,
    mirrors: &Mirrors,
    get: Get<'_>,
) -> BTreeMap<String, Vec<String>> {
    let environment = &session.environment;
    let placed = ir.elements.iter().flat_map(|element| &element.sources);
    let sources: Vec<&Source> = placed.flat_map(|placed| placed.source.with_inner()).collect();
    let needs = |is: fn(&Source) -> bool| sources.iter().any(|source| is(source));
    let mut found = BTreeMap::new();
    if needs(|source| matches!(source, Source::Crates(_))) {
        found.extend(cargo::mirrors(session, mirrors, get));
    }
    let mut look_up =
        |alias: &str, is: fn(&Source) -> bool, ask: fn(&Environment) -> Vec<String>| {
            if mirrors.get(alias).is_empty() && needs(is) {
                found.insert(alias.to_owned(), ask(environment));
            }
        };
    look_up(PYPI, |source| matches!(source, Source::Pypi(_)), pypi::mirrors);
    look_up(NPM, |source| matches!(source, Source::Npm(_)), npm::mirrors);
    look_up(GOPROXY, |source| matches!(source, Source::GoModules(_)), go::mirrors);
    found.retain(|_, mirrors| !mirrors.is_empty());
    found
}

/// Returns whether some source of a project is of a registry.
pub(crate) fn needed(ir: &Ir) -> bool {
    let placed = ir.elements.iter().flat_map(|element| &element.sources);
    placed.flat_map(|placed| placed.source.with_inner()).any(|source| source.vendored().is_some())
}

/// Returns the aliases of the registries that the user named to cargo, by their index as lock files name it.
pub(crate) fn of_cargo(session: &Session) -> BTreeMap<String, String> {
    cargo::registries(&session.environment)
        .into_iter()
        .map(|(name, index)| {
            let is_sparse = index.starts_with("sparse+");
            let index = if is_sparse { index } else { format!("registry+{index}") };
            (index, cargo::alias(&name))
        })
        .collect()
}

/// Returns what a client prints; nothing when it is not there or fails.
fn ask(environment: &Environment, program: &str, arguments: &[&str]) -> Option<String> {
    let program = environment.find_program(program)?;
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").env("COLUMNS", "1000").stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Returns a file below the home of the user.
fn in_home(environment: &Environment, path: &str) -> Option<String> {
    let home = environment.variable("HOME")?;
    std::fs::read_to_string(Path::new(home).join(path)).ok()
}

/// Returns a URL without what is not of its base; nothing if a text is no URL of a server or of a folder.
fn base(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']).trim_end_matches('/');
    let known = ["https://", "http://", "file:///"].iter().any(|scheme| text.starts_with(scheme));
    known.then(|| text.to_owned())
}
