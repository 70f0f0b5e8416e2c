//! `kiln track`: what sources and bases are now, written into the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use kiln_action::CancelFlag;
use kiln_diag::FileId;
use kiln_event::{Event, Sink};
use kiln_exec::ForeignError;
use kiln_ir::{ElementName, Pins};
use kiln_lock::{Lock, LockedBase, LockedSource, entry_key};
use kiln_project::LOCK_FILE;
use rustix::fs::FlockOperation;

use crate::inputs::Finder;
use crate::loaded::{Loaded, target_names};
use crate::needs::{Need, all_or_failures, needs, side_by_side, stopped};
use crate::run::Run;
use crate::store::Store;
use crate::supply::Supplier;
use crate::text::{load_for, load_whatever_is_locked, pinned_by_inputs};
use crate::tracked::{Tracked, compare, rebuilds};
use crate::{Problem, Session};

/// What package indexes are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trust {
    #[default]
    Signed,
    /// Also those whose signature cannot be checked.
    Unsigned,
}

/// How a lock is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tracking {
    pub trust: Trust,
    /// Whether nothing is written.
    pub dry: bool,
}

/// Tracks the sources and bases of some elements and all they need, or of the whole project.
///
/// # Errors
/// When the project has mistakes, something cannot be fetched or checked, the lock cannot be written, or somebody asked
/// to stop. The lock is then as it was; what came is in the cache.
pub fn track(
    session: &Session,
    targets: &[String],
    tracking: Tracking,
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Tracked, Problem> {
    let finder = Finder::tracking(session);
    let (loaded, broken) = match load(session, targets, &finder)? {
        // Who only looks has to hear that nothing can be built with it.
        (_, Some(broken)) if tracking.dry => return Err(broken),
        answer => answer,
    };
    let is_broken = broken.is_some();
    target_names(&loaded, targets)?;
    let others = other_options(session, &loaded, &finder)?;
    let store = Store::open(session)?;
    let run = Run::start(session, shown)?;
    if let Some(broken) = broken {
        let code = broken.code().unwrap_or_default();
        run.emit(Event::Warning {
            code,
            message: "the lock is broken and not looked at".to_owned(),
        });
    }
    let found =
        look_up_all(session, &loaded, targets, &others, tracking.trust, (&store, &run), cancel);
    run.emit(ended(found.is_ok(), run.micros()));
    let mut newer = found?;
    for locked in finder.tracked() {
        newer.put_input(locked);
    }
    // What was not named may have the same sources, or need what is in the lock. If all cannot be loaded, that is for
    // another command to tell.
    let all = if targets.is_empty() { None } else { Loaded::load(session, &[]).ok() };
    let all = if targets.is_empty() { Some(&loaded) } else { all.as_ref() };
    let path = loaded.root.join(LOCK_FILE);
    let (old, lock) = alone(&loaded.root, || {
        let old = read(&path).unwrap_or_else(|| loaded.own_lock.clone());
        let lock = joined(&loaded, all, &others, &old, newer);
        // What could not be read may be the same as nothing.
        if (is_broken || lock != old) && !tracking.dry {
            crate::text::replace(&path, &lock.to_string())?;
        }
        Ok::<_, Problem>((old, lock))
    })?;
    Ok(tell(all, &old, &lock))
}

/// Does something while no other kiln does it for the same project. It is the folder that is held, so that no file is
/// made for it; where a file system does not know that, it goes without.
fn alone<T>(root: &Path, work: impl FnOnce() -> T) -> T {
    let held = File::open(root);
    let held = held.and_then(|root| {
        Ok(rustix::fs::flock(&root, FlockOperation::LockExclusive).map(|()| root)?)
    });
    let done = work();
    drop(held);
    done
}

/// Reads a lock; a broken one is none.
fn read(path: &Path) -> Option<Lock> {
    match std::fs::read_to_string(path) {
        Ok(text) => Lock::parse(FileId(0), &text).value,
        Err(error) if error.kind() == ErrorKind::NotFound => Some(Lock::default()),
        Err(_) => None,
    }
}

/// Puts what was found over what is there, without what no element needs any more. Where somebody else wrote the lock
/// meanwhile, all of his stays: he may know elements that were not there when this began.
fn joined(
    loaded: &Loaded,
    all: Option<&Loaded>,
    others: &[Loaded],
    old: &Lock,
    newer: Lock,
) -> Lock {
    let mut lock = old.clone();
    let inputs = newer.inputs.clone();
    lock.merge(newer);
    let Some(all) = all.filter(|_| *old == loaded.own_lock) else {
        return lock;
    };
    // All inputs are looked up, whatever elements are named.
    lock.inputs = inputs;
    let (mut sources, mut bases) = (BTreeSet::new(), BTreeSet::new());
    for all in std::iter::once(all).chain(others) {
        let pinned = pinned_by_inputs(&all.texts, &all.inputs).unwrap_or_default();
        let names: Vec<_> = all.ir.elements.iter().map(|element| element.name.clone()).collect();
        for need in own_needs(all, &names, &pinned) {
            match need {
                Need::Source(source) => drop(sources.insert(entry_key(source))),
                Need::Base(base) => drop(bases.insert(base.clone())),
            }
        }
    }
    lock.retain(|source| sources.contains(source), |base| bases.contains(base));
    lock
}

/// Loads the project with each of the option sets that it is locked for, too.
fn other_options(
    session: &Session,
    loaded: &Loaded,
    finder: &Finder<'_>,
) -> Result<Vec<Loaded>, Problem> {
    let load = |set: &String| load_for(session, loaded.root.clone(), set, finder);
    loaded.lock_sets.iter().map(load).collect()
}

/// Looks up what some elements need, and what they need with other options.
fn look_up_all(
    session: &Session,
    loaded: &Loaded,
    targets: &[String],
    others: &[Loaded],
    trust: Trust,
    (store, run): (&Store, &Run<'_>),
    cancel: &CancelFlag,
) -> Result<Lock, Problem> {
    let pins = Pins::default();
    let mut newer = Lock::default();
    let names = target_names(loaded, targets)?;
    for loaded in std::iter::once(loaded).chain(others) {
        let supplier = Supplier::new(session, loaded, &pins, store, run).until(cancel);
        let pinned = pinned_by_inputs(&loaded.texts, &loaded.inputs)?;
        let all = loaded.ir.elements.iter().map(|element| &element.name);
        let is_meant = |name: &&ElementName| targets.is_empty() || names.contains(name);
        let names: Vec<ElementName> = all.filter(is_meant).cloned().collect();
        let mut needs = own_needs(loaded, &names, &pinned);
        needs.retain(|need| match need {
            Need::Source(source) => newer.source(source).is_none(),
            Need::Base(base) => newer.base(base).is_none(),
        });
        tell_passwords(&needs, run);
        newer.merge(look_up(session, &supplier, trust, needs, cancel)?);
    }
    Ok(newer)
}

/// Returns what the project itself has to pin: all that is needed and that no input pins.
fn own_needs<'a>(loaded: &'a Loaded, names: &[ElementName], pinned: &Lock) -> Vec<Need<'a>> {
    let is_own = |need: &Need<'_>| match need {
        Need::Source(source) => pinned.source(source).is_none(),
        Need::Base(base) => pinned.base(base).is_none(),
    };
    needs(loaded, names).into_iter().filter(is_own).collect()
}

/// Warns of sources whose passwords everybody has who has the project.
fn tell_passwords(needs: &[Need<'_>], run: &Run<'_>) {
    let source = |need: &Need<'_>| match need {
        Need::Source(source) => source.has_password().then(|| format!("`{source}`")),
        Need::Base(_) => None,
    };
    let open: Vec<String> = needs.iter().filter_map(source).collect();
    if let Some(first) = open.first() {
        let more = match open.len() {
            1 => String::new(),
            n_open => format!(" and {} more", n_open - 1),
        };
        let message = format!(
            "the password in the URL of {first}{more} is in the project and its lock: \
             write it into `~/.netrc`, or name a token for an alias, and track again"
        );
        run.emit(Event::Warning { code: "K2010".to_owned(), message });
    }
}

/// Loads the project. Where all of it is tracked, a broken lock stands in nobody's way.
fn load(
    session: &Session,
    targets: &[String],
    finder: &Finder<'_>,
) -> Result<(Loaded, Option<Problem>), Problem> {
    if targets.is_empty() && session.choices.ir.is_none() {
        return load_whatever_is_locked(session, Loaded::root(session)?, targets, finder);
    }
    if session.choices.ir.is_some() {
        return Loaded::load(session, targets).map(|loaded| (loaded, None));
    }
    match load_whatever_is_locked(session, Loaded::root(session)?, targets, finder)? {
        (_, Some(broken)) => Err(broken),
        loaded => Ok(loaded),
    }
}

/// Returns the end of a run that builds nothing.
pub(crate) fn ended(ok: bool, micros: u64) -> Event {
    let (built, cached, failed, launched) = (0, 0, usize::from(!ok), 0);
    Event::RunEnded { ok, built, cached, failed, launched, micros }
}

/// Looks up all that is needed: what is named inside of another source after that.
fn look_up(
    session: &Session,
    supplier: &Supplier<'_>,
    trust: Trust,
    needs: Vec<Need<'_>>,
    cancel: &CancelFlag,
) -> Result<Lock, Problem> {
    let mut rounds: BTreeMap<usize, Vec<Need<'_>>> = BTreeMap::new();
    for need in needs {
        let depth = match need {
            Need::Base(_) => 1,
            Need::Source(source) => source.with_inner().count(),
        };
        rounds.entry(depth).or_default().push(need);
    }
    let mut found = Vec::new();
    for round in rounds.values() {
        let one = |need: &Need<'_>| one(session, supplier, trust, *need);
        found.extend(side_by_side(session, cancel, round, one));
        if found.iter().flatten().any(Result::is_err) {
            // What is inside of what failed would only fail again.
            break;
        }
    }
    let is_stopped = found.iter().any(Option::is_none);
    let mut lock = Lock::default();
    for newer in all_or_failures(found, "tracked", &supplier.silent())? {
        lock.merge(newer);
    }
    if is_stopped { Err(stopped()) } else { Ok(lock) }
}

fn one(
    session: &Session,
    supplier: &Supplier<'_>,
    trust: Trust,
    need: Need<'_>,
) -> Result<Lock, ForeignError> {
    let mut lock = Lock::default();
    match need {
        Need::Source(source) => {
            let pin = supplier.track(source)?;
            let source = source.clone();
            lock.put_source(LockedSource { source, content: pin.content, tree: pin.tree });
        }
        Need::Base(base) => {
            let fetcher = supplier.fetcher()?;
            let ports = supplier.ports(&fetcher);
            let locked: LockedBase = crate::base::track(session, trust, base, ports)?;
            lock.put_base(locked);
        }
    }
    Ok(lock)
}

/// Tells what is new in a lock; what is built anew only where all elements are known.
fn tell(all: Option<&Loaded>, old: &Lock, lock: &Lock) -> Tracked {
    let (changes, n_same) = compare(old, lock);
    // With the first lock everything is new.
    let is_first = *old == Lock::default();
    let all = all.filter(|_| !changes.is_empty() && !is_first);
    let rebuilds = all.and_then(|all| {
        // What an input pins now, and the project pinned before, is the same.
        let pinned = pinned_by_inputs(&all.texts, &all.inputs).ok()?;
        let with_inputs = |own: &Lock| {
            let mut lock = pinned.clone();
            lock.merge(own.clone());
            lock
        };
        rebuilds(all, &with_inputs(old), &with_inputs(lock))
    });
    Tracked { changes, n_same, rebuilds }
}
