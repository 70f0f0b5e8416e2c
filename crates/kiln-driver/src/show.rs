//! `kiln show` and `kiln plan`: what there is and what would be done.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use kiln_artifact::Index as _;
use kiln_digest::{Digest, Key};
use kiln_graph::{Task, prune};
use kiln_ir::{Element, ElementName};
use kiln_plan::{NodeIx, Plan};

use crate::impure::heading;
use crate::loaded::Planned;
use crate::outline::{Earlier, Outline};
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

/// Elements as people want to see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Table(Vec<Row>),
    /// Of one alone.
    InFull(Box<InFull>),
}

/// An element in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: ElementName,
    pub kind: String,
    pub version: Option<String>,
    pub key: Key,
    pub state: State,
    /// Whether only this machine can have it.
    pub impure: bool,
}

/// All that is known of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFull {
    pub element: Element,
    pub key: Key,
    pub state: State,
    /// Whether only this machine can have it.
    pub impure: bool,
    /// What was warned of when it was made.
    pub warnings: Vec<String>,
}

/// Returns the elements of the project, or those that are named.
///
/// # Errors
/// When the project has mistakes or the store cannot be read.
pub fn show(session: &Session, targets: &[String]) -> Result<Shown, Problem> {
    let earlier = Earlier::of(session, targets)?;
    let known = earlier.outline(session, targets);
    let outline = if let Some(known) = known.filter(|known| known.plan.targets.len() != 1) {
        known
    } else {
        let planned = Planned::load_after(session, targets, &earlier)?;
        if let [one] = planned.plan.targets[..] {
            return in_full(session, &planned, one);
        }
        Outline::of(planned)
    };
    let Outline { identity: _, plan, mut labels } = outline;
    let have = have(&Store::open(session)?, &plan)?;
    let mut rows = Vec::with_capacity(plan.targets.len());
    for ix in &plan.targets {
        let (node, label) = (&plan.nodes[ix.0], &mut labels[ix.0]);
        rows.push(Row {
            name: node.element.clone(),
            kind: std::mem::take(&mut label.kind),
            version: label.version.take(),
            key: node.key,
            state: state(&have, node.key),
            impure: node.impure,
        });
    }
    Ok(Shown::Table(rows))
}

fn in_full(session: &Session, planned: &Planned, ix: NodeIx) -> Result<Shown, Problem> {
    let store = Store::open(session)?;
    let node = planned.plan.node(ix);
    let (name, key, impure) = (&node.element, node.key, node.impure);
    let state = state(&store.index.have(&[key])?, key);
    let artifact = store.index.get(key)?;
    let warnings = artifact.map_or_else(Vec::new, |artifact| {
        let warnings = artifact.run.map(|run| run.warnings).unwrap_or_default();
        artifact.overlaps.into_iter().chain(warnings).collect()
    });
    let element = planned.loaded.ir.element(name).cloned();
    let element = element.unwrap_or_else(|| Element::new(name.clone()));
    Ok(Shown::InFull(Box::new(InFull { element, key, state, impure, warnings })))
}

fn state(have: &BTreeMap<Key, Digest>, key: Key) -> State {
    if have.contains_key(&key) { State::Cached } else { State::Missing }
}

/// Returns what a build of these elements would do: one line a job, in order.
///
/// # Errors
/// When the project has mistakes or the store cannot be read.
pub fn plan_text(session: &Session, targets: &[String]) -> Result<String, Problem> {
    let earlier = Earlier::of(session, targets)?;
    let plan = match earlier.outline(session, targets) {
        Some(outline) => outline.plan,
        None => Planned::load_after(session, targets, &earlier)?.plan,
    };
    let have = have(&Store::open(session)?, &plan)?;
    let graph = prune(&plan, &have.into_keys().collect());
    let mut text = heading(&plan);
    for job in &graph.jobs {
        let word = match job.task {
            Task::Reuse => "cached",
            Task::Build => "build ",
        };
        // Writing to a text cannot fail.
        let _written = writeln!(text, "{word} {} {}", job.key, plan.node(job.node).element);
    }
    Ok(text)
}

/// Returns what of a plan is there.
pub(crate) fn have(store: &Store, plan: &Plan) -> Result<BTreeMap<Key, Digest>, Problem> {
    let keys: Vec<Key> = plan.nodes.iter().map(|node| node.key).collect();
    Ok(store.index.have(&keys)?)
}
