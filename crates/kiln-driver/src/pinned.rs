//! What the sources, patches and bases of a project are at this moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kiln_digest::Digest;
use kiln_ir::{Content, Element, ElementName, Pins, PlacedSource, Source, Vendored};
use kiln_source_local::LocalError;

use crate::host::Host;
use crate::kept::KeptSources;
use crate::loaded::{Loaded, unusable};
use crate::sources::Sources;
use crate::{Problem, Session, inputs};

/// From how many sources on they are looked at side by side.
const MANY_SOURCES: usize = 64;

/// Returns what is pinned: by the lock, and by the project's own folders as they are now.
pub(crate) fn pins(
    session: &Session,
    loaded: &Loaded,
    targets: &[ElementName],
) -> Result<Pins, Problem> {
    // What the targets do not need may lack its pins.
    let needed = kiln_plan::needed(&loaded.ir, targets);
    let locked = loaded.lock.pins(needed.iter().copied(), &loaded.texts);
    if locked.has_errors() {
        let findings = locked.diagnostics;
        return Err(Problem::Findings { texts: loaded.texts.clone(), findings });
    }
    let mut pins = locked.value;
    let mut wanted: BTreeMap<&Source, &Element> = BTreeMap::new();
    for element in &needed {
        for PlacedSource { source, .. } in &element.sources {
            if matches!(source, Source::Local { .. }) && !pins.sources.contains_key(source) {
                wanted.entry(source).or_insert(element);
            }
        }
    }
    inputs::measure(session, loaded, &mut wanted, &mut pins)?;
    let mut kept = KeptSources::of(session, &loaded.root);
    wanted.retain(|source, _element| {
        let digest = kept.as_mut().and_then(|kept| kept.recall(source));
        pins.sources.extend(digest.map(|digest| ((*source).clone(), digest)));
        digest.is_none()
    });
    let sources: Vec<&Source> = wanted.keys().copied().collect();
    let measured = measure(session, &loaded.root, &sources);
    for ((source, element), digest) in wanted.into_iter().zip(measured) {
        let digest = digest.map_err(|error| unusable(&loaded.texts, element, error))?;
        if let Some(kept) = &mut kept {
            kept.note(source, digest);
        }
        pins.sources.insert(source.clone(), digest);
    }
    if let Some(kept) = kept {
        kept.write();
    }
    if let Some(element) = needed.iter().find(|element| element.is_host()) {
        let host = Host::read(session).map_err(|error| unusable(&loaded.texts, element, error))?;
        pins.host = Some(host.fingerprint);
    }
    check_lockfiles(loaded, &needed)?;
    for element in &needed {
        for patch in &element.patches {
            if !pins.patches.contains_key(patch) {
                let files = inputs::patches(loaded, patch)
                    .map_err(|error| unusable(&loaded.texts, element, error))?;
                pins.patches.insert(patch.clone(), files);
            }
        }
    }
    Ok(pins)
}

/// Returns the lock files of the project that say what sources are, each with an element and what it was when it was
/// tracked.
pub(crate) fn lockfiles<'a>(
    loaded: &'a Loaded,
    needed: &[&'a Element],
) -> Vec<(&'a Element, &'a Vendored, &'a Content)> {
    let mut checked = BTreeSet::new();
    let mut found = Vec::new();
    for element in needed {
        for source in element.sources.iter().flat_map(|placed| placed.source.with_inner()) {
            let Some(vendored) = source.vendored().filter(|vendored| vendored.of.is_none()) else {
                continue;
            };
            let locked = loaded.lock.source(source).filter(|_| checked.insert(source));
            found.extend(locked.map(|locked| (*element, vendored, &locked.content)));
        }
    }
    found
}

/// Complains about lock files of the project that are not what was tracked.
fn check_lockfiles(loaded: &Loaded, needed: &[&Element]) -> Result<(), Problem> {
    for (element, vendored, tracked) in lockfiles(loaded, needed) {
        let (root, path) = loaded.place(&vendored.lockfile);
        let here = Vendored { lockfile: path.to_owned(), of: None };
        crate::vendored::check(root, &here, tracked)
            .map_err(|error| unusable(&loaded.texts, element, error))?;
    }
    Ok(())
}

/// Measures folders of the project in their order, side by side where they are many.
pub(crate) fn measure(
    session: &Session,
    root: &Path,
    sources: &[&Source],
) -> Vec<Result<Digest, LocalError>> {
    if sources.is_empty() {
        return Vec::new();
    }
    let local = Sources::new(session, root);
    let one = |source: &&Source| match source {
        Source::Local { path, exclude, with_ignored } => {
            local.measure(path, exclude, *with_ignored)
        }
        foreign => Err(LocalError::Outside { path: foreign.to_string() }),
    };
    let n_each = sources.len().div_ceil(session.environment.cpus.max(1)).max(MANY_SOURCES);
    if sources.len() <= n_each {
        return sources.iter().map(one).collect();
    }
    std::thread::scope(|scope| {
        let pieces = sources.chunks(n_each);
        let running: Vec<_> = pieces
            .map(|piece| scope.spawn(move || piece.iter().map(one).collect::<Vec<_>>()))
            .collect();
        let ended = running.into_iter().flat_map(|piece| match piece.join() {
            Ok(digests) => digests,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
}
