//! Warnings of what is there already, where warnings are errors.

use kiln_artifact::Index as _;
use kiln_exec::ExecError;

use crate::loaded::Planned;
use crate::store::Store;
use crate::{Problem, Session};

/// Refuses what was built with warnings when they were no errors: whether a build passes must not depend on what is in
/// the store.
pub(crate) fn refuse_warnings(
    session: &Session,
    planned: &Planned,
    store: &Store,
) -> Result<(), Problem> {
    let deny = &session.choices.deny;
    let all = deny.contains("warnings");
    if deny.is_empty() {
        return Ok(());
    }
    for node in &planned.plan.nodes {
        let Some(artifact) = store.index.get(node.key)? else { continue };
        let (element, overlaps) = (node.element.clone(), artifact.overlaps);
        if (all || deny.contains("overlaps")) && !overlaps.is_empty() {
            return Err(ExecError::Overlaps { element, overlaps }.into());
        }
        let warnings = artifact.run.map(|run| run.warnings).unwrap_or_default();
        if all && !warnings.is_empty() {
            return Err(ExecError::Warnings { element, warnings }.into());
        }
    }
    Ok(())
}
