//! What is needed and neither a bundle nor the cache has: told at once, by the names that the project has for it.

use std::fmt::Write as _;
use std::path::PathBuf;

use kiln_event::Silent;
use kiln_exec::{ForeignError, Supply as _};
use kiln_ir::{ElementName, Pins, Source};

use super::BundleError;
use crate::fetch::{near, wanted_of};
use crate::loaded::Loaded;
use crate::needs::{Need, needs};
use crate::store::Store;
use crate::supply::Supplier;
use crate::{Problem, Session};

/// Codes of what is not here where there is no network: of one thing, neither in the cache nor in a folder, and of several.
const NOT_HERE: [&str; 3] = ["K2004", "K2006", "K2050"];
/// So many names are told.
const MOST_NAMES: usize = 8;

/// Tells all that a bundle lacks, where a run without a network ended because something is not here.
pub(crate) fn lacking(
    session: &Session,
    loaded: &Loaded,
    names: &[ElementName],
    store: &Store,
    problem: Problem,
) -> Problem {
    let Some(path) = lacking_bundle(session, &problem) else {
        return problem;
    };
    let Ok(mut missing) = missing(session, loaded, names, store) else {
        return problem;
    };
    if missing.is_empty() {
        return problem;
    }
    let n_more = missing.len().saturating_sub(MOST_NAMES);
    missing.truncate(MOST_NAMES);
    let mut what = format!("`{}`", missing.join("`, `"));
    if n_more > 0 {
        // Writing to a text cannot fail.
        let _ok = write!(what, " and {n_more} more");
    }
    BundleError::Lacks { path, what }.into()
}

/// Tells that a bundle lacks an input, where it could not be brought because it is not here.
pub(crate) fn lacking_input(session: &Session, source: &Source, problem: Problem) -> Problem {
    match lacking_bundle(session, &problem) {
        Some(path) => BundleError::Lacks { path, what: format!("the input `{source}`") }.into(),
        None => problem,
    }
}

/// Returns the bundle of a run without a network that failed because something is not here.
fn lacking_bundle(session: &Session, problem: &Problem) -> Option<PathBuf> {
    let is_not_here = problem.code().is_some_and(|code| NOT_HERE.contains(&code.as_str()));
    session.choices.bundle.clone().filter(|_| is_not_here && session.choices.offline)
}

/// Returns what of all that some elements need can be had without a network in no way.
fn missing(
    session: &Session,
    loaded: &Loaded,
    names: &[ElementName],
    store: &Store,
) -> Result<Vec<String>, Problem> {
    let pins = Pins::default();
    let supplier = Supplier::new(session, loaded, &pins, store, &Silent);
    let near = near(session, store, loaded).map_err(Problem::World)?;
    let mut missing = Vec::new();
    for need in needs(loaded, names) {
        match need {
            Need::Source(source) => {
                if supplier.source(source).is_err_and(|error| is_not_here(&error)) {
                    missing.push(source.to_string());
                }
            }
            Need::Base(base) => {
                let wanted = wanted_of(loaded, &supplier, need).map_err(Problem::World)?;
                if !wanted.iter().all(|file| near.is_here(file)) {
                    missing.push(base.to_string());
                }
            }
        }
    }
    missing.sort();
    missing.dedup();
    Ok(missing)
}

fn is_not_here(error: &ForeignError) -> bool {
    error.code().is_some_and(|code| NOT_HERE.contains(&code.to_string().as_str()))
}
