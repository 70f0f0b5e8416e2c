//! What is built again although it is there: for the sake of its build tree.

use std::collections::BTreeSet;

use kiln_artifact::Index as _;
use kiln_digest::Key;
use kiln_exec::BuildTrees;

use crate::loaded::Planned;
use crate::store::Store;
use crate::{Problem, Session};

/// Returns the keys of elements that were asked for by name, whose build trees are to be kept and were not. All of a
/// project is not meant: who sets the policy for good does not want everything anew.
pub(crate) fn without_build_tree(
    session: &Session,
    planned: &Planned,
    store: &Store,
    named: &[String],
) -> Result<BTreeSet<Key>, Problem> {
    let mut again = BTreeSet::new();
    if session.choices.build_trees != Some(BuildTrees::Always) || named.is_empty() {
        return Ok(again);
    }
    for ix in &planned.plan.targets {
        let key = planned.plan.node(*ix).key;
        let run = store.index.get(key)?.and_then(|artifact| artifact.run);
        if run.is_some_and(|run| run.build_tree.is_none()) {
            again.insert(key);
        }
    }
    Ok(again)
}
