//! `kiln build`: plan, prune, execute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kiln_action::CancelFlag;
use kiln_artifact::Index as _;
use kiln_digest::Key;
use kiln_event::{Event, Sink};
use kiln_exec::{ExecError, Ports, Report, Settings, Work};
use kiln_graph::{BuildGraph, prune, prune_below};
use kiln_local::LocalRunner;
use kiln_plan::{NodeIx, Plan};
use kiln_sandbox::Launcher;

use crate::again::without_build_tree;
use crate::denied::refuse_warnings;
use crate::loaded::Planned;
use crate::outline::{Earlier, Outline};
use crate::run::Run;
use crate::show::have;
use crate::store::Store;
use crate::supply::Supplier;
use crate::{DriverError, Problem, Session, bundle, impure, machines};

/// How often lost content is made anew in one run.
const MAX_REWINDS: usize = 3;
/// How many sources are fetched at a time where nobody says otherwise.
const FETCHERS: usize = 4;

/// What came of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Elements that were asked for, by name, with their keys.
    pub targets: BTreeMap<String, Key>,
    pub report: Report,
}

impl Built {
    /// Returns the exit status of the program.
    pub fn exit_status(&self) -> u8 {
        match (self.report.cancelled, self.report.failed.is_empty()) {
            (true, _) => 130,
            (false, true) => 0,
            (false, false) => 1,
        }
    }
}

/// Builds elements, all of the project when none is named.
///
/// # Errors
/// When the project has mistakes, or the machine, the network or the store failed. A failed script is no error: see
/// [`Built::exit_status`].
pub fn build(
    session: &Session,
    targets: &[String],
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Built, Problem> {
    let earlier = Earlier::of(session, targets)?;
    let outline = earlier.outline(session, targets).filter(|_| may_be_idle(session));
    let planned = match &outline {
        Some(_) => None,
        None => Some(Planned::load_after(session, targets, &earlier)?),
    };
    let store = Store::open(session)?;
    if let Some(outline) = outline
        && let Some(built) = idle(session, &outline, &store, shown)?
    {
        return Ok(built);
    }
    let planned = match planned {
        Some(planned) => planned,
        None => Planned::load_after(session, targets, &earlier)?,
    };
    bundle::take(session, &store)?;
    let run = start(session, &store, shown)?;
    let work = || {
        refuse_warnings(session, &planned, &store)?;
        let again = without_build_tree(session, &planned, &store, targets)?;
        execute(session, &planned, &store, &run, cancel, &again, Reach::Targets)
    };
    let report = match work() {
        Ok(report) => report,
        Err(problem) => {
            let ended = Report { cancelled: cancel.is_set(), ..Report::default() };
            run.emit(end(&ended, false, run.micros()));
            let of = |ix: &NodeIx| planned.plan.node(*ix).element.clone();
            let names: Vec<_> = planned.plan.targets.iter().map(of).collect();
            return Err(bundle::lacking(session, &planned.loaded, &names, &store, problem));
        }
    };
    run.emit(end(&report, report.failed.is_empty() && !report.cancelled, run.micros()));
    Ok(Built { targets: named(&planned.plan), report })
}

/// Returns the elements that were asked for, by name, with their keys.
fn named(plan: &Plan) -> BTreeMap<String, Key> {
    let nodes = plan.targets.iter().map(|ix| plan.node(*ix));
    nodes.map(|node| (node.element.to_string(), node.key)).collect()
}

/// Starts the record of a build, and tells what had to be put right in the store.
fn start<'a>(session: &Session, store: &Store, shown: &'a dyn Sink) -> Result<Run<'a>, Problem> {
    let run = Run::start(session, shown)?;
    for warning in store.index.take_warnings() {
        let code = miette::Diagnostic::code(&warning).map(|code| code.to_string());
        run.emit(Event::Warning { code: code.unwrap_or_default(), message: warning.to_string() });
    }
    Ok(run)
}

/// Returns whether nothing is asked for besides that the targets are there.
fn may_be_idle(session: &Session) -> bool {
    session.choices.bundle.is_none() && session.choices.deny.is_empty()
}

/// Does a build that has nothing to do; nothing when there is something.
fn idle(
    session: &Session,
    outline: &Outline,
    store: &Store,
    shown: &dyn Sink,
) -> Result<Option<Built>, Problem> {
    let Outline { identity, plan, labels: _ } = outline;
    let have = have(store, plan)?.into_keys().collect();
    let graph = prune(plan, &have);
    if graph.to_build() > 0 {
        return Ok(None);
    }
    let run = start(session, store, shown)?;
    impure::tell(session, plan, identity, &run)?;
    let cached = graph.jobs.len();
    run.emit(Event::Planned { nodes: plan.nodes.len(), cached, to_build: 0 });
    touch(session, store, plan)?;
    let report = Report { cached, ..Report::default() };
    run.emit(end(&report, true, run.micros()));
    Ok(Some(Built { targets: named(plan), report }))
}

pub(crate) fn end(report: &Report, ok: bool, micros: u64) -> Event {
    let Report { built, cached, launched, failed, skipped: _, cancelled: _ } = report;
    let failed = failed.len();
    Event::RunEnded { ok, built: *built, cached: *cached, failed, launched: *launched, micros }
}

/// How far a plan is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Targets,
    /// All that the targets are built of, not themselves.
    Below,
}

impl Reach {
    fn pruned(self, plan: &Plan, have: &BTreeSet<Key>) -> BuildGraph {
        match self {
            Self::Targets => prune(plan, have),
            Self::Below => prune_below(plan, have),
        }
    }
}

/// Builds what of a plan is not there; `again` is taken for not there.
pub(crate) fn execute(
    session: &Session,
    planned: &Planned,
    store: &Store,
    run: &Run<'_>,
    cancel: &CancelFlag,
    again: &BTreeSet<Key>,
    reach: Reach,
) -> Result<Report, Problem> {
    let Planned { loaded, plan, pins } = planned;
    impure::tell(session, plan, &loaded.identity, run)?;
    let keys: Vec<Key> = plan.nodes.iter().map(|node| node.key).collect();
    for _rewind in 0..=MAX_REWINDS {
        let mut have = store.index.have(&keys)?;
        have.retain(|key, _| !again.contains(key));
        let keys: BTreeSet<Key> = have.keys().copied().collect();
        let graph = reach.pruned(plan, &keys);
        let to_build = graph.to_build();
        let cached = graph.jobs.len() - to_build;
        run.emit(Event::Planned { nodes: plan.nodes.len(), cached, to_build });
        if to_build == 0 {
            touch(session, store, plan)?;
            return Ok(Report { cached, ..Report::default() });
        }
        machines::refuse_foreign(planned, &graph)?;
        let runner = runner(session, store, run)?;
        let supplier = Supplier::new(session, loaded, pins, store, run).until(cancel);
        let clock = || run.micros();
        let ports = Ports {
            runner: &runner,
            cas: store.cas.as_ref(),
            index: &store.index,
            supply: &supplier,
            sink: run,
            clock: &clock,
        };
        let settings = settings(session, planned, run, cancel);
        let work = Work { ir: &loaded.ir, plan, graph: &graph, have: &have };
        let executed = kiln_exec::execute(work, ports, &settings);
        impure::check(session, planned, store, &keys)?;
        match executed {
            Err(ExecError::Lost { keys }) => {
                let message =
                    format!("content of {} artifacts is gone; they are built again", keys.len());
                run.emit(Event::Warning { code: "K5033".to_owned(), message });
                for key in keys {
                    store.index.forget(key)?;
                }
            }
            Err(error) => return Err(error.into()),
            Ok(report) => {
                touch(session, store, plan)?;
                return Ok(report);
            }
        }
    }
    Err(DriverError::LostAgain.into())
}

fn touch(session: &Session, store: &Store, plan: &Plan) -> Result<(), Problem> {
    let keys: Vec<Key> = plan.targets.iter().map(|ix| plan.node(*ix).key).collect();
    Ok(store.index.touch(&keys, session.environment.now)?)
}

pub(crate) fn runner(
    session: &Session,
    store: &Store,
    run: &Run<'_>,
) -> Result<LocalRunner, Problem> {
    LocalRunner::sweep(&store.folder)?;
    let environment = &session.environment;
    let launcher = Launcher { helper: environment.program.clone(), bwrap: environment.bwrap() };
    let mut runner = LocalRunner::new(Arc::clone(&store.cas), launcher, &run.id, session.jobs())?;
    runner.take_usr(crate::host::root(session).join("usr"));
    if let Some(word) = environment.variable("KILN_STAGING") {
        runner.force(word.parse()?)?;
    }
    Ok(runner)
}

pub(crate) fn settings<'a>(
    session: &Session,
    planned: &'a Planned,
    run: &'a Run<'_>,
    cancel: &CancelFlag,
) -> Settings<'a> {
    let choices = &session.choices;
    let host = rustix::system::uname();
    let host = [("kernel", host.release()), ("machine", host.machine())];
    let text = |value: &std::ffi::CStr| value.to_string_lossy().into_owned();
    let host = host.map(|(name, value)| (name.to_owned(), text(value)));
    let cpus = ("processors".to_owned(), session.environment.cpus.to_string());
    let kiln = ("kiln".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    Settings {
        project: &planned.loaded.identity,
        isa: crate::loaded::ISA,
        logs: &run.folder,
        slots: session.jobs(),
        fetchers: choices.fetchers.unwrap_or(FETCHERS),
        advice: BTreeMap::new(),
        time_limit: choices.time_limit,
        silence: choices.silence,
        build_trees: choices.build_trees.unwrap_or_default(),
        deny: choices.deny.clone(),
        retry_failed: choices.retry_failed,
        keep_going: choices.keep_going,
        fail_fast: choices.fail_fast,
        host: host.into_iter().chain([cpus, kiln]).collect(),
        cancel: cancel.clone(),
    }
}
