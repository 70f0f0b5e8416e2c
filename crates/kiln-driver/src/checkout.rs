//! `kiln checkout`: the output of an element as a folder of one's own, or what it was made in or from.

use std::path::Path;

use kiln_action::CancelFlag;
use kiln_artifact::{Index as _, Record, Run as LastRun};
use kiln_cas::Cas as _;
use kiln_digest::Digest;
use kiln_event::Sink;
use kiln_exec::Supply as _;
use kiln_stage::Target;
use kiln_tree::Tree;

use crate::loaded::{Loaded, Planned};
use crate::records::check_name;
use crate::run::Run;
use crate::shell::{Inside, Opening, open_shell};
use crate::store::Store;
use crate::supply::Supplier;
use crate::{DriverError, Problem, Session, impure};

/// What of an element is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What it installed.
    Output,
    /// The folder `/build` as its last run left it, with its times.
    BuildTree,
    /// The folder `/build` before the first phase.
    Sources,
    /// All that its first phase sees as `/`.
    Root,
}

/// Writes a part of an element into a folder; `over` allows one that is not empty. What is missing for it is fetched and
/// built, which `shown` is told.
///
/// # Errors
/// When there is no such thing, or the folder cannot be written.
pub fn checkout(
    session: &Session,
    element: &str,
    part: Part,
    folder: &Path,
    over: bool,
    shown: &dyn Sink,
) -> Result<(), Problem> {
    let store = Store::open(session)?;
    let tree = match part {
        Part::Output => output(session, &store, element, shown)?,
        Part::BuildTree => store.cas.read_tree(build_tree(session, &store, element)?.1)?,
        Part::Sources => sources(session, &store, element, shown)?,
        Part::Root => root(session, element, shown)?,
    };
    let target = if over { Target::Any } else { Target::Empty };
    let folder = session.environment.cwd.join(folder);
    Ok(kiln_stage::checkout(&store.cas, &tree, &folder, target)?)
}

fn output(
    session: &Session,
    store: &Store,
    element: &str,
    shown: &dyn Sink,
) -> Result<Tree, Problem> {
    let planned = Planned::load(session, &[element.to_owned()])?;
    let not_built = || DriverError::NotBuilt { element: element.to_owned() };
    let target = planned.plan.targets.first().ok_or_else(not_built)?;
    let artifact = store.index.get(planned.plan.node(*target).key)?.ok_or_else(not_built)?;
    if !artifact.may_be_shared() {
        impure::say(shown, vec!["other machines may lack what it needs".to_owned()]);
    }
    Ok(store.cas.read_tree(artifact.out)?)
}

/// Returns the last run with its build tree, whatever became of the project since.
pub(crate) fn build_tree(
    session: &Session,
    store: &Store,
    element: &str,
) -> Result<(LastRun, Digest), Problem> {
    let identity = Loaded::identity(&Loaded::root(session)?);
    let name = || element.to_owned();
    let Some(record) = store.index.latest(&identity, element)? else {
        check_name(session, element)?;
        return Err(DriverError::NotBuilt { element: name() }.into());
    };
    let run = record.run().ok_or_else(|| DriverError::NothingRuns { element: name() })?;
    let next = match &record {
        Record::Built(_) => {
            format!(
                "that of a success is kept on request: kiln build --build-trees always {element}"
            )
        }
        Record::Failed(_) => {
            format!(
                "`kiln shell --build {element}` leads to where it began; to keep one, unless a script removes /build: \
                 kiln build --retry-failed --build-trees failure {element}"
            )
        }
    };
    let tree = run.build_tree.ok_or_else(|| DriverError::NoBuildTree { element: name(), next })?;
    Ok((run.clone(), tree))
}

fn root(session: &Session, element: &str, shown: &dyn Sink) -> Result<Tree, Problem> {
    match open_shell(session, element, Inside::Sources, shown, &CancelFlag::default())? {
        Opening::Ready(opened) => {
            if opened.is_on_host() {
                impure::say(shown, vec!["`/usr` of this machine is not in the folder".to_owned()]);
            }
            Ok(opened.root())
        }
        Opening::NotBuilt(_) => Err(DriverError::NoRoot { element: element.to_owned() }.into()),
    }
}

fn sources(
    session: &Session,
    store: &Store,
    element: &str,
    shown: &dyn Sink,
) -> Result<Tree, Problem> {
    let Planned { loaded, plan, pins } = &Planned::load(session, &[element.to_owned()])?;
    let name = plan.targets.first().map(|ix| &plan.node(*ix).element);
    let not_built = || DriverError::NotBuilt { element: element.to_owned() };
    let element = name.and_then(|name| loaded.ir.element(name)).ok_or_else(not_built)?;
    let run = Run::start(session, shown)?;
    let supplier = Supplier::new(session, loaded, pins, store, &run);
    let mut trees = Vec::new();
    for placed in &element.sources {
        trees.push(supplier.source(&placed.source).map_err(Problem::World)?);
    }
    Ok(kiln_exec::lay_out(element, &trees, store.cas.as_ref(), &supplier)?)
}
