//! What stands on this machine itself: told to people, and forgotten when the machine changed meanwhile.

use std::collections::BTreeSet;

use kiln_artifact::Index as _;
use kiln_digest::Key;
use kiln_event::{Event, Sink};
use kiln_ir::ElementName;
use kiln_plan::Plan;

use crate::host::Host;
use crate::loaded::{Loaded, Planned};
use crate::run::Run;
use crate::store::Store;
use crate::{Problem, Session};

/// What is said of elements that only this machine can have.
pub const IMPURE: &str = "base: host (impure, not shared)";

/// Returns what is said before a list of planned elements, a line where one of them is impure.
pub(crate) fn heading(plan: &Plan) -> String {
    let is_impure = plan.nodes.iter().any(|node| node.impure);
    if is_impure { format!("{IMPURE}\n") } else { String::new() }
}

/// Tells that something is built on this machine itself, and what changed of it since the last time.
pub(crate) fn tell(
    session: &Session,
    plan: &Plan,
    identity: &str,
    run: &Run<'_>,
) -> Result<(), Problem> {
    if plan.host.is_some() {
        let host = Host::read(session)?;
        say(run, host.remarks(session, identity));
        host.note_built_on(session, identity);
    }
    Ok(())
}

/// Tells that some elements need this machine itself, if they do.
pub(crate) fn tell_missing(loaded: &Loaded, names: &[ElementName], run: &Run<'_>, remark: &str) {
    if kiln_plan::needed(&loaded.ir, names).iter().any(|element| element.is_host()) {
        say(run, vec![remark.to_owned()]);
    }
}

/// Tells that what is at hand is impure, with what else there is to know.
pub(crate) fn say(shown: &dyn Sink, remarks: Vec<String>) {
    shown.emit(Event::Impure { base: "host".to_owned(), remarks });
}

/// Forgets what was built on this machine, beside what was there already, when it is not what it was: somebody may have
/// upgraded it while compilers ran.
pub(crate) fn check(
    session: &Session,
    planned: &Planned,
    store: &Store,
    before: &BTreeSet<Key>,
) -> Result<(), Problem> {
    if planned.plan.host.is_none() {
        return Ok(());
    }
    let Err(changed) = Host::read(session)?.refuse_other(planned.plan.host) else { return Ok(()) };
    for node in planned.plan.nodes.iter().filter(|node| node.impure && !before.contains(&node.key))
    {
        if let Some(run) = store.index.get(node.key)?.and_then(|artifact| artifact.run) {
            store.index.forget_action(run.action)?;
        }
        store.index.forget(node.key)?;
    }
    Err(changed.into())
}
