//! `kiln fetch`: all that targets need of outside, brought into the cache, so that a build needs no network.
//!
//! Of what is a file, the file is brought, and a build unpacks it; of all else the tree.

use std::collections::BTreeMap;

use kiln_action::CancelFlag;
use kiln_event::{Silent, Sink};
use kiln_exec::{ForeignError, Supply as _};
use kiln_ir::{ElementName, Pins, Source};
use kiln_source::{Fetcher, Pin, Wanted};

use crate::loaded::{Loaded, target_names};
use crate::needs::{Need, all_or_failures, check_locked, needs, side_by_side, stopped};
use crate::run::Run;
use crate::store::Store;
use crate::supply::Supplier;
use crate::track::ended;
use crate::{DriverError, Problem, Session, bundle};

/// What is in the cache after a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Brought {
    pub n_sources: usize,
    pub n_bases: usize,
    /// Files of sources and packages of bases.
    pub n_files: usize,
    pub bytes: u64,
}

/// Brings all that some elements and all they need take from outside, or the whole project; what the bundle of the
/// session has is taken from it first.
///
/// # Errors
/// When the project has mistakes, something is not in the lock or cannot be brought, or somebody asked to stop. All that
/// failed is told; what came is in the cache.
pub fn fetch(
    session: &Session,
    targets: &[String],
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Brought, Problem> {
    let loaded = Loaded::load(session, targets)?;
    let names = target_names(&loaded, targets)?;
    check_locked(&loaded, &names)?;
    let store = Store::open(session)?;
    bundle::take(session, &store)?;
    let run = Run::start(session, shown)?;
    let pins = Pins::default();
    let supplier = Supplier::new(session, &loaded, &pins, &store, &run).until(cancel);
    let brought = bring(session, &supplier, &store, &loaded, &names, &run, cancel);
    run.emit(ended(brought.is_ok(), run.micros()));
    brought.map_err(|problem| bundle::lacking(session, &loaded, &names, &store, problem))
}

/// One thing to do.
enum Task<'a> {
    /// A file that is here, if it is what its name says.
    Here(Wanted),
    File(Wanted),
    /// A source that is more than files of known names.
    Whole(&'a Source),
}

fn bring(
    session: &Session,
    supplier: &Supplier<'_>,
    store: &Store,
    loaded: &Loaded,
    names: &[ElementName],
    run: &Run<'_>,
    cancel: &CancelFlag,
) -> Result<Brought, Problem> {
    let near = near(session, store, loaded).map_err(Problem::World)?;
    // Inputs were brought when the project was loaded.
    let mut brought = Brought { n_sources: loaded.fetched.len(), ..Brought::default() };
    let (mut files, mut whole) = (BTreeMap::new(), Vec::new());
    for need in needs(loaded, names) {
        let wanted = wanted_of(loaded, supplier, need).map_err(Problem::World)?;
        let is_near = !wanted.is_empty() && wanted.iter().all(|file| near.is_here(file));
        match need {
            Need::Base(_) => brought.n_bases += 1,
            Need::Source(source) => {
                brought.n_sources += 1;
                let tree = pin(loaded, source)?.tree;
                if !is_near && kiln_source::whole(store.cas.as_ref(), tree).is_some() {
                    // A tree that is in the store needs no file.
                    continue;
                }
                if wanted.is_empty() {
                    whole.push(source);
                }
            }
        }
        files.extend(wanted.into_iter().map(|file| (file.sha256, file)));
    }
    brought.n_files = files.len();
    brought.bytes = files.values().filter_map(|file| file.size).sum();
    let (here, missing): (Vec<Wanted>, Vec<Wanted>) =
        files.into_values().partition(|file| near.is_here(file));
    if !missing.is_empty() {
        supplier.fetcher().map_err(Problem::World)?.plan(&missing, run);
    }
    // What is not known to be files takes longest; what is inside of another source comes after that.
    whole.sort_by_key(|source| source.with_inner().count());
    let tasks = whole.into_iter().map(Task::Whole).chain(missing.into_iter().map(Task::File));
    let tasks: Vec<Task<'_>> = tasks.chain(here.into_iter().map(Task::Here)).collect();
    let results = side_by_side(session, cancel, &tasks, |task| one(supplier, &near, run, task));
    let is_stopped = results.iter().any(Option::is_none);
    all_or_failures(results, "fetched", &supplier.silent())?;
    if is_stopped { Err(stopped()) } else { Ok(brought) }
}

fn one(
    supplier: &Supplier<'_>,
    near: &Fetcher,
    run: &Run<'_>,
    task: &Task<'_>,
) -> Result<(), ForeignError> {
    match task {
        Task::Here(wanted) if near.fetch(wanted, &Silent).is_ok() => {}
        Task::Here(wanted) | Task::File(wanted) => {
            supplier.fetcher()?.fetch(wanted, run)?;
        }
        Task::Whole(source) => drop(supplier.source(source)?),
    }
    Ok(())
}

/// Makes a fetcher that looks no further than this machine: to find out who has mirrors takes its time.
pub(crate) fn near(
    session: &Session,
    store: &Store,
    loaded: &Loaded,
) -> Result<Fetcher, ForeignError> {
    let mut near = session.clone();
    near.choices.offline = true;
    crate::fetching::fetcher(&near, &store.downloads, &loaded.ir)
}

/// Returns the files that make a source or a base; none of a source where that is known only on the way.
pub(crate) fn wanted_of(
    loaded: &Loaded,
    supplier: &Supplier<'_>,
    need: Need<'_>,
) -> Result<Vec<Wanted>, ForeignError> {
    match need {
        Need::Source(source) => supplier.wanted(source, &pin(loaded, source)?),
        Need::Base(base) => {
            let text = || base.to_string();
            let locked =
                loaded.lock.base(base).ok_or_else(|| DriverError::NotLocked { text: text() })?;
            let of =
                |package: &kiln_lock::LockedPackage| Wanted::pinned(&package.path, package.content);
            Ok(locked.packages.iter().map(of).collect())
        }
    }
}

/// Returns what the lock says of a source.
pub(crate) fn pin(loaded: &Loaded, source: &Source) -> Result<Pin, DriverError> {
    let text = || source.to_string();
    let locked =
        loaded.lock.source(source).ok_or_else(|| DriverError::NotLocked { text: text() })?;
    Ok(Pin { content: locked.content.clone(), tree: locked.tree })
}
