//! Plan minus what exists: the jobs and what each of them waits for.
//!
//! # Purpose
//! [`prune()`] leaves out what no target needs any more: below an artifact that exists nothing is built, and it is
//! only made ready where something above it is built.
//!
//! # Never
//! Runs a job; asks a store.
//!
//! # Example
//! ```
//! use std::collections::BTreeSet;
//! let graph = kiln_graph::prune(&kiln_plan::Plan::default(), &BTreeSet::new());
//! assert!(graph.jobs.is_empty());
//! ```

use std::collections::BTreeSet;
use std::fmt;

use kiln_digest::Key;
use kiln_plan::{NodeIx, Plan};

/// What is to be done, dependencies first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BuildGraph {
    pub jobs: Vec<Job>,
}

/// One node of the plan that this run touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub node: NodeIx,
    pub key: Key,
    pub task: Task,
    /// Jobs that end before this one starts. A job waits for the run-time dependencies of its element too, so that
    /// the end of a job means that its whole closure is there.
    pub needs: Vec<JobIx>,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// The artifact exists under this key.
    Reuse,
    /// It does not: fetch what it starts from, then build it, unless its action is known.
    Build,
}

/// Index of a job in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobIx(pub usize);

/// Takes from a plan what exists: `have` holds the keys of all artifacts that are in the store.
pub fn prune(plan: &Plan, have: &BTreeSet<Key>) -> BuildGraph {
    let exists = |ix: NodeIx| have.contains(&plan.node(ix).key);
    let opened = plan.targets.iter().copied().filter(|target| !exists(*target));
    jobs(plan, exists, plan.targets.clone(), opened.collect())
}

/// Takes from a plan what exists and the targets themselves: the jobs that bring all that the targets are built of.
pub fn prune_below(plan: &Plan, have: &BTreeSet<Key>) -> BuildGraph {
    let exists = |ix: NodeIx| have.contains(&plan.node(ix).key);
    let needed: Vec<NodeIx> =
        plan.targets.iter().flat_map(|target| needs(plan, *target, false)).collect();
    jobs(plan, exists, needed.clone(), needed)
}

/// Returns the jobs of some nodes: themselves, and all that those need that are opened.
fn jobs(
    plan: &Plan,
    exists: impl Fn(NodeIx) -> bool,
    touched: Vec<NodeIx>,
    mut waiting: Vec<NodeIx>,
) -> BuildGraph {
    const UNTOUCHED: usize = usize::MAX;
    let mut job_of = vec![UNTOUCHED; plan.nodes.len()];
    let mut opened = vec![false; plan.nodes.len()];
    for ix in touched {
        job_of[ix.0] = 0;
    }
    while let Some(ix) = waiting.pop() {
        job_of[ix.0] = 0;
        if !std::mem::replace(&mut opened[ix.0], true) {
            waiting.extend(needs(plan, ix, exists(ix)));
        }
    }
    let touched = job_of.iter_mut().filter(|job| **job != UNTOUCHED);
    touched.enumerate().for_each(|(job_ix, job)| *job = job_ix);
    let job = |node: NodeIx| {
        let needed = if opened[node.0] { needs(plan, node, exists(node)) } else { Vec::new() };
        Job {
            node,
            key: plan.node(node).key,
            task: if exists(node) { Task::Reuse } else { Task::Build },
            needs: needed.iter().map(|needed| JobIx(job_of[needed.0])).collect(),
        }
    };
    let touched = (0..job_of.len()).filter(|ix| job_of[*ix] != UNTOUCHED).map(NodeIx);
    BuildGraph { jobs: touched.map(job).collect() }
}

/// Returns the nodes that must be there before this one is staged or built.
fn needs(plan: &Plan, ix: NodeIx, exists: bool) -> Vec<NodeIx> {
    let node = plan.node(ix);
    let mut needs: Vec<NodeIx> = node.deps.iter().chain(&node.run_deps).copied().collect();
    if !exists {
        needs.extend(node.base);
        needs.extend(&node.build_deps);
        needs.extend(node.stage_at.values().flatten());
        needs.extend(&node.of);
    }
    needs.sort_unstable();
    needs.dedup();
    needs
}

impl BuildGraph {
    /// Returns how many jobs build.
    pub fn to_build(&self) -> usize {
        self.jobs.iter().filter(|job| job.task == Task::Build).count()
    }
}

impl fmt::Display for BuildGraph {
    /// Writes the stable text form: one line a job, with the lines it waits for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ix, job) in self.jobs.iter().enumerate() {
            let task = match job.task {
                Task::Reuse => "reuse",
                Task::Build => "build",
            };
            write!(f, "{ix} {task} {}", job.key.short())?;
            for need in &job.needs {
                write!(f, " <{}", need.0)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kiln_ir::{ElementName, Ir, Pins};
    use kiln_plan::{Platform, Request};

    use super::*;

    /// Prunes a project of elements `name:deps/run-deps`; words of `have` exist.
    #[track_caller]
    fn check(elements: &[(&str, &[&str], &[&str])], have: &[&str], expected: &str) {
        let quoted = |names: &[&str]| format!("{names:?}");
        let elements: Vec<String> = elements
            .iter()
            .map(|(name, deps, build)| {
                let (deps, build) = (quoted(deps), quoted(build));
                let env = format!(r#""env": {{ "N": "{name}" }}"#);
                format!(r#"{{ "name": "{name}", {env}, "deps": {deps}, "build-deps": {build} }}"#)
            })
            .collect();
        let text =
            format!(r#"{{ "version": 1, "project": "p", "elements": [{}] }}"#, elements.join(","));
        let ir = Ir::from_json(&text).unwrap();
        let targets = vec![ElementName::parse("a").unwrap()];
        let request = Request { targets, platform: Platform::default() };
        let plan = kiln_plan::plan(&ir, &Pins::default(), &request).unwrap();
        let have = plan.nodes.iter().filter(|n| have.contains(&n.element.as_str())).map(|n| n.key);
        let graph = prune(&plan, &have.collect());
        let words: Vec<String> = graph
            .jobs
            .iter()
            .map(|job| format!("{}{:?}", plan.node(job.node).element, job.task))
            .collect();
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn what_exists_hides_what_is_below_it() {
        let chain: &[(&str, &[&str], &[&str])] =
            &[("a", &["b"], &[]), ("b", &[], &["c"]), ("c", &[], &[])];
        check(chain, &[], "cBuild bBuild aBuild");
        check(chain, &["a"], "aReuse");
        check(chain, &["b"], "bReuse aBuild");
        check(chain, &["c"], "cReuse bBuild aBuild");
    }

    #[test]
    fn below_a_target_is_what_it_is_built_of() {
        let text = r#"{ "version": 1, "project": "p", "elements": [
            { "name": "a", "deps": ["b"], "build-deps": ["d"] },
            { "name": "b", "build-deps": ["c"] }, { "name": "c" }, { "name": "d", "deps": ["c"] } ] }"#;
        let ir = Ir::from_json(text).unwrap();
        let targets = vec![ElementName::parse("a").unwrap()];
        let request = Request { targets, platform: Platform::default() };
        let plan = kiln_plan::plan(&ir, &Pins::default(), &request).unwrap();
        let named = |name: &str| plan.nodes.iter().find(|node| node.element.as_str() == name);
        let check = |have: &[&str], expected: &[&str]| {
            let graph =
                prune_below(&plan, &have.iter().map(|name| named(name).unwrap().key).collect());
            let words: Vec<String> = graph
                .jobs
                .iter()
                .map(|job| format!("{}{:?}", plan.node(job.node).element, job.task))
                .collect();
            assert_eq!(words, expected);
        };
        check(&[], &["cBuild", "dBuild", "bBuild"]);
        check(&["a", "b", "d"], &["cBuild", "dReuse", "bReuse"]);
        check(&["b", "c"], &["cReuse", "dBuild", "bReuse"]);
    }

    #[test]
    fn the_closure_of_what_is_staged_must_be_there() {
        let elements: &[(&str, &[&str], &[&str])] =
            &[("a", &["b"], &[]), ("b", &["c"], &[]), ("c", &[], &[])];
        check(elements, &["b"], "cBuild bReuse aBuild");
        check(elements, &["b", "c"], "cReuse bReuse aBuild");
    }
}
