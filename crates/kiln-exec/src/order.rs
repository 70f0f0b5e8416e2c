//! Which job goes first: the one with the longest way to a target behind it.

use std::cmp::Reverse;

use kiln_graph::{BuildGraph, JobIx, Task};
use kiln_ir::{Element, Source, Step};

use crate::element::runs;
use crate::{ExecError, Ports, Settings, Work};

/// What an element takes whose steps are functions on trees, in microseconds.
const FUNCTION: u64 = 1_000;
/// What an element takes that nobody has built yet, where nothing else is known.
const UNKNOWN: u64 = 1_000_000;

/// The place of a job in a queue: the longest way first, then the order of the plan.
pub(crate) type Place = (Reverse<u64>, JobIx);

/// For each job those that wait for it, in one list.
pub(crate) struct Dependents {
    starts: Vec<usize>,
    jobs: Vec<JobIx>,
}

impl Dependents {
    pub(crate) fn of(graph: &BuildGraph) -> Self {
        let mut starts = vec![0; graph.jobs.len() + 1];
        for need in graph.jobs.iter().flat_map(|job| &job.needs) {
            starts[need.0 + 1] += 1;
        }
        for ix in 1..starts.len() {
            starts[ix] += starts[ix - 1];
        }
        let mut next = starts.clone();
        let mut jobs = vec![JobIx(0); *starts.last().unwrap_or(&0)];
        for (ix, job) in graph.jobs.iter().enumerate() {
            for need in &job.needs {
                jobs[next[need.0]] = JobIx(ix);
                next[need.0] += 1;
            }
        }
        Self { starts, jobs }
    }

    pub(crate) fn get(&self, job: JobIx) -> &[JobIx] {
        &self.jobs[self.starts[job.0]..self.starts[job.0 + 1]]
    }
}

/// Returns for each job how long the longest way from its start to the end of a target takes.
pub(crate) fn ranks(
    work: Work<'_>,
    ports: Ports<'_>,
    settings: &Settings<'_>,
) -> Result<Vec<u64>, ExecError> {
    let mut ranks = costs(work, ports, settings)?;
    // What a job needs has a lower index.
    let mut behind = vec![0; ranks.len()];
    for (ix, job) in work.graph.jobs.iter().enumerate().rev() {
        ranks[ix] += behind[ix];
        for need in &job.needs {
            behind[need.0] = behind[need.0].max(ranks[ix]);
        }
    }
    Ok(ranks)
}

/// Returns how long each job is likely to take.
fn costs(work: Work<'_>, ports: Ports<'_>, settings: &Settings<'_>) -> Result<Vec<u64>, ExecError> {
    let jobs = &work.graph.jobs;
    let building = jobs.iter().enumerate().filter(|(_, job)| job.task == Task::Build);
    let running = building.filter_map(|(ix, job)| {
        let element = work.ir.element(&work.plan.node(job.node).element)?;
        runs(element).then_some((ix, element.name.as_str()))
    });
    let running: Vec<(usize, &str)> = running.collect();
    let task = |task| if task == Task::Build { FUNCTION } else { 0 };
    let mut costs: Vec<u64> = jobs.iter().map(|job| task(job.task)).collect();
    // The order says who starts first and who is told to use the most processors.
    if running.len() <= 1 {
        return Ok(costs);
    }
    let names: Vec<&str> = running.iter().map(|(_, name)| *name).collect();
    let known = ports.index.durations(settings.project, &names)?;
    let mut sorted: Vec<u64> = known.values().copied().collect();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(UNKNOWN);
    for (ix, name) in running {
        costs[ix] = known.get(name).copied().unwrap_or(usual).max(1);
    }
    Ok(costs)
}

/// Returns whether an element starts from something that may have to be downloaded.
pub(crate) fn fetches(element: &Element) -> bool {
    element.sources.iter().any(|placed| is_remote(&placed.source))
        || element.steps.iter().any(|step| matches!(step, Step::Base(base) if base.is_locked()))
}

pub(crate) fn is_remote(source: &Source) -> bool {
    !matches!(source, Source::Local { .. })
}
