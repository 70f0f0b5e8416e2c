//! The steps that run no command: import, compose, filter, as pure functions on trees.

use kiln_ir::{Compose, Element, Filter};
use kiln_tree::{Draft, Node, RelPath, Tree};

use crate::root::{absolute, below, globs};
use crate::{AssembleError, Layer, OverlapFound, sources};

/// Returns the sources of an element below a folder: the output of an `Import`.
///
/// # Errors
/// When two sources bring one path or the folder is no clean path.
pub fn import(element: &Element, target: &str, trees: &[Tree]) -> Result<Tree, AssembleError> {
    let at = RelPath::in_root(target).map_err(|_unclean| AssembleError::BadPlace {
        element: element.name.clone(),
        path: target.to_owned(),
    })?;
    Ok(below(&at, &sources(element, trees)?))
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
/// When a glob is none, or the elements integrate.
pub fn compose(
    element: &Element,
    compose: &Compose,
    closure: &[Part<'_>],
) -> Result<(Tree, Vec<OverlapFound>), AssembleError> {
    let integrates = closure.iter().any(|part| !part.element.integrate.is_empty());
    if compose.run_integrate && integrates {
        return Err(AssembleError::NotYet { element: element.name.clone(), what: "integrate" });
    }
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
    let named = |ix: usize| closure[ix].element.name.clone();
    let overlaps = merged.overlaps.into_iter().map(|overlap| OverlapFound {
        path: overlap.path,
        loser: named(overlap.loser),
        winner: named(overlap.winner),
    });
    Ok((merged.tree, overlaps.collect()))
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
        for (name, patterns) in &part.element.splits {
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
