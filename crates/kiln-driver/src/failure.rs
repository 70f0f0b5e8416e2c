//! `kiln debug failure`: all that is known of the last failed run of an element.

use std::path::PathBuf;

use kiln_action::{Action, Command};
use kiln_artifact::{Failure, Index as _, Record, Run};
use kiln_cas::Cas as _;
use kiln_digest::{Digest, Key};
use kiln_event::Event;
use kiln_plan::{NodeIx, Plan};
use kiln_tree::{Node, RelPath};

use crate::loaded::{Loaded, Planned};
use crate::records::{Records, check_name};
use crate::store::Store;
use crate::{DriverError, Problem, Session};

/// A failed run with all that helps to understand it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    pub failure: Failure,
    /// What was run; nothing where the store has lost it.
    pub command: Option<Command>,
    /// What it printed; nothing where the store has lost it.
    pub log: Option<Vec<u8>>,
    /// The file that the run wrote its log to, while it is kept.
    pub log_path: Option<PathBuf>,
    /// The script of the phase that failed.
    pub script: Option<String>,
    /// What its root is made of, lowest first, with keys; nothing where the project has changed since.
    pub staged: Vec<(String, Key)>,
    /// Whether a build now would run something else; nothing where the project cannot be planned as it is now.
    pub changed_since: Option<bool>,
    /// The last run before it that succeeded.
    pub success: Option<Success>,
}

/// A run that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    pub key: Key,
    /// How it went; nothing where the store has forgotten it.
    pub run: Option<Run>,
}

/// Returns what is known of the last run of an element, which failed.
///
/// # Errors
/// When its last run did not fail, or the store cannot be read.
pub fn failure(session: &Session, element: &str) -> Result<FailureReport, Problem> {
    let store = Store::open(session)?;
    let failure = last_failure(session, &store, element)?;
    let records = Records::of(session)?;
    let mut log_path = None;
    let mut success = None;
    for trace in records.traces(element) {
        log_path = log_path.or(trace.log);
        let built = trace.events.iter().rev().find_map(|event| match event {
            Event::ElementBuilt { key, .. } | Event::ElementCutOff { key, .. } => Some(*key),
            _ => None,
        });
        if let Some(key) = built {
            let run = store.index.get(key)?.and_then(|artifact| artifact.run);
            success = Some(Success { key, run });
            break;
        }
    }
    let planned = Planned::load(session, &[element.to_owned()]).ok();
    let now = planned.as_ref().and_then(|planned| {
        let target = *planned.plan.targets.first()?;
        Some((&planned.plan, target))
    });
    let changed_since = now.map(|(plan, target)| plan.node(target).key != failure.key);
    let staged = now.filter(|_| changed_since == Some(false));
    let staged = staged.map(|(plan, target)| staged_in(plan, target)).unwrap_or_default();
    let log = store.cas.read(failure.run.log).ok();
    let command = command_of(&store, failure.run.action);
    let script = script_of(&store, &failure.run);
    Ok(FailureReport { failure, command, log, log_path, script, staged, changed_since, success })
}

/// Returns what is staged for a node, lowest first.
fn staged_in(plan: &Plan, target: NodeIx) -> Vec<(String, Key)> {
    let of = plan.node(target).base.into_iter().chain(plan.staged(target));
    of.map(|ix| (plan.node(ix).element.to_string(), plan.node(ix).key)).collect()
}

/// Returns the script of the phase that did not succeed, as it lies in the root of the run.
fn script_of(store: &Store, run: &Run) -> Option<String> {
    let ix = run.phases.iter().position(|phase| phase.exit != Some(0))?;
    let path = RelPath::parse(&format!("kiln/{ix:02}-{}", run.phases[ix].name)).ok()?;
    let Node::File(file) = store.cas.read_tree(run.input_root).ok()?.get(&path)?.clone() else {
        return None;
    };
    String::from_utf8(store.cas.read(file.digest).ok()?).ok()
}

/// Returns the last run of an element, which failed.
pub(crate) fn last_failure(
    session: &Session,
    store: &Store,
    element: &str,
) -> Result<Failure, Problem> {
    let identity = Loaded::identity(&Loaded::root(session)?);
    let next = match store.index.latest(&identity, element)? {
        Some(Record::Failed(failure)) => return Ok(failure),
        Some(Record::Built(artifact)) if artifact.run.is_none() => {
            return Err(DriverError::NothingRuns { element: element.to_owned() }.into());
        }
        Some(Record::Built(_)) => format!("its last run succeeded: kiln log {element}"),
        None => {
            check_name(session, element)?;
            format!("it never ran here: kiln build {element}")
        }
    };
    Err(DriverError::NoFailure { element: element.to_owned(), next }.into())
}

/// Returns the command of an action of the past.
pub(crate) fn command_of(store: &Store, action: Digest) -> Option<Command> {
    let command = Action::command_in(&store.cas.read(action).ok()?)?;
    Command::decode(&store.cas.read(command).ok()?)
}
