//! What elements need of outside, and the work on all of it side by side.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use kiln_action::CancelFlag;
use kiln_diag::Code;
use kiln_exec::ForeignError;
use kiln_ir::{Base, Element, ElementName, Source, Step};
use kiln_source::{SourceError, each_side_by_side};

use crate::loaded::Loaded;
use crate::silent::by_server;
use crate::{Problem, Session};

/// How many sources are worked on at a time where nobody says otherwise.
const N_AT_ONCE: usize = 8;

/// Failures that are told with their causes; a line told of each when it happened.
const MOST_IN_FULL: usize = 20;

/// Something that is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need<'a> {
    // Bases first: they take longest.
    Base(&'a Base),
    Source(&'a Source),
}

/// Failures of which each is to be told.
#[derive(Debug, thiserror::Error)]
#[error("{n_failed} of {of} cannot be {done}")]
pub(crate) struct Several {
    /// At least one; some may stand for many.
    failures: Vec<ForeignError>,
    n_failed: usize,
    of: usize,
    done: &'static str,
}

/// Several things could not be fetched.
const SEVERAL: Code = Code(2050);

impl miette::Diagnostic for Several {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(SEVERAL))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let more = match self.failures.len().checked_sub(MOST_IN_FULL) {
            Some(more) if more > 0 => format!("\n{more} more are like these; mend these first"),
            _ => String::new(),
        };
        Some(Box::new(format!(
            "what came stays in the cache; the next run goes on from there{more}"
        )))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let failures = self.failures.iter().take(MOST_IN_FULL);
        Some(Box::new(failures.map(|failure| -> &dyn miette::Diagnostic { failure.as_ref() })))
    }
}

/// Returns all that some elements and all they need take from outside, each once.
pub(crate) fn needs<'a>(loaded: &'a Loaded, names: &[ElementName]) -> BTreeSet<Need<'a>> {
    let mut needs = BTreeSet::new();
    for element in kiln_plan::needed(&loaded.ir, names) {
        needs.extend(sources_of(element).map(Need::Source));
        needs.extend(bases_of(element).map(Need::Base));
    }
    needs
}

/// Returns the sources of an element that are in the lock.
pub(crate) fn sources_of(element: &Element) -> impl Iterator<Item = &Source> {
    let all = element.sources.iter().flat_map(|placed| placed.source.with_inner());
    all.filter(|source| source.is_locked())
}

/// Returns the bases that an element is and that are in the lock.
pub(crate) fn bases_of(element: &Element) -> impl Iterator<Item = &Base> {
    element.steps.iter().filter_map(|step| match step {
        Step::Base(base) => base.is_locked().then_some(base),
        _ => None,
    })
}

/// Complains about what some elements need and is not in the lock.
pub(crate) fn check_locked(loaded: &Loaded, names: &[ElementName]) -> Result<(), Problem> {
    let needed = kiln_plan::needed(&loaded.ir, names);
    let locked = loaded.lock.pins(needed, &loaded.texts);
    if locked.has_errors() {
        let findings = locked.diagnostics;
        return Err(Problem::Findings { texts: loaded.texts.clone(), findings });
    }
    Ok(())
}

/// Works on tasks, several at once; the answers have their order. What is not begun when somebody asks to stop has none,
/// and neither has what comes after a failure of this machine: the next one would fail, too.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    session: &Session,
    cancel: &CancelFlag,
    tasks: &[T],
    work: impl Fn(&T) -> Result<R, ForeignError> + Sync,
) -> Vec<Option<Result<R, ForeignError>>> {
    let one = |task: &T| {
        if cancel.is_set() {
            return ControlFlow::Break(None);
        }
        let result = work(task);
        if result.as_ref().is_err_and(is_of_machine) {
            return ControlFlow::Break(Some(result));
        }
        ControlFlow::Continue(result)
    };
    each_side_by_side(tasks, session.choices.fetchers.unwrap_or(N_AT_ONCE), one)
}

/// Returns all answers, or all failures, those of servers that are silent as one.
pub(crate) fn all_or_failures<R>(
    results: Vec<Option<Result<R, ForeignError>>>,
    done: &'static str,
    silent: &[String],
) -> Result<Vec<R>, Problem> {
    let of = results.len();
    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    for result in results.into_iter().flatten() {
        match result {
            Ok(answer) => answers.push(answer),
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(ix) = failures.iter().position(is_of_machine) {
        return Err(Problem::World(failures.swap_remove(ix)));
    }
    let n_failed = failures.len();
    let mut failures = by_server(failures, silent);
    match failures.len() {
        0 => Ok(answers),
        1 => Err(Problem::World(failures.swap_remove(0))),
        _ => Err(Several { failures, n_failed, of, done }.into()),
    }
}

/// Returns what is said when somebody asked to stop.
pub(crate) fn stopped() -> Problem {
    SourceError::Stopped { url: "all that is needed".to_owned() }.into()
}

/// Returns whether the disk or the store failed, which has nothing to do with what was fetched.
fn is_of_machine(failure: &ForeignError) -> bool {
    failure.code().is_some_and(|code| code.to_string().starts_with("K5"))
}
