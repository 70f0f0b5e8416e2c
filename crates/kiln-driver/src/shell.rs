//! `kiln shell`: the sandbox of an element, for a person.

use std::collections::{BTreeMap, BTreeSet};

use kiln_action::{Action, CancelFlag, Staging};
use kiln_artifact::{Index as _, Run as LastRun};
use kiln_cas::Cas as _;
use kiln_digest::{Digest, Key};
use kiln_event::Sink;
use kiln_exec::{Ports, Prepared, Purpose, Report, Work, prepare};
use kiln_graph::prune_below;
use kiln_ir::{Element, Step};
use kiln_local::{LocalRunner, Shell, Stdio};
use kiln_tree::{Draft, Node, RelPath, Tree};

use crate::build::{Reach, end, execute, runner, settings};
use crate::checkout::build_tree;
use crate::failure::{command_of, last_failure};
use crate::loaded::Planned;
use crate::run::Run;
use crate::store::Store;
use crate::supply::Supplier;
use crate::{DriverError, Problem, Session, machines};

/// Folder that a shell starts in.
const BUILD: &str = "build";
/// What lies above the root of an element, new for each run.
const ABOVE: [&str; 4] = [BUILD, "kiln", "meta", "out"];
/// Sets what `/kiln/run` sets before the first phase, then becomes the command.
const LIKE_A_PHASE: &str = "umask 022; chmod 1777 /tmp /dev/shm 2>/dev/null; \
     ulimit -S -c 0 2>/dev/null; ulimit -S -n 1024 2>/dev/null; ulimit -S -s 8192 2>/dev/null; \
     cd /build; exec \"$@\"";
/// A backstop that no shell has.
const NO_TIMEOUT: u64 = 0;

/// What is in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// What the element is built with; `/build` is empty.
    Dependencies,
    /// That, and the sources in `/build`: the state before the first phase.
    Sources,
    /// The root and the build tree of the last run.
    BuildTree,
    /// The same of the last run, which failed.
    Failed,
}

/// Whether there is a sandbox to walk into.
pub enum Opening {
    Ready(Box<Opened>),
    /// What is staged in it could not be built.
    NotBuilt(Report),
}

/// A sandbox, ready to be entered.
pub struct Opened {
    runner: LocalRunner,
    prepared: Prepared,
    advice: BTreeMap<String, String>,
    /// Scripts of the phases, in order.
    pub phases: Vec<String>,
    /// The one that failed.
    pub failed: Option<String>,
}

/// Makes the sandbox of an element; what is staged in it is built first, which `shown` is told.
///
/// # Errors
/// When there is no such run, or the machine, the network or the store failed.
pub fn open_shell(
    session: &Session,
    element: &str,
    inside: Inside,
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Opening, Problem> {
    let store = Store::open(session)?;
    let (last, tree) = match inside {
        Inside::Dependencies | Inside::Sources => {
            return open_now(session, &store, element, inside, shown, cancel);
        }
        Inside::BuildTree => build_tree(session, &store, element)?,
        Inside::Failed => {
            let _failed = last_failure(session, &store, element)?;
            build_tree(session, &store, element)?
        }
    };
    let prepared = prepare_last(&store, element, &last, tree)?;
    let run = Run::start(session, shown)?;
    let phase = last.phases.iter().position(|phase| phase.exit != Some(0));
    let mut opened = Opened::new(session, runner(session, &store, &run)?, prepared, None);
    opened.failed = phase.and_then(|ix| opened.phases.get(ix).cloned());
    Ok(Opening::Ready(Box::new(opened)))
}

/// Makes the sandbox of the project as it is now.
fn open_now(
    session: &Session,
    store: &Store,
    element: &str,
    inside: Inside,
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Opening, Problem> {
    let planned = Planned::load(session, &[element.to_owned()])?;
    let run = Run::start(session, shown)?;
    let unknown = || DriverError::NotBuilt { element: element.to_owned() };
    let target = *planned.plan.targets.first().ok_or_else(unknown)?;
    machines::refuse_foreign_root(&planned, target)?;
    let element = planned.loaded.ir.element(&planned.plan.node(target).element);
    let element = element.ok_or_else(unknown)?;
    // What no command makes is walked into for its own sake.
    let runs = element.steps.iter().any(|step| matches!(step, Step::Run { .. }));
    let (purpose, reach) =
        if runs { (Purpose::Build, Reach::Below) } else { (Purpose::Use, Reach::Targets) };
    let report = execute(session, &planned, store, &run, cancel, &BTreeSet::new(), reach)?;
    let failed = report.cancelled || !report.failed.is_empty();
    if failed || report.built > 0 {
        run.emit(end(&report, !failed, run.micros()));
    }
    if failed {
        return Ok(Opening::NotBuilt(report));
    }
    let Planned { loaded, plan, pins } = &planned;
    let keys: Vec<Key> = plan.nodes.iter().map(|node| node.key).collect();
    let have = store.index.have(&keys)?;
    let graph = prune_below(plan, &have.keys().copied().collect());
    let runner = runner(session, store, &run)?;
    let supplier = Supplier::new(session, loaded, pins, store, &run).until(cancel);
    let clock = || run.micros();
    let ports = Ports {
        runner: &runner,
        cas: store.cas.as_ref(),
        index: &store.index,
        supply: &supplier,
        sink: &run,
        clock: &clock,
    };
    let settings = settings(session, &planned, &run, cancel);
    let work = Work { ir: &loaded.ir, plan, graph: &graph, have: &have };
    let mut prepared = prepare(work, ports, &settings, target, purpose)?;
    if inside == Inside::Dependencies {
        prepared.staging.upper = with(prepared.staging.upper, Tree::empty());
    }
    Ok(Opening::Ready(Box::new(Opened::new(session, runner, prepared, Some(element)))))
}

/// Puts the sandbox of the last run together again, from what is kept of it.
fn prepare_last(
    store: &Store,
    element: &str,
    last: &LastRun,
    tree: Digest,
) -> Result<Prepared, Problem> {
    let gone = || DriverError::NoBuildTree {
        element: element.to_owned(),
        next: format!("what it ran in is gone from the store: kiln build --retry-failed {element}"),
    };
    let command = command_of(store, last.action).ok_or_else(gone)?;
    let root = store.cas.read_tree(last.input_root)?;
    let mut lower = Draft::from(root.clone());
    let mut upper = Draft::default();
    for name in ABOVE {
        let Ok(path) = RelPath::parse(name) else { continue };
        lower.remove(&path);
        // All of them are folders at the top: nothing is in the way.
        let above = root.subtree(&path).unwrap_or_else(Tree::empty);
        let _put = upper.put(&path, Node::Directory(above));
    }
    let upper = with(upper.seal(), store.cas.read_tree(tree)?);
    let action = Action { command, input_root: root, timeout_seconds: NO_TIMEOUT };
    Ok(Prepared { action, staging: Staging { lowers: vec![lower.seal()], upper } })
}

/// Returns what lies above a root, with another `/build`.
fn with(upper: Tree, build: Tree) -> Tree {
    let mut upper = Draft::from(upper);
    if let Ok(path) = RelPath::parse(BUILD) {
        let _put = upper.put(&path, Node::Directory(build));
    }
    upper.seal()
}

impl Opened {
    fn new(
        session: &Session,
        runner: LocalRunner,
        prepared: Prepared,
        element: Option<&Element>,
    ) -> Self {
        let jobs = session.jobs().to_string();
        let own = element.iter().flat_map(|element| &element.advice.env);
        let mut advice: BTreeMap<String, String> =
            own.map(|(name, value)| (name.clone(), value.replace("$KILN_JOBS", &jobs))).collect();
        advice.insert("MAKEFLAGS".to_owned(), format!("-j{jobs}"));
        advice.insert("KILN_JOBS".to_owned(), jobs);
        let scripts =
            RelPath::parse("kiln").ok().and_then(|kiln| prepared.staging.upper.subtree(&kiln));
        let names = scripts.iter().flat_map(|tree| tree.entries().keys());
        let phase = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_digit()).then(|| format!("/kiln/{name}"))
        };
        let phases = names.filter_map(|name| phase(name.as_str())).collect();
        Self { runner, prepared, advice, phases, failed: None }
    }

    /// Returns whether `/usr` of this machine is mounted in it.
    pub(crate) fn is_on_host(&self) -> bool {
        self.prepared.action.command.host().is_some()
    }

    /// Returns all that is in the sandbox.
    pub(crate) fn root(&self) -> Tree {
        self.prepared.action.input_root.clone()
    }

    /// Returns the shell for a person: one that is made for terminals where the root has it.
    pub fn shell(&self) -> &'static str {
        let root = &self.prepared.action.input_root;
        let is_here = |path: &str| {
            let path = path.strip_prefix("usr/").filter(|_| self.is_on_host());
            path.is_some_and(|path| self.runner.usr().join(path).is_file())
        };
        let has = |path: &str| {
            RelPath::parse(path).is_ok_and(|path| root.get(&path).is_some()) || is_here(path)
        };
        if has("bin/bash") || has("usr/bin/bash") { "bash" } else { "/bin/sh" }
    }

    /// Runs a command in the sandbox; returns its exit status, 128 and the number for a signal. On a terminal it is told
    /// which kind that is (`TERM`).
    ///
    /// # Errors
    /// When the sandbox cannot be made.
    pub fn run(
        &self,
        command: &[String],
        stdio: Stdio,
        terminal: Option<&str>,
        cancel: &CancelFlag,
    ) -> Result<i32, Problem> {
        let start = ["/bin/sh", "-c", LIKE_A_PHASE, "sh"].map(str::to_owned);
        let mut advice = self.advice.clone();
        advice.extend(terminal.map(|kind| ("TERM".to_owned(), kind.to_owned())));
        let shell = Shell {
            action: self.prepared.action.clone(),
            staging: self.prepared.staging.clone(),
            argv: start.into_iter().chain(command.iter().cloned()).collect(),
            folder: "/".to_owned(),
            advice,
            cancel: cancel.clone(),
        };
        Ok(self.runner.shell(&shell, stdio)?)
    }
}
