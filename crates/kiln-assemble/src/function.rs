//! The steps that run no command: import, compose, filter, as pure functions on trees.

use kiln_ir::{Compose, Element, Filter};
use kiln_tree::{Blocked, Difference, Draft, Node, RelPath, Tree};

use crate::root::{Allowed, absolute, below, globs};
use crate::{AssembleError, Layer, OverlapFound, Root};

/// Returns the sources of an element, laid out and patched, below a folder: the output of an `Import`.
///
/// # Errors
/// When the folder is no clean path.
pub fn import(element: &Element, target: &str, sources: &Tree) -> Result<Tree, AssembleError> {
    let at = RelPath::in_root(target).map_err(|_unclean| AssembleError::BadPlace {
        element: element.name.clone(),
        path: target.to_owned(),
    })?;
    Ok(below(&at, sources))
}

/// One element of what is composed or filtered, with the splits that name groups of its files.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub element: &'a Element,
    pub layer: Layer,
}

/// Returns the merged closure of some elements, cut by their splits.
///
/// # Errors
/// When a glob is none.
pub fn compose(
    compose: &Compose,
    closure: &[Part<'_>],
) -> Result<(Tree, Vec<OverlapFound>), AssembleError> {
    let cut = Cut {
        include: &compose.include,
        exclude: &compose.exclude,
        include_orphans: compose.include_orphans,
    };
    let mut layers = Vec::new();
    for part in closure {
        layers.push(cut.of(part)?);
    }
    let merged = kiln_tree::merge(&layers);
    let (mut overlaps, mut allowed) = (Vec::new(), Allowed::default());
    for overlap in merged.overlaps {
        let (loser, winner) = (&closure[overlap.loser].layer, &closure[overlap.winner].layer);
        if !allowed.allows(winner, &overlap.path)? {
            let (loser, winner) = (loser.element.clone(), winner.element.clone());
            overlaps.push(OverlapFound { path: overlap.path, loser, winner });
        }
    }
    Ok((merged.tree, overlaps))
}

/// Returns what was composed with what an integration of the whole closure changed. What it changed in the composed
/// files is taken and what it removed is gone; what it made anew is no element's, and taken as orphans are. The files
/// of the base that it ran on stay outside.
pub fn integrated(
    compose: &Compose,
    composed: &Tree,
    root: &Root,
    difference: &Difference,
) -> Tree {
    let mut draft = Draft::from(composed.clone());
    for path in &difference.removed {
        draft.remove(path);
    }
    for (path, node) in difference.upper.walk() {
        let holds_something = matches!(&node, Node::Directory(tree) if !tree.entries().is_empty());
        let is_wanted = match root.owner(&path) {
            Some(_element) => composed.get(&path).is_some(),
            None => compose.include_orphans,
        };
        if holds_something || !is_wanted {
            continue;
        }
        if let Err(Blocked(folder)) = draft.put(&path, node.clone()) {
            clear(&mut draft, &folder);
            let placed = draft.put(&path, node);
            debug_assert!(placed.is_ok(), "one file at most is in the way");
        }
    }
    draft.seal()
}

/// Takes the file away that stands where a folder must be.
fn clear(draft: &mut Draft, folder: &RelPath) {
    let mut above = RelPath::default();
    for part in folder.parts() {
        above = above.join(&part);
        if !matches!(draft.get(&above), None | Some(Node::Directory(_))) {
            draft.remove(&above);
            return;
        }
    }
}

/// Returns part of the output of one element.
///
/// # Errors
/// When a glob is none.
pub fn filter(filter: &Filter, part: &Part<'_>) -> Result<Tree, AssembleError> {
    let Filter { of: _, include, exclude, include_orphans } = filter;
    Cut { include, exclude, include_orphans: *include_orphans }.of(part)
}

/// Which groups of files to take.
struct Cut<'a> {
    include: &'a [String],
    exclude: &'a [String],
    include_orphans: bool,
}

impl Cut<'_> {
    fn of(&self, part: &Part<'_>) -> Result<Tree, AssembleError> {
        if self.include.is_empty() && self.exclude.is_empty() && self.include_orphans {
            return Ok(part.layer.tree.clone());
        }
        let mut groups = Vec::new();
        for (name, patterns) in part.element.splits.iter() {
            groups.push((name, globs(&part.element.name, patterns)?));
        }
        let mut draft = Draft::default();
        for (path, node) in part.layer.tree.walk() {
            let absolute = absolute(&path);
            let of: Vec<&String> = groups
                .iter()
                .filter(|(_, globs)| globs.is_match(&absolute))
                .map(|(n, _)| *n)
                .collect();
            // An empty folder goes where a file at its place would go; others come with what they hold.
            let holds_something =
                matches!(&node, Node::Directory(tree) if !tree.entries().is_empty());
            if !holds_something && self.takes(&of) {
                let placed = draft.put(&path, node);
                debug_assert!(placed.is_ok(), "folders were walked before what they hold");
            }
        }
        Ok(draft.seal())
    }

    fn takes(&self, groups: &[&String]) -> bool {
        if groups.is_empty() {
            return self.include_orphans;
        }
        let included = self.include.is_empty() || groups.iter().any(|g| self.include.contains(g));
        included && !groups.iter().any(|group| self.exclude.contains(group))
    }
}
