//! Order of jobs and the slots they run in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use kiln_event::Event;
use kiln_graph::{JobIx, Task};
use kiln_ir::ElementName;
use kiln_plan::NodeIx;
use kiln_tree::Tree;

use crate::element::{Ended, Maker};
use crate::{ExecError, Ports, Report, Settings, Work};

/// Output trees of nodes, loaded when first wanted.
pub(crate) type Trees = Mutex<BTreeMap<NodeIx, Tree>>;

/// One execution of one graph.
pub(crate) struct Schedule<'a> {
    work: Work<'a>,
    ports: Ports<'a>,
    settings: &'a Settings<'a>,
    /// For each job the jobs that wait for it.
    dependents: Vec<Vec<JobIx>>,
    state: Mutex<State>,
    changed: Condvar,
    trees: Trees,
}

#[derive(Default)]
struct State {
    ready: BTreeSet<JobIx>,
    /// How many jobs each job still waits for.
    open_needs: Vec<usize>,
    running: usize,
    report: Report,
    skipped: BTreeSet<JobIx>,
    /// The first failure that is no script's.
    error: Option<ExecError>,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(work: Work<'a>, ports: Ports<'a>, settings: &'a Settings<'a>) -> Self {
        let jobs = &work.graph.jobs;
        let mut dependents = vec![Vec::new(); jobs.len()];
        let mut state = State::default();
        for (ix, job) in jobs.iter().enumerate() {
            state.open_needs.push(job.needs.len());
            if job.needs.is_empty() {
                state.ready.insert(JobIx(ix));
            }
            for need in &job.needs {
                dependents[need.0].push(JobIx(ix));
            }
        }
        let (changed, trees) = (Condvar::new(), Mutex::default());
        Self { work, ports, settings, dependents, state: Mutex::new(state), changed, trees }
    }

    pub(crate) fn run(self) -> Result<Report, ExecError> {
        let slots = self.settings.slots.clamp(1, self.work.graph.to_build().max(1));
        if slots == 1 {
            self.serve();
        } else {
            std::thread::scope(|scope| {
                for _slot in 0..slots {
                    scope.spawn(|| self.serve());
                }
            });
        }
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = state.report;
        report.cancelled = self.settings.cancel.is_set();
        report.failed.sort();
        report.skipped.sort();
        match state.error {
            Some(error) => Err(error),
            None => Ok(report),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes jobs and runs them until nothing more can be started.
    fn serve(&self) {
        let maker = Maker {
            work: self.work,
            ports: self.ports,
            settings: self.settings,
            trees: &self.trees,
        };
        while let Some(job_ix) = self.take() {
            let job = &self.work.graph.jobs[job_ix.0];
            let ended = match job.task {
                Task::Reuse => Ok(Ended::Reused),
                Task::Build => maker.make(job.node),
            };
            self.end(job_ix, ended);
        }
        self.changed.notify_all();
    }

    /// Waits for a job to be ready; nothing when the run is over or stops.
    fn take(&self) -> Option<JobIx> {
        let mut state = self.lock();
        loop {
            let broken = state.error.is_some() || self.settings.cancel.is_set();
            let gave_up = !self.settings.keep_going && !state.report.failed.is_empty();
            if broken || gave_up {
                return None;
            }
            if let Some(job_ix) = state.ready.pop_first() {
                state.running += 1;
                return Some(job_ix);
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, job_ix: JobIx, ended: Result<Ended, ExecError>) {
        let mut state = self.lock();
        state.running -= 1;
        let mut done = true;
        match ended {
            Ok(Ended::Reused | Ended::CutOff) => state.report.cached += 1,
            Ok(Ended::Made { launched }) => {
                state.report.built += 1;
                state.report.launched += usize::from(launched);
            }
            Ok(Ended::Failed { launched }) => {
                done = false;
                state.report.launched += usize::from(launched);
                state.report.failed.push(self.name(job_ix));
                self.skip_dependents(&mut state, job_ix);
            }
            Ok(Ended::Cancelled { launched }) => {
                done = false;
                state.report.launched += usize::from(launched);
            }
            Err(error) => {
                done = false;
                state.error.get_or_insert(error);
            }
        }
        if done {
            for dependent in &self.dependents[job_ix.0] {
                state.open_needs[dependent.0] -= 1;
                if state.open_needs[dependent.0] == 0 {
                    state.ready.insert(*dependent);
                }
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn skip_dependents(&self, state: &mut State, failed: JobIx) {
        let because = self.name(failed);
        let mut waiting = self.dependents[failed.0].clone();
        while let Some(job_ix) = waiting.pop() {
            if !state.skipped.insert(job_ix) {
                continue;
            }
            let element = self.name(job_ix);
            state.report.skipped.push(element.clone());
            self.ports.sink.emit(Event::ElementSkipped { element, because: because.clone() });
            waiting.extend(&self.dependents[job_ix.0]);
        }
    }

    fn name(&self, job_ix: JobIx) -> ElementName {
        self.work.plan.node(self.work.graph.jobs[job_ix.0].node).element.clone()
    }
}
