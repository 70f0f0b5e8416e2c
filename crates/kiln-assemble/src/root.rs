//! The root that an element is built in: its base, then what is staged, the later over the earlier.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kiln_ir::{Element, ElementName};
use kiln_tree::{Name, Node, RelPath, Tree};

use crate::{AssembleError, Inputs};

/// How many links may lead to the shell.
const MAX_LINKS: usize = 40;
/// Names at the top of a root that are kiln's own while it builds.
const RESERVED: [&str; 4] = ["build", "kiln", "meta", "out"];

/// The output of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub element: ElementName,
    pub tree: Tree,
    /// Globs of its files that may replace those of others.
    pub overlaps: Vec<String>,
}

/// A path that two elements bring with different content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OverlapFound {
    pub path: RelPath,
    pub loser: ElementName,
    pub winner: ElementName,
}

/// A merged root, with the layers that stack to it when `stackable`.
pub(crate) struct Root {
    pub(crate) tree: Tree,
    pub(crate) layers: Vec<Tree>,
    pub(crate) overlaps: Vec<OverlapFound>,
    pub(crate) stackable: bool,
}

pub(crate) fn merge(inputs: &Inputs<'_>) -> Result<Root, AssembleError> {
    let element = inputs.element;
    let mut layers: Vec<Layer> = inputs.base.iter().chain(&inputs.staged).cloned().collect();
    for (at, closure) in &inputs.staged_at {
        let at = RelPath::in_root(at).map_err(|_unclean| AssembleError::BadPlace {
            element: element.name.clone(),
            path: at.clone(),
        })?;
        layers.extend(
            closure.iter().map(|layer| Layer { tree: below(&at, &layer.tree), ..layer.clone() }),
        );
    }
    for name in RESERVED {
        let Ok(path) = RelPath::parse(name) else { continue };
        if let Some(layer) = layers.iter().find(|layer| layer.tree.get(&path).is_some()) {
            let by = layer.element.clone();
            return Err(AssembleError::Reserved { element: element.name.clone(), path, by });
        }
    }
    let trees: Vec<Tree> = layers
        .iter()
        .map(|layer| layer.tree.clone())
        .filter(|tree| !tree.entries().is_empty())
        .collect();
    let all: Vec<Tree> = layers.iter().map(|layer| layer.tree.clone()).collect();
    let merged = kiln_tree::merge(&all);
    let mut overlaps = Vec::new();
    for overlap in merged.overlaps {
        let (loser, winner) = (&layers[overlap.loser], &layers[overlap.winner]);
        if !globs(&winner.element, &winner.overlaps)?.is_match(absolute(&overlap.path)) {
            let (loser, winner) = (loser.element.clone(), winner.element.clone());
            overlaps.push(OverlapFound { path: overlap.path, loser, winner });
        }
    }
    Ok(Root { tree: merged.tree, layers: trees, overlaps, stackable: merged.stackable })
}

/// Returns a tree as it stands below a folder.
pub(crate) fn below(at: &RelPath, tree: &Tree) -> Tree {
    let parts: Vec<Name> = at.parts().collect();
    let wrap = |tree: Tree, name: Name| Tree::new([(name, Node::Directory(tree))].into());
    parts.into_iter().rev().fold(tree.clone(), wrap)
}

/// Returns the matcher of absolute globs, where `*` stays within one folder.
pub(crate) fn globs(element: &ElementName, globs: &[String]) -> Result<GlobSet, AssembleError> {
    let bad = |glob: &str| {
        let (element, glob) = (element.clone(), glob.to_owned());
        move |cause| AssembleError::BadGlob { element, glob, cause }
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(GlobBuilder::new(glob).literal_separator(true).build().map_err(bad(glob))?);
    }
    set.build().map_err(bad(""))
}

/// Returns a path of a tree as globs see it.
pub(crate) fn absolute(path: &RelPath) -> String {
    format!("/{}", path.as_str())
}

/// Returns whether `/bin/sh` is there, links followed. A shell that is no executable file is none.
pub(crate) fn has_shell(root: &Tree) -> bool {
    let mut done = RelPath::default();
    let mut ahead: Vec<String> = ["sh", "bin"].map(str::to_owned).into();
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                done = done.split_last().map(|(parent, _)| parent).unwrap_or_default();
                continue;
            }
            _ => {}
        }
        let Ok(name) = Name::parse(&part) else {
            return false;
        };
        let next = done.join(&name);
        match root.get(&next) {
            Some(Node::Directory(_)) => done = next,
            Some(Node::File(file)) => return ahead.is_empty() && file.executable,
            Some(Node::Symlink(link)) if links < MAX_LINKS => {
                links += 1;
                if link.target.starts_with('/') {
                    done = RelPath::default();
                }
                ahead.extend(link.target.rsplit('/').map(str::to_owned));
            }
            _ => return false,
        }
    }
    false
}

/// Returns the layer of an element.
pub fn layer(element: &Element, tree: Tree) -> Layer {
    Layer { element: element.name.clone(), tree, overlaps: element.overlaps.clone() }
}
