//! Closure, order, cycles, keys: the IR of a project as nodes that know their identity.
//!
//! # Purpose
//! [`plan()`] answers, without looking at the world, what the targets need, in which order, and under which
//! [`Key`] each artifact is found.
//!
//! # Never
//! Knows what exists already; touches the disk, the network or a clock.
//!
//! # Example
//! ```
//! use kiln_ir::{ElementName, Ir, Pins};
//! use kiln_plan::{Platform, Request, plan};
//! let text = r#"{ "version": 1, "project": "p", "elements": [ { "name": "a", "deps": ["b"] }, { "name": "b" } ] }"#;
//! let ir = Ir::from_json(text).unwrap();
//! let request = Request { targets: vec![ElementName::parse("a").unwrap()], platform: Platform::default() };
//! let plan = plan(&ir, &Pins::default(), &request).unwrap();
//! let names: Vec<&str> = plan.nodes.iter().map(|node| node.element.as_str()).collect();
//! assert_eq!(names, ["b", "a"]);
//! ```

mod key;
mod order;

pub use key::SCHEME;
pub use order::needed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kiln_digest::Key;
use kiln_ir::{Element, ElementName, Fingerprint, Ir, Pins, Place};

use crate::order::Needing;

/// What is asked of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub targets: Vec<ElementName>,
    /// What the phases run on.
    pub platform: Platform,
}

/// A build platform in the words of the remote-apis platform lexicon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub os_family: String,
    pub isa: String,
}

impl Default for Platform {
    fn default() -> Self {
        Self { os_family: "linux".to_owned(), isa: "x86-64".to_owned() }
    }
}

/// Index of a node in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub usize);

/// The elements that the targets need, each with its key, dependencies first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    pub nodes: Vec<Node>,
    pub targets: Vec<NodeIx>,
    /// The machine that impure nodes are of.
    pub host: Option<Fingerprint>,
}

/// An element with its identity and the places of its dependencies in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub element: ElementName,
    pub key: Key,
    /// Whether this machine is in the key: as its base, or as that of anything it is made of. Never shared.
    pub impure: bool,
    pub base: Option<NodeIx>,
    pub build_deps: Vec<NodeIx>,
    pub deps: Vec<NodeIx>,
    pub run_deps: Vec<NodeIx>,
    pub stage_at: BTreeMap<String, Vec<NodeIx>>,
    /// What the element is composed or filtered of.
    pub of: Vec<NodeIx>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("there is no element `{name}`")]
    UnknownTarget { name: ElementName, known: Vec<ElementName> },
    #[error("`{element}` needs `{dependency}`, which is no element")]
    UnknownDependency { element: ElementName, dependency: ElementName, place: Option<Place> },
    /// Each element needs the next, the last needs the first.
    #[error("`{}` needs itself: {}", path[0].0, in_words(path))]
    Cycle { path: Vec<(ElementName, Option<Place>)> },
    /// Only a base is mounted; of a tree there is none.
    #[error("`{element}` has `{host}`, which is this machine, in `{list}`")]
    HostInList { element: ElementName, host: ElementName, list: String, place: Option<Place> },
    #[error("`{element}` has no pin of `{what}`")]
    MissingPin { element: ElementName, what: String, place: Option<Place> },
}

fn in_words(path: &[(ElementName, Option<Place>)]) -> String {
    let names = path.iter().chain(path.first()).map(|(name, _)| name.as_str());
    names.collect::<Vec<_>>().join(" -> ")
}

/// Plans the targets and all they need.
///
/// # Errors
/// When a name is unknown, elements need each other in a circle, or a pin is missing.
pub fn plan(ir: &Ir, pins: &Pins, request: &Request) -> Result<Plan, PlanError> {
    let order::Ordered { elements, targets } = order::order(ir, &request.targets)?;
    refuse_host(&elements)?;
    let mut nodes: Vec<Node> = Vec::with_capacity(elements.len());
    for Needing { element, needs } in elements {
        let mut node = node(element, &needs);
        node.impure = element.is_host() || needs.iter().any(|ix| nodes[ix.0].impure);
        node.key = key::key(element, &node, &nodes, pins, &request.platform)?;
        nodes.push(node);
    }
    Ok(Plan { nodes, targets, host: pins.host })
}

/// Refuses the machine itself where a tree is needed: anywhere but as a base.
fn refuse_host(elements: &[Needing<'_>]) -> Result<(), PlanError> {
    let is_host = |ix: &NodeIx| elements[ix.0].element.is_host();
    if !elements.iter().any(|needing| needing.element.is_host()) {
        return Ok(());
    }
    for Needing { element, needs } in elements {
        let Node { build_deps, deps, run_deps, stage_at, of, .. } = node(element, needs);
        let lists = [("build-deps", build_deps), ("deps", deps), ("run-deps", run_deps)];
        let lists = lists.into_iter().chain(stage_at.into_values().map(|of| ("stage-at", of)));
        for (list, nodes) in lists.chain([("of", of)]) {
            if let Some(host) = nodes.iter().find(|ix| is_host(ix)) {
                let host = elements[host.0].element.name.clone();
                let (element, place) = (element.name.clone(), element.advice.origin.clone());
                return Err(PlanError::HostInList { element, host, list: list.to_owned(), place });
            }
        }
    }
    Ok(())
}

/// Lays the places of what an element needs, which are in the order of its lists, back into lists.
fn node(element: &Element, needs: &[NodeIx]) -> Node {
    let mut rest = needs;
    let mut next = |n_names: usize| {
        let (list, after) = rest.split_at(n_names);
        rest = after;
        list.to_vec()
    };
    let base = next(usize::from(element.base.is_some()));
    let (build_deps, deps) = (next(element.build_deps.len()), next(element.deps.len()));
    let run_deps = next(element.run_deps.len());
    let stage_at = element.stage_at.iter().map(|(at, of)| (at.clone(), next(of.len()))).collect();
    let n_parts = element.steps.iter().map(|step| order::parts_of(step).len()).sum();
    Node {
        element: element.name.clone(),
        key: Key([0; 32]),
        impure: false,
        base: base.first().copied(),
        build_deps,
        deps,
        run_deps,
        stage_at,
        of: next(n_parts),
    }
}

impl Plan {
    /// Returns a node.
    ///
    /// # Panics
    /// When the index is of another plan.
    pub fn node(&self, ix: NodeIx) -> &Node {
        &self.nodes[ix.0]
    }

    /// Returns the closures of nodes in order: what is staged where they are staged, dependencies first, each node
    /// at its first place (`docs/spec/identity.md`, roots).
    pub fn closure(&self, of: &[NodeIx]) -> Vec<NodeIx> {
        let mut seen = BTreeSet::new();
        let mut closure = Vec::new();
        for first in of {
            let mut path = vec![(*first, false)];
            while let Some((ix, done)) = path.pop() {
                if done {
                    closure.push(ix);
                    continue;
                }
                if !seen.insert(ix) {
                    continue;
                }
                path.push((ix, true));
                let node = self.node(ix);
                let staged_with = node.deps.iter().chain(&node.run_deps).rev();
                path.extend(staged_with.map(|ix| (*ix, false)));
            }
        }
        closure
    }

    /// Returns what is staged while a node is built, above its base.
    pub fn staged(&self, ix: NodeIx) -> Vec<NodeIx> {
        let node = self.node(ix);
        let direct: Vec<NodeIx> = node.build_deps.iter().chain(&node.deps).copied().collect();
        self.closure(&direct)
    }
}

impl fmt::Display for Plan {
    /// Writes the stable text form: one line a node.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ix, node) in self.nodes.iter().enumerate() {
            let mark = if self.targets.contains(&NodeIx(ix)) { '*' } else { ' ' };
            writeln!(f, "{mark} {} {}", node.key, node.element)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
