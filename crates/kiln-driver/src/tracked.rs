//! What became of the entries of a lock, and which elements that touches.

use std::collections::{BTreeMap, BTreeSet};

use kiln_digest::{Digest, Key};
use kiln_ir::{Base, BasePin, Content, Element, ElementName, Fingerprint, Pins, Source};
use kiln_lock::{Lock, LockedBase, LockedPackage, LockedSource};
use kiln_plan::{Platform, Request};

use crate::loaded::{ISA, Loaded};
use crate::needs::{bases_of, sources_of};
use crate::version::{Named, named, of_deb};

/// What tracking found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tracked {
    /// In order of the lock; what is the same is none.
    pub changes: Vec<Change>,
    /// Entries that are as they were.
    pub n_same: usize,
    /// What the next build makes anew; nothing where it cannot be told.
    pub rebuilds: Option<Rebuilds>,
}

/// One entry of the lock that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// A source or base as it is named in messages.
    pub what: String,
    pub old: Option<Entry>,
    /// Nothing when no element needs it any more.
    pub new: Option<Entry>,
    /// Packages of a base that came, went or have another version.
    pub packages: Vec<PackageChange>,
}

/// What there is to say of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub version: Option<String>,
    /// The beginning of a sha256 or of the name of a commit.
    pub short: String,
    /// Of what is downloaded, where that is known before.
    pub size: Option<u64>,
    pub n_packages: Option<usize>,
}

/// A package of a base with its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageChange {
    pub name: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// Elements whose keys are others than before.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rebuilds {
    /// Those that have a changed source or base.
    pub direct: Vec<String>,
    /// Those that need them.
    pub by_dependency: Vec<String>,
}

/// Compares two locks.
pub(crate) fn compare(old: &Lock, new: &Lock) -> (Vec<Change>, usize) {
    let mut changes = Vec::new();
    let mut n_same = 0;
    for (old, new) in [(&old.sources, &new.sources), (&old.inputs, &new.inputs)] {
        let (more, same) = compare_sources(old, new);
        changes.extend(more);
        n_same += same;
    }
    for locked in &new.bases {
        let before = old.base(&locked.base);
        if before == Some(locked) {
            n_same += 1;
            continue;
        }
        let packages = before.map(|before| packages(before, locked)).unwrap_or_default();
        let (old, new) = (before.map(entry_of_base), Some(entry_of_base(locked)));
        changes.push(Change { what: locked.base.to_string(), old, new, packages });
    }
    for locked in old.bases.iter().filter(|locked| new.base(&locked.base).is_none()) {
        let (what, old) = (locked.base.to_string(), Some(entry_of_base(locked)));
        changes.push(Change { what, old, new: None, packages: Vec::new() });
    }
    (changes, n_same)
}

/// Compares the sources of two locks, or their inputs.
fn compare_sources(old: &[LockedSource], new: &[LockedSource]) -> (Vec<Change>, usize) {
    let mut changes = Vec::new();
    let mut n_same = 0;
    let is_in = |locked: &LockedSource, lock: &[LockedSource]| {
        lock.binary_search_by(|other| other.source.cmp(&locked.source)).ok()
    };
    let mut gone: Vec<&LockedSource> =
        old.iter().filter(|locked| is_in(locked, new).is_none()).collect();
    for locked in new {
        let before = is_in(locked, old).map(|ix| &old[ix]).or_else(|| {
            // A new version has another URL most of the time.
            let ix = gone.iter().position(|gone| is_successor(&gone.source, &locked.source))?;
            Some(gone.remove(ix))
        });
        if before == Some(locked) {
            n_same += 1;
            continue;
        }
        let (old, new) = (before.map(entry), Some(entry(locked)));
        changes.push(Change { what: locked.source.to_string(), old, new, packages: Vec::new() });
    }
    for locked in gone {
        let (old, new) = (Some(entry(locked)), None);
        changes.push(Change { what: locked.source.to_string(), old, new, packages: Vec::new() });
    }
    (changes, n_same)
}

/// Returns whether a source may be a later version of another: the same name from the same place.
fn is_successor(old: &Source, new: &Source) -> bool {
    let url = |source: &Source| match source {
        Source::Tar { url, .. }
        | Source::Zip { url, .. }
        | Source::File { url, .. }
        | Source::Deb { url, .. }
        | Source::Dsc { url, .. } => Some(url.clone()),
        _ => None,
    };
    let same_kind = std::mem::discriminant(old) == std::mem::discriminant(new);
    match (url(old), url(new)) {
        (Some(old), Some(new)) if same_kind => match (named(&old), named(&new)) {
            (Some(old), Some(new)) => old.alias == new.alias && old.name == new.name,
            _ => false,
        },
        _ => false,
    }
}

fn entry(locked: &LockedSource) -> Entry {
    let LockedSource { source, content, tree: _ } = locked;
    let cut = |text: &str| text.get(..12).unwrap_or(text).to_owned();
    let n_packages = None;
    match content {
        Content::Commit(commit) => {
            let version = commit.version.clone().or_else(|| commit.describe.clone());
            Entry { version, short: cut(commit.id.as_str()), size: None, n_packages }
        }
        Content::File(file) => {
            let version = match source {
                Source::Deb { url, .. } => of_deb(url),
                _ => named(&source.to_string()).map(|Named { version, .. }| version),
            };
            // Of a lock file the size says nothing.
            let size = source.vendored().is_none().then_some(file.size);
            Entry { version, short: cut(&file.hex()), size, n_packages }
        }
    }
}

fn entry_of_base(locked: &LockedBase) -> Entry {
    let size = locked.packages.iter().map(|package| package.content.size).sum();
    let n_packages = Some(locked.packages.len());
    Entry { version: None, short: String::new(), size: Some(size), n_packages }
}

fn packages(old: &LockedBase, new: &LockedBase) -> Vec<PackageChange> {
    let by_name = |base: &LockedBase| -> BTreeMap<String, String> {
        let pair = |package: &LockedPackage| (package.name.clone(), package.version.clone());
        base.packages.iter().map(pair).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| PackageChange {
        name: name.clone(),
        old: old.get(name).cloned(),
        new: new.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

/// Returns the elements of a project that another lock makes others of; nothing where they cannot be planned.
pub(crate) fn rebuilds(loaded: &Loaded, old: &Lock, new: &Lock) -> Option<Rebuilds> {
    if old.inputs != new.inputs {
        // What the elements of an input were is no longer known.
        return None;
    }
    let (before, after) = (pins(loaded, old), pins(loaded, new));
    let keys = |pins: &Pins| -> Option<BTreeMap<ElementName, Key>> {
        let targets = loaded.ir.elements.iter().map(|element| element.name.clone()).collect();
        let platform = Platform { isa: ISA.to_owned(), ..Platform::default() };
        let plan = kiln_plan::plan(&loaded.ir, pins, &Request { targets, platform }).ok()?;
        Some(plan.nodes.iter().map(|node| (node.element.clone(), node.key)).collect())
    };
    let (old_keys, new_keys) = (keys(&before)?, keys(&after)?);
    let mut rebuilds = Rebuilds::default();
    for element in &loaded.ir.elements {
        if old_keys.get(&element.name) == new_keys.get(&element.name) {
            continue;
        }
        let list = if is_touched(element, &before, &after) {
            &mut rebuilds.direct
        } else {
            &mut rebuilds.by_dependency
        };
        list.push(element.name.to_string());
    }
    Some(rebuilds)
}

fn is_touched(element: &Element, before: &Pins, after: &Pins) -> bool {
    let source = |source: &Source| before.sources.get(source) != after.sources.get(source);
    let base = |base: &Base| before.bases.get(base) != after.bases.get(base);
    sources_of(element).any(source) || bases_of(element).any(base)
}

/// Returns pins that only tell what a lock changes: the same for what is not in it, whatever it is.
fn pins(loaded: &Loaded, lock: &Lock) -> Pins {
    let mut pins = Pins { host: Some(Fingerprint([0; 32])), ..Pins::default() };
    for element in &loaded.ir.elements {
        for source in element.sources.iter().flat_map(|placed| placed.source.with_inner()) {
            let tree = lock.source(source).map_or(Digest::EMPTY, |locked| locked.tree);
            pins.sources.insert(source.clone(), tree);
        }
        for base in bases_of(element) {
            let locked = lock.base(base);
            let hashes = |locked: &LockedBase| {
                locked.packages.iter().map(|package| package.content.hash).collect()
            };
            let packages = locked.map(hashes).unwrap_or_default();
            let pin = BasePin { packages, fixups: locked.map_or(0, |locked| locked.fixups) };
            pins.bases.insert(base.clone(), pin);
        }
        for patch in &element.patches {
            pins.patches.insert(patch.clone(), Vec::new());
        }
    }
    pins
}
