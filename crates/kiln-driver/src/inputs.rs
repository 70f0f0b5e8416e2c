//! Inputs: those that are fetched are pinned by the lock and read from the store; what lies in their folders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kiln_diag::FileId;
use kiln_event::Silent;
use kiln_exec::Supply as _;
use kiln_ir::{
    Content, Element, ElementName, Ir, Patch, PatchPin, Pins, PlacedSource, Source, Vendored,
};
use kiln_lock::{Lock, LockedSource};
use kiln_project::{Asked, FindInput, FoundInput, Input, Versions, version_key};
use kiln_source::{AnyError, Pin, Ports, SourceKind};
use kiln_source_oci::ImageKind;
use kiln_stage::Trees;
use kiln_tree::Tree;

use crate::loaded::{Loaded, unusable};
use crate::patches::BadPatch;
use crate::sources::Sources;
use crate::store::Store;
use crate::supply::Supplier;
use crate::{Problem, Session, bundle};

/// Finds the inputs of one project for one command.
pub(crate) struct Finder<'a> {
    session: &'a Session,
    /// Whether what is not pinned is looked up.
    tracks: bool,
    /// What was looked up for the project at hand.
    tracked: Mutex<Vec<LockedSource>>,
    /// What was found, by whoever it is pinned.
    found: Mutex<Vec<LockedSource>>,
    /// Why something could not be brought.
    problem: Mutex<Option<Problem>>,
}

impl<'a> Finder<'a> {
    /// Makes one that only takes what is pinned.
    pub(crate) fn locked(session: &'a Session) -> Self {
        let (tracked, found, problem) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { session, tracks: false, tracked, found, problem }
    }

    /// Makes one that looks up what the inputs of the project are now.
    pub(crate) fn tracking(session: &'a Session) -> Self {
        Self { tracks: true, ..Self::locked(session) }
    }

    /// Returns why something could not be brought.
    pub(crate) fn problem(&self) -> Option<Problem> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns all that was found, each once.
    pub(crate) fn found(&self) -> Vec<LockedSource> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        found.sort_by(|one, other| (&one.source, one.tree).cmp(&(&other.source, other.tree)));
        found.dedup();
        found
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
        let (tree, locked) = if is_looked_up {
            let pin = supplier.track(asked.source).map_err(Problem::World)?;
            let source = asked.source.clone();
            let locked = LockedSource { source, content: pin.content, tree: pin.tree };
            self.tracked.lock().unwrap_or_else(PoisonError::into_inner).push(locked.clone());
            (supplier.tree_kept(pin.tree)?, Some(locked))
        } else {
            (pinned(self.session, &supplier, &store, asked.source, locked.as_ref())?, locked)
        };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).extend(locked);
        Ok(FoundInput::At(Trees::new(Arc::clone(&store.cas)).extract(&tree)?))
    }
}

/// Takes a tree from the store or from the bundle of the session, or brings it there.
fn pinned(
    session: &Session,
    supplier: &Supplier<'_>,
    store: &Store,
    source: &Source,
    locked: Option<&LockedSource>,
) -> Result<Tree, Problem> {
    let whole = || kiln_source::whole(store.cas.as_ref(), locked?.tree);
    if let Some(tree) = whole() {
        return Ok(tree);
    }
    bundle::take(session, store)?;
    if let Some(tree) = whole() {
        return Ok(tree);
    }
    let brought = supplier.source(source);
    brought.map_err(|error| bundle::lacking_input(session, source, Problem::World(error)))
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

/// The kind of sources that are images: those in a folder lie in that of the project or of an input.
pub(crate) struct Images {
    /// Of the project itself.
    own: ImageKind,
    /// By the names of inputs.
    of_inputs: BTreeMap<String, ImageKind>,
}

impl Images {
    /// Makes it for a project and its inputs; `folder` is that of the notes.
    pub(crate) fn of(loaded: &Loaded, folder: &Path) -> Self {
        let kind = |root: &PathBuf| ImageKind { project: root.clone(), folder: folder.to_owned() };
        let input = |input: &Input| (input.name.clone(), kind(&input.root));
        Self { own: kind(&loaded.root), of_inputs: loaded.inputs.iter().map(input).collect() }
    }

    /// Returns the kind that knows the folder of a source, and the source as it is called there.
    fn place<'a>(&'a self, source: &'a Source) -> (&'a ImageKind, Cow<'a, Source>) {
        let as_written = (&self.own, Cow::Borrowed(source));
        let Source::OciImage { image, local: true, platform, tag, sha256 } = source else {
            return as_written;
        };
        let of = image.split_once("//");
        let Some((kind, path)) = of.and_then(|(of, path)| Some((self.of_inputs.get(of)?, path)))
        else {
            return as_written;
        };
        let (image, platform) = (path.to_owned(), platform.clone());
        let (tag, sha256) = (tag.clone(), sha256.clone());
        (kind, Cow::Owned(Source::OciImage { image, local: true, platform, tag, sha256 }))
    }
}

impl SourceKind for Images {
    fn takes(&self, source: &Source) -> bool {
        self.own.takes(source)
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let (kind, source) = self.place(source);
        kind.track(&source, ports)
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let (kind, source) = self.place(source);
        kind.fetch(&source, pin, ports)
    }
}

/// Returns what the lock of an input pins, as the sources are called in the project that uses it: paths begin with the
/// name of the input.
pub(crate) fn pinned_by(input: &str, lock: Lock) -> Lock {
    let Lock { sources, bases, inputs: _ } = lock;
    let mut pinned = Lock { bases, ..Lock::default() };
    for LockedSource { source, content, tree } in sources {
        pinned.put_source(LockedSource { source: of_input(input, source), content, tree });
    }
    pinned
}

fn of_input(input: &str, source: Source) -> Source {
    // What an input calls `a//x` of an input of its own is `input.a//x` here.
    let place = |path: String| {
        let dot = if path.contains("//") { "." } else { "//" };
        format!("{input}{dot}{path}")
    };
    let vendored = |Vendored { lockfile, of }| match of {
        None => Vendored { lockfile: place(lockfile), of: None },
        Some(of) => Vendored { lockfile, of: Some(Box::new(of_input(input, *of))) },
    };
    match source {
        Source::OciImage { image, local: true, platform, tag, sha256 } => {
            Source::OciImage { image: place(image), local: true, platform, tag, sha256 }
        }
        Source::Crates(of) => Source::Crates(vendored(of)),
        Source::Pypi(of) => Source::Pypi(vendored(of)),
        Source::Npm(of) => Source::Npm(vendored(of)),
        Source::GoModules(of) => Source::GoModules(vendored(of)),
        other => other,
    }
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

/// Returns what locks say of the versions of sources; of two of one source the first counts.
pub(crate) fn versions<'a>(locks: impl IntoIterator<Item = &'a Lock>) -> Versions {
    let mut versions = Versions::new();
    for LockedSource { source, content, tree: _ } in locks.into_iter().flat_map(|l| &l.sources) {
        let Content::Commit(commit) = content else { continue };
        if let (Some(key), Some(version)) = (version_key(source), &commit.version) {
            versions.entry(key).or_insert_with(|| version.clone());
        }
    }
    versions
}

impl FindInput for Finder<'_> {
    fn versions(&self, locks: &[&str]) -> Versions {
        // What is wrong with a lock is told by whoever needs its pins.
        let parsed = locks.iter().filter_map(|text| Lock::parse(FileId(0), text).value);
        versions(&parsed.collect::<Vec<_>>())
    }

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
