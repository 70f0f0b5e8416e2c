//! Inputs: those that are fetched are pinned by the lock and read from the store; what lies in their folders.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kiln_diag::FileId;
use kiln_event::Silent;
use kiln_exec::Supply as _;
use kiln_ir::{Element, ElementName, Ir, Patch, PatchPin, Pins, PlacedSource, Source};
use kiln_lock::{Lock, LockedSource};
use kiln_project::{Asked, FindInput, FoundInput};
use kiln_stage::Trees;
use kiln_tree::Tree;

use crate::loaded::{Loaded, unusable};
use crate::patches::BadPatch;
use crate::sources::Sources;
use crate::store::Store;
use crate::supply::Supplier;
use crate::{Problem, Session};

/// Finds the inputs of one project for one command.
pub(crate) struct Finder<'a> {
    session: &'a Session,
    /// Whether what is not pinned is looked up.
    tracks: bool,
    /// What was looked up for the project at hand.
    tracked: Mutex<Vec<LockedSource>>,
    /// Why something could not be brought.
    problem: Mutex<Option<Problem>>,
}

impl<'a> Finder<'a> {
    /// Makes one that only takes what is pinned.
    pub(crate) fn locked(session: &'a Session) -> Self {
        let (tracked, problem) = (Mutex::default(), Mutex::default());
        Self { session, tracks: false, tracked, problem }
    }

    /// Makes one that looks up what the inputs of the project are now.
    pub(crate) fn tracking(session: &'a Session) -> Self {
        Self { tracks: true, ..Self::locked(session) }
    }

    /// Returns why something could not be brought.
    pub(crate) fn problem(&self) -> Option<Problem> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns what was looked up.
    pub(crate) fn tracked(self) -> Vec<LockedSource> {
        self.tracked.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn bring(&self, asked: &Asked<'_>) -> Result<FoundInput, Problem> {
        let entry = |text: &&str| Lock::parse(FileId(0), text).value?.input(asked.source).cloned();
        let pinned_elsewhere = asked.locks.iter().find_map(entry);
        let is_looked_up = self.tracks && pinned_elsewhere.is_none();
        let locked = pinned_elsewhere.or_else(|| asked.own_lock.as_ref().and_then(entry));
        if locked.is_none() && !is_looked_up {
            return Ok(FoundInput::NotLocked);
        }
        let store = Store::open(self.session)?;
        let mut loaded = stub(asked);
        if let (Some(locked), false) = (&locked, is_looked_up) {
            loaded.lock.put_source(locked.clone());
        }
        let pins = Pins::default();
        let supplier = Supplier::new(self.session, &loaded, &pins, &store, &Silent);
        let tree = if is_looked_up {
            let pin = supplier.track(asked.source).map_err(Problem::World)?;
            let source = asked.source.clone();
            let locked = LockedSource { source, content: pin.content, tree: pin.tree };
            self.tracked.lock().unwrap_or_else(PoisonError::into_inner).push(locked);
            supplier.tree_kept(pin.tree)?
        } else {
            pinned(&supplier, &store, asked.source, locked.as_ref())?
        };
        Ok(FoundInput::At(Trees::new(Arc::clone(&store.cas)).extract(&tree)?))
    }
}

/// Takes a tree from the store, or brings it there.
fn pinned(
    supplier: &Supplier<'_>,
    store: &Store,
    source: &Source,
    locked: Option<&LockedSource>,
) -> Result<Tree, Problem> {
    let here = locked.and_then(|locked| kiln_source::whole(store.cas.as_ref(), locked.tree));
    match here {
        Some(tree) => Ok(tree),
        None => supplier.source(source).map_err(Problem::World),
    }
}

/// Makes a project of nothing but a source, which is all that is known before it is here.
fn stub(asked: &Asked<'_>) -> Loaded {
    let mut elements = Vec::new();
    if let Ok(name) = ElementName::parse("input") {
        let mut element = Element::new(name);
        let source = asked.source.clone();
        element.sources = vec![PlacedSource { at: ".".to_owned(), source }];
        elements.push(element);
    }
    let mut ir = Ir::new("input", elements);
    ir.aliases.clone_from(asked.aliases);
    Loaded::of_source(ir)
}

/// Measures the folders of inputs, which are no longer wanted then.
pub(crate) fn measure(
    session: &Session,
    loaded: &Loaded,
    wanted: &mut BTreeMap<&Source, &Element>,
    pins: &mut Pins,
) -> Result<(), Problem> {
    let mut failed = None;
    wanted.retain(|source, element| {
        let Source::Local { path, exclude, with_ignored } = source else { return true };
        let (root, inner) = loaded.place(path);
        if root == loaded.root {
            return true;
        }
        match Sources::new(session, root).measure(inner, exclude, *with_ignored) {
            Ok(digest) => drop(pins.sources.insert((*source).clone(), digest)),
            Err(error) => failed = Some(unusable(&loaded.texts, element, error)),
        }
        false
    });
    failed.map_or(Ok(()), Err)
}

/// Returns the files that a patch of the project or of an input stands for.
pub(crate) fn patches(loaded: &Loaded, patch: &Patch) -> Result<Vec<PatchPin>, BadPatch> {
    let (root, path) = loaded.place(&patch.path);
    let prefix = patch.path.strip_suffix(path).unwrap_or_default();
    let patch = Patch { path: path.to_owned(), strip: patch.strip };
    let mut pins = crate::patches::pins(root, &patch)?;
    for pin in &mut pins {
        pin.path = format!("{prefix}{}", pin.path);
    }
    Ok(pins)
}

impl FindInput for Finder<'_> {
    fn find(&self, asked: &Asked<'_>) -> FoundInput {
        match self.bring(asked) {
            Ok(found) => found,
            Err(problem) => {
                *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
                FoundInput::Failed
            }
        }
    }
}
