//! What an earlier run found out of the project, and the plan of it where nothing changed since: all that a command needs
//! that builds nothing.

use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_ir::{Content, Patch, PatchPin, PlacedSource, Source, Vendored};
use kiln_plan::Plan;
use kiln_project::LOCK_FILE;

use crate::host::Host;
use crate::kept::{Facts, Kept, KeptPlan, KeptSources, Label, Same};
use crate::loaded::{Loaded, Planned};
use crate::pinned::{lockfiles, measure};
use crate::{Problem, Session};

/// The plan of a whole project, and what a list of its elements shows.
pub(crate) struct Outline {
    pub(crate) identity: String,
    pub(crate) plan: Plan,
    /// One a node of the plan.
    pub(crate) labels: Vec<Label>,
}

/// What earlier runs left of the project.
pub(crate) struct Earlier {
    pub(crate) root: PathBuf,
    pub(crate) kept: Option<Kept>,
    /// The IR of the texts as they are now.
    pub(crate) same: Option<Same>,
}

impl Earlier {
    /// Looks for what there is of these targets.
    ///
    /// # Errors
    /// When there is no project.
    pub(crate) fn of(session: &Session, targets: &[String]) -> Result<Self, Problem> {
        let root = Loaded::root(session)?;
        let kept = Kept::of(session, &root).filter(|_| session.choices.ir.is_none());
        let kept = kept.map(|kept| kept.with_options(&session.choices.options));
        let same = kept.as_ref().and_then(|kept| kept.same(targets));
        Ok(Self { root, kept, same })
    }

    /// Returns the plan of the whole project, if all that it depends on is what it was when it was made.
    pub(crate) fn outline(&self, session: &Session, targets: &[String]) -> Option<Outline> {
        if !targets.is_empty() {
            return None;
        }
        let KeptPlan { facts, plan, labels } = self.kept.as_ref()?.plan(self.same?)?;
        let identity = Loaded::identity(&self.root);
        is_so_still(&facts, session, &self.root).then_some(Outline { identity, plan, labels })
    }

    /// Keeps the plan of a whole project whose IR is kept.
    pub(crate) fn keep(&self, same: Option<Same>, planned: &Planned, targets: &[String]) {
        let (Some(kept), Some(same), []) = (&self.kept, same, targets) else { return };
        let Some(facts) = facts(planned) else { return };
        let (plan, labels) = (planned.plan.clone(), labels(planned));
        kept.keep_plan(same, &KeptPlan { facts, plan, labels });
    }
}

impl Outline {
    /// Returns what a list shows of a plan.
    pub(crate) fn of(planned: Planned) -> Self {
        let labels = labels(&planned);
        let Planned { loaded, plan, pins } = planned;
        let identity = loaded.identity.clone();
        // The process ends soon: the system takes back all of it at once, and faster.
        std::mem::forget((loaded, pins));
        Self { identity, plan, labels }
    }
}

fn labels(planned: &Planned) -> Vec<Label> {
    let label = |node: &kiln_plan::Node| {
        let advice = planned.loaded.ir.element(&node.element).map(|element| &element.advice);
        Label {
            kind: advice.map(|advice| advice.kind.clone()).unwrap_or_default(),
            version: advice.and_then(|advice| advice.version.clone()),
        }
    };
    planned.plan.nodes.iter().map(label).collect()
}

/// Returns all that the keys of a plan depend on besides the texts of the project; nothing where that is not all.
fn facts(planned: &Planned) -> Option<Facts> {
    let Planned { loaded, plan, pins } = planned;
    // What is made of other projects, too, is planned anew.
    if !loaded.inputs.is_empty() {
        return None;
    }
    let lock = loaded.texts.iter().find(|(_, text)| text.name == LOCK_FILE);
    let lock = lock.map(|(_, text)| Digest::of(text.text.as_bytes()));
    let elements = &loaded.ir.elements;
    let placed = elements.iter().flat_map(|element| &element.sources);
    let locals = placed
        .map(|PlacedSource { source, .. }| source)
        .filter(|source| matches!(source, Source::Local { .. }));
    let mut locals: Vec<&Source> = locals.collect();
    locals.sort_unstable();
    locals.dedup();
    let digest = |source: &Source| pins.sources.get(source).copied();
    let sources = locals.into_iter().map(|source| Some((source.clone(), digest(source)?)));
    let patches = pins.patches.iter().map(|(patch, pins)| (patch.clone(), pins.clone()));
    let needed: Vec<_> = elements.iter().collect();
    let mut tracked = Vec::new();
    for (_, vendored, content) in lockfiles(loaded, &needed) {
        let Content::File(digest) = content else { return None };
        tracked.push((vendored.lockfile.clone(), *digest));
    }
    Some(Facts {
        lock,
        host: plan.host,
        sources: sources.collect::<Option<_>>()?,
        patches: patches.collect(),
        lockfiles: tracked,
    })
}

/// Returns whether the world is what a plan was made with.
fn is_so_still(facts: &Facts, session: &Session, root: &Path) -> bool {
    let Facts { lock, host, sources, patches, lockfiles } = facts;
    let is_same_host = || Host::read(session).is_ok_and(|now| Some(now.fingerprint) == *host);
    let is_same_patch = |(patch, pins): &(Patch, Vec<PatchPin>)| {
        crate::patches::pins(root, patch).is_ok_and(|now| now == *pins)
    };
    let is_same_file = |(path, tracked): &(String, Digest)| {
        let vendored = Vendored { lockfile: path.clone(), of: None };
        crate::vendored::check(root, &vendored, &Content::File(*tracked)).is_ok()
    };
    is_same_lock(*lock, root)
        && (host.is_none() || is_same_host())
        && patches.iter().all(is_same_patch)
        && lockfiles.iter().all(is_same_file)
        && are_same_sources(sources, session, root)
}

fn is_same_lock(lock: Option<Digest>, root: &Path) -> bool {
    let path = root.join(LOCK_FILE);
    if !path.is_file() {
        return lock.is_none();
    }
    std::fs::read(path).is_ok_and(|now| lock == Some(Digest::of(&now)))
}

fn are_same_sources(sources: &[(Source, Digest)], session: &Session, root: &Path) -> bool {
    if sources.is_empty() {
        return true;
    }
    let mut kept = KeptSources::of(session, root);
    let mut unknown = Vec::new();
    for (source, digest) in sources {
        match kept.as_mut().and_then(|kept| kept.recall(source)) {
            Some(now) if now == *digest => {}
            Some(_) => return false,
            None => unknown.push((source, *digest)),
        }
    }
    let paths: Vec<&Source> = unknown.iter().map(|(source, _)| *source).collect();
    for ((source, digest), now) in unknown.into_iter().zip(measure(session, root, &paths)) {
        match now {
            Ok(now) if now == digest => {}
            _ => return false,
        }
        if let Some(kept) = &mut kept {
            kept.note(source, digest);
        }
    }
    if let Some(kept) = kept {
        kept.write();
    }
    true
}

#[cfg(test)]
mod tests;
