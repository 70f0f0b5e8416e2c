//! The slots that jobs run in: some for processors, some for downloads.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use kiln_action::CancelFlag;
use kiln_event::Event;
use kiln_graph::{Job, JobIx, Task};
use kiln_ir::ElementName;

use crate::element::{Ended, Maker};
use crate::memory::{Memory, Waits, held};
use crate::order::{Dependents, Place, fetches, ranks};
use crate::{ExecError, Ports, Report, Settings, Work};

/// One execution of one graph.
pub(crate) struct Schedule<'a> {
    work: Work<'a>,
    ports: Ports<'a>,
    settings: &'a Settings<'a>,
    ranks: Vec<u64>,
    dependents: Dependents,
    state: Mutex<State>,
    changed: Condvar,
    memory: Memory,
    /// Set to end what runs.
    cancel: CancelFlag,
}

impl Waits for Schedule<'_> {
    fn begin(&self) {
        self.lock().waiting += 1;
        self.changed.notify_all();
    }

    /// What then runs beside the slots shares the tokens of the runner with them.
    fn end(&self) {
        self.lock().waiting -= 1;
    }
}

#[derive(Default)]
struct State {
    /// Jobs that a processor may take.
    ready: BTreeSet<Place>,
    /// Jobs whose sources nobody fetches yet.
    to_fetch: BTreeSet<Place>,
    /// How far the sources of jobs are that have to be fetched.
    fetches: BTreeMap<JobIx, Fetch>,
    /// How many jobs each job still waits for.
    open_needs: Vec<u32>,
    building: usize,
    /// How many processors they were told to use, all together.
    told: usize,
    /// How many of those that build only wait for what another one makes.
    waiting: usize,
    fetching: usize,
    report: Report,
    skipped: BTreeSet<JobIx>,
    /// The first failure that is no script's.
    error: Option<ExecError>,
    /// Whether nothing more is started.
    is_over: bool,
}

/// How far the sources of a job are.
enum Fetch {
    Open,
    Done,
    Failed(ExecError),
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(
        work: Work<'a>,
        ports: Ports<'a>,
        settings: &'a Settings<'a>,
    ) -> Result<Self, ExecError> {
        let ranks = ranks(work, ports, settings)?;
        let dependents = Dependents::of(work.graph);
        let (state, changed) = (Mutex::default(), Condvar::new());
        let (memory, cancel) = (Memory::default(), settings.cancel.below());
        let schedule =
            Self { work, ports, settings, ranks, dependents, state, changed, memory, cancel };
        schedule.begin();
        Ok(schedule)
    }

    /// Queues what can start; what exists is done at once.
    fn begin(&self) {
        let mut state = self.lock();
        let jobs = &self.work.graph.jobs;
        let count = |job: &Job| u32::try_from(job.needs.len()).unwrap_or(u32::MAX);
        state.open_needs = jobs.iter().map(count).collect();
        let builds = |job: &Job| {
            let element = || self.work.ir.element(&self.work.plan.node(job.node).element);
            job.task == Task::Build && element().is_some_and(fetches)
        };
        for (ix, _) in jobs.iter().enumerate().filter(|(_, job)| builds(job)) {
            state.to_fetch.insert(self.place(JobIx(ix)));
            state.fetches.insert(JobIx(ix), Fetch::Open);
        }
        for (ix, _) in jobs.iter().enumerate().filter(|(_, job)| job.needs.is_empty()) {
            self.free(&mut state, JobIx(ix));
        }
    }

    pub(crate) fn run(self) -> Result<Report, ExecError> {
        let n_fetchers = self.settings.fetchers.clamp(1, 64).min(self.lock().to_fetch.len());
        let slots = self.settings.slots.clamp(1, self.work.graph.to_build().max(1));
        std::thread::scope(|scope| {
            for _fetcher in 0..n_fetchers {
                scope.spawn(|| self.fetch());
            }
            for _thread in 1..slots + self.spare(slots) {
                scope.spawn(|| self.serve());
            }
            self.serve();
        });
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = std::mem::take(&mut state.report);
        report.launched = self.memory.launched();
        report.cancelled = self.settings.cancel.is_set();
        report.failed.sort();
        report.skipped.sort();
        match state.error {
            Some(error) => Err(error),
            None => Ok(report),
        }
    }

    /// Returns how many threads there are beside those of the slots: while some wait for an integration or for another
    /// kiln, others build.
    fn spare(&self, slots: usize) -> usize {
        slots.min(self.work.graph.to_build().saturating_sub(slots))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        held(&self.state)
    }

    fn place(&self, job_ix: JobIx) -> Place {
        (Reverse(self.ranks[job_ix.0]), job_ix)
    }

    fn maker(&self, jobs: usize) -> Maker<'_> {
        Maker {
            work: self.work,
            ports: self.ports,
            settings: self.settings,
            memory: &self.memory,
            waits: self,
            cancel: self.cancel.clone(),
            jobs,
        }
    }

    /// Takes jobs and builds them until nothing more can be started.
    fn serve(&self) {
        while let Some((job_ix, failed, share)) = self.take() {
            let ended = match failed {
                Some(error) => Err(error),
                None => self.maker(share).make(self.work.graph.jobs[job_ix.0].node),
            };
            self.lock().told -= share;
            self.end(job_ix, ended);
        }
        self.changed.notify_all();
    }

    /// Waits for a job to be ready; nothing when the run is over or stops. A job whose sources could not be had comes
    /// with the error; all come with their share of the processors.
    fn take(&self) -> Option<(JobIx, Option<ExecError>, usize)> {
        let mut state = self.lock();
        loop {
            if self.is_over(&state) {
                return None;
            }
            let n_actions = state.building + state.ready.len();
            let slots = self.settings.slots.max(1);
            let has_slot = state.building - state.waiting < slots;
            if has_slot && let Some((_, job_ix)) = state.ready.pop_first() {
                state.building += 1;
                let share = share(slots, n_actions, state.building, state.told);
                state.told += share;
                let failed = match state.fetches.remove(&job_ix) {
                    Some(Fetch::Failed(error)) => Some(error),
                    Some(Fetch::Open | Fetch::Done) | None => None,
                };
                return Some((job_ix, failed, share));
            }
            if state.building + state.fetching + state.to_fetch.len() == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_over(&self, state: &State) -> bool {
        let gave_up = !self.settings.keep_going && !state.report.failed.is_empty();
        state.is_over || gave_up || self.cancel.is_set()
    }

    /// Fetches what jobs start from, ahead of them.
    fn fetch(&self) {
        loop {
            let mut state = self.lock();
            let next = if self.is_over(&state) { None } else { state.to_fetch.pop_first() };
            let Some((_, job_ix)) = next else {
                break;
            };
            state.fetching += 1;
            drop(state);
            let node = self.work.graph.jobs[job_ix.0].node;
            let fetched = self.maker(1).fetch(node);
            let mut state = self.lock();
            state.fetching -= 1;
            let is_next = state.open_needs[job_ix.0] == 0;
            let fetch = match fetched {
                Ok(given) => {
                    self.memory.give(node, given, is_next);
                    Fetch::Done
                }
                Err(error) => Fetch::Failed(error),
            };
            state.fetches.insert(job_ix, fetch);
            if is_next {
                state.ready.insert(self.place(job_ix));
            }
            drop(state);
            self.changed.notify_all();
        }
        self.changed.notify_all();
    }

    fn end(&self, job_ix: JobIx, ended: Result<Ended, ExecError>) {
        let mut state = self.lock();
        state.building -= 1;
        match ended {
            Ok(Ended::CutOff) => {
                state.report.cached += 1;
                self.done(&mut state, job_ix);
            }
            Ok(Ended::Made) => {
                state.report.built += 1;
                self.done(&mut state, job_ix);
            }
            Ok(Ended::Failed) => {
                state.report.failed.push(self.name(job_ix));
                self.skip_dependents(&mut state, job_ix);
                if self.settings.fail_fast {
                    self.cancel.set();
                }
            }
            Ok(Ended::Cancelled) => {
                if let Some(because) = state.report.failed.first().cloned() {
                    self.skip(&mut state, job_ix, &because);
                }
            }
            // Who stopped the run stopped what was fetched.
            Err(ExecError::Supply { .. }) if self.cancel.is_set() => {}
            Err(error) => {
                // What one element starts from is its own matter, anything else is everybody's.
                let goes_on = self.settings.keep_going && matches!(error, ExecError::Supply { .. });
                if goes_on {
                    self.skip_dependents(&mut state, job_ix);
                }
                state.is_over |= !goes_on;
                state.error.get_or_insert(error);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Frees what waited for a job.
    fn done(&self, state: &mut State, job_ix: JobIx) {
        for dependent in self.dependents.get(job_ix) {
            state.open_needs[dependent.0] -= 1;
            if state.open_needs[dependent.0] == 0 {
                self.free(state, *dependent);
            }
        }
    }

    /// Queues a job that waits for no other; one that exists is done, with those that waited for it alone.
    fn free(&self, state: &mut State, job_ix: JobIx) {
        let mut free = vec![job_ix];
        while let Some(job_ix) = free.pop() {
            let place = self.place(job_ix);
            let is_fetched = !matches!(state.fetches.get(&job_ix), Some(Fetch::Open));
            match self.work.graph.jobs[job_ix.0].task {
                Task::Build if is_fetched => drop(state.ready.insert(place)),
                Task::Build => {}
                Task::Reuse => {
                    state.report.cached += 1;
                    for dependent in self.dependents.get(job_ix) {
                        state.open_needs[dependent.0] -= 1;
                        if state.open_needs[dependent.0] == 0 {
                            free.push(*dependent);
                        }
                    }
                }
            }
        }
    }

    fn skip_dependents(&self, state: &mut State, failed: JobIx) {
        let because = self.name(failed);
        let mut waiting = self.dependents.get(failed).to_vec();
        while let Some(job_ix) = waiting.pop() {
            if self.skip(state, job_ix, &because) {
                waiting.extend(self.dependents.get(job_ix));
            }
        }
    }

    /// Gives a job up; returns whether that is new.
    fn skip(&self, state: &mut State, job_ix: JobIx, because: &ElementName) -> bool {
        if !state.skipped.insert(job_ix) {
            return false;
        }
        state.to_fetch.remove(&self.place(job_ix));
        let (element, because) = (self.name(job_ix), because.clone());
        state.report.skipped.push(element.clone());
        self.ports.sink.emit(Event::ElementSkipped { element, because });
        true
    }

    fn name(&self, job_ix: JobIx) -> ElementName {
        self.work.plan.node(self.work.graph.jobs[job_ix.0].node).element.clone()
    }
}

/// Returns how many processors the next of some actions is told to use, which can run at the same time; so many build
/// already, the one that starts included, and were told a number.
///
/// Who makes without tokens keeps to the number to the end, when it may be alone. So all together are told twice what
/// there is: the first, which have the longest way behind them, as much as there is, the others at least their share.
fn share(slots: usize, n_actions: usize, building: usize, told: usize) -> usize {
    let n_at_once = n_actions.clamp(1, slots);
    let fair = (slots / n_at_once).max(1);
    let to_come = n_at_once.saturating_sub(building) * fair;
    (2 * slots).saturating_sub(told + to_come).clamp(fair, slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what actions are told that start one after the other while all run.
    #[track_caller]
    fn check(slots: usize, n_actions: usize, expected: &[usize]) {
        let mut told = Vec::new();
        for building in 1..=n_actions.min(slots) {
            told.push(share(slots, n_actions, building, told.iter().sum()));
        }
        assert_eq!(told, expected);
        assert!(told.iter().sum::<usize>() <= 2 * slots);
    }

    #[test]
    fn all_together_are_told_twice_what_there_is_and_the_first_the_most() {
        check(1, 1, &[1]);
        check(1, 5, &[1]);
        check(2, 1, &[2]);
        check(2, 2, &[2, 2]);
        check(4, 2, &[4, 4]);
        check(4, 3, &[4, 3, 1]);
        check(6, 2, &[6, 6]);
        check(8, 9, &[8, 2, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn who_comes_late_has_his_share() {
        assert_eq!(share(4, 2, 2, 8), 2);
        assert_eq!(share(4, 1, 1, 0), 4);
        // More build than there are slots, as some wait for others.
        assert_eq!(share(2, 6, 5, 9), 1);
    }
}
