//! `kiln show` and `kiln plan`: what there is and what would be done.

use std::collections::BTreeSet;
use std::fmt;

use kiln_artifact::Index as _;
use kiln_digest::Key;
use kiln_graph::{Task, prune};
use kiln_ir::Element;

use crate::impure::heading;
use crate::loaded::Planned;
use crate::store::Store;
use crate::{Problem, Session};

/// Whether an artifact is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Cached,
    Missing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cached => "cached",
            Self::Missing => "missing",
        })
    }
}

/// An element as people want to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub element: Element,
    pub key: Key,
    pub state: State,
    /// Whether only this machine can have it.
    pub impure: bool,
    /// What was warned of when it was made, of an element that was asked for alone.
    pub warnings: Vec<String>,
}

/// Returns the elements of the project, or those that are named.
///
/// # Errors
/// When the project has mistakes or the store cannot be read.
pub fn show(session: &Session, targets: &[String]) -> Result<Vec<Shown>, Problem> {
    let planned = Planned::load(session, targets)?;
    let have = have(session, &planned)?;
    let mut shown = Vec::new();
    for ix in &planned.plan.targets {
        let node = planned.plan.node(*ix);
        let state = if have.contains(&node.key) { State::Cached } else { State::Missing };
        if let Some(element) = planned.loaded.ir.element(&node.element) {
            let (element, warnings) = (element.clone(), Vec::new());
            shown.push(Shown { element, key: node.key, state, impure: node.impure, warnings });
        }
    }
    if let [one] = &mut shown[..]
        && let Some(artifact) = Store::open(session)?.index.get(one.key)?
    {
        let warnings = artifact.run.map(|run| run.warnings).unwrap_or_default();
        one.warnings = artifact.overlaps.into_iter().chain(warnings).collect();
    }
    Ok(shown)
}

/// Returns what a build of these elements would do: one line a job, in order.
///
/// # Errors
/// When the project has mistakes or the store cannot be read.
pub fn plan_text(session: &Session, targets: &[String]) -> Result<String, Problem> {
    let planned = Planned::load(session, targets)?;
    let have = have(session, &planned)?;
    let graph = prune(&planned.plan, &have);
    let line = |job: &kiln_graph::Job| {
        let word = match job.task {
            Task::Reuse => "cached",
            Task::Build => "build ",
        };
        format!("{word} {} {}\n", job.key, planned.plan.node(job.node).element)
    };
    Ok(graph.jobs.iter().map(line).fold(heading(&planned), |text, line| text + &line))
}

fn have(session: &Session, planned: &Planned) -> Result<BTreeSet<Key>, Problem> {
    let store = Store::open(session)?;
    let keys: Vec<Key> = planned.plan.nodes.iter().map(|node| node.key).collect();
    Ok(store.index.have(&keys)?.into_keys().collect())
}
