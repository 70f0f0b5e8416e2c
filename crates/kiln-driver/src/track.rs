//! `kiln track`: what sources and bases are now, written into the lock.

use std::collections::BTreeSet;
use std::fmt;

use kiln_event::{Event, Sink};
use kiln_ir::{Base, Content, Pins, Source, Step};
use kiln_lock::{Lock, LockedSource};
use kiln_project::LOCK_FILE;

use crate::loaded::{Loaded, target_names};
use crate::run::Run;
use crate::store::Store;
use crate::supply::Supplier;
use crate::{Problem, Session};

/// What package indexes are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trust {
    #[default]
    Signed,
    /// Also those whose signature cannot be checked.
    Unsigned,
}

/// What tracking found, in order of the lock.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tracked {
    pub changes: Vec<Change>,
}

/// One entry of the lock and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub what: String,
    pub how: How,
    /// Its size, or the commit and what it is called.
    pub content: String,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Same,
    New,
    Changed,
    /// Nothing needs it any more.
    Gone,
}

impl fmt::Display for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Change { what, how, content } in &self.changes {
            let word = match how {
                How::Same => "same   ",
                How::New => "new    ",
                How::Changed => "changed",
                How::Gone => "gone   ",
            };
            writeln!(f, "{word} {what} ({content})")?;
        }
        Ok(())
    }
}

/// Tracks the sources and bases of some elements and all they need, or of the whole project.
///
/// # Errors
/// When the project has mistakes, something cannot be fetched or checked, or the lock cannot be written. The lock is
/// then as it was.
pub fn track(
    session: &Session,
    targets: &[String],
    trust: Trust,
    shown: &dyn Sink,
) -> Result<Tracked, Problem> {
    let loaded = Loaded::load(session, targets)?;
    let names = target_names(&loaded, targets)?;
    let elements = kiln_plan::needed(&loaded.ir, &names);
    let (mut sources, mut bases) = (BTreeSet::new(), BTreeSet::new());
    for element in elements {
        let of_element = element.sources.iter().flat_map(|placed| placed.source.with_inner());
        sources.extend(of_element.filter(|source| source.is_locked()));
        for step in &element.steps {
            if let Step::Base(base) = step {
                bases.insert(base);
            }
        }
    }
    let store = Store::open(session)?;
    let run = Run::start(session, shown)?;
    let pins = Pins::default();
    let supplier = Supplier::new(session, &loaded, &pins, &store, &run);
    let tracked = look_up(session, &supplier, trust, &sources, &bases);
    let ok = tracked.is_ok();
    let (built, cached, failed, launched) = (0, 0, usize::from(!ok), 0);
    run.emit(Event::RunEnded { ok, built, cached, failed, launched, micros: run.micros() });
    let newer = tracked?;
    let mut lock = loaded.lock.clone();
    if targets.is_empty() {
        lock = Lock::default();
    }
    lock.merge(newer);
    if lock != loaded.lock {
        crate::text::replace(&loaded.root.join(LOCK_FILE), &lock.to_string())?;
    }
    Ok(Tracked { changes: changes(&loaded.lock, &lock) })
}

fn look_up(
    session: &Session,
    supplier: &Supplier<'_>,
    trust: Trust,
    sources: &BTreeSet<&Source>,
    bases: &BTreeSet<&Base>,
) -> Result<Lock, Problem> {
    let mut found = Lock::default();
    for source in sources {
        let pin = supplier.track(source).map_err(Problem::World)?;
        let source = (*source).clone();
        found.put_source(LockedSource { source, content: pin.content, tree: pin.tree });
    }
    for base in bases {
        let fetcher = supplier.fetcher().map_err(Problem::World)?;
        let locked = crate::base::track(session, trust, base, supplier.ports(&fetcher));
        found.put_base(locked.map_err(Problem::World)?);
    }
    Ok(found)
}

fn changes(old: &Lock, new: &Lock) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |what, how, content| changes.push(Change { what, how, content });
    let how = |before: bool, same: bool| match (before, same) {
        (false, _) => How::New,
        (true, true) => How::Same,
        (true, false) => How::Changed,
    };
    for locked in &new.sources {
        let before = old.source(&locked.source);
        let how = how(before.is_some(), before == Some(locked));
        note(locked.source.to_string(), how, told(&locked.content));
    }
    for locked in &new.bases {
        let before = old.base(&locked.base);
        let size: u64 = locked.packages.iter().map(|package| package.content.size).sum();
        let what = format!("{}: {} packages", locked.base, locked.packages.len());
        note(what, how(before.is_some(), before == Some(locked)), format!("{size} bytes"));
    }
    for locked in old.sources.iter().filter(|locked| new.source(&locked.source).is_none()) {
        note(locked.source.to_string(), How::Gone, told(&locked.content));
    }
    for locked in old.bases.iter().filter(|locked| new.base(&locked.base).is_none()) {
        note(locked.base.to_string(), How::Gone, "0 bytes".to_owned());
    }
    changes
}

/// Returns what there is to say of a content: its size, or the commit and what it is called.
fn told(content: &Content) -> String {
    match content {
        Content::File(file) => format!("{} bytes", file.size),
        Content::Commit(commit) => {
            let called = commit.version.as_ref().or(commit.describe.as_ref());
            let short = commit.id.as_str().get(..12).unwrap_or_default();
            called.map_or_else(|| short.to_owned(), |called| format!("{called}, {short}"))
        }
    }
}
