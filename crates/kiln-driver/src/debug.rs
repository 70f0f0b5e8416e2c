//! `kiln debug`: the stages between text and artifact in their stable text forms.

use std::collections::BTreeSet;

use kiln_artifact::Index as _;
use kiln_digest::Key;
use kiln_graph::prune;

use crate::loaded::{Loaded, Planned};
use crate::store::Store;
use crate::{Problem, Session};

/// A stage to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The IR as JSON.
    Ir,
    /// Every node with its key.
    Plan,
    /// Every job with what it waits for.
    Graph,
}

/// Returns the text form of a stage of some elements, or of all.
///
/// # Errors
/// When the project has mistakes or the store cannot be read.
pub fn debug(session: &Session, form: Form, targets: &[String]) -> Result<String, Problem> {
    if form == Form::Ir {
        return Ok(Loaded::load(session, targets)?.ir.to_json());
    }
    let planned = Planned::load(session, targets)?;
    if form == Form::Plan {
        return Ok(planned.plan.to_string());
    }
    let store = Store::open(session)?;
    let keys: Vec<Key> = planned.plan.nodes.iter().map(|node| node.key).collect();
    let have: BTreeSet<Key> = store.index.have(&keys)?.into_keys().collect();
    Ok(prune(&planned.plan, &have).to_string())
}
