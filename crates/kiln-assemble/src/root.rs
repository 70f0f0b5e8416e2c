//! The root that an element is built in: its base, then what is staged, the later over the earlier.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kiln_ir::{Element, ElementName, Fingerprint};
use kiln_tree::{Difference, Name, Node, RelPath, Tree};

use crate::AssembleError;

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
    /// The machine whose `/usr` lies below everything, where the element is that machine.
    pub host: Option<Fingerprint>,
}

/// A path that two elements bring with different content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OverlapFound {
    pub path: RelPath,
    pub loser: ElementName,
    pub winner: ElementName,
}

/// The root that elements are built in, without what is generated.
#[derive(Clone, Debug)]
pub struct Root {
    pub tree: Tree,
    /// Trees that stack to it, lowest first.
    pub layers: Vec<Tree>,
    /// What two elements bring with different content, whitelisted ones aside.
    pub overlaps: Vec<OverlapFound>,
    /// The machine whose `/usr` is mounted below what the trees have there.
    pub host: Option<Fingerprint>,
    /// Who brought what, each file where it is in the root.
    members: Vec<(ElementName, Tree)>,
}

impl Root {
    /// Merges the base and what is staged above it, lowest first, for an element.
    ///
    /// # Errors
    /// When a layer brings what is kiln's own, or a glob is none.
    pub fn merge(element: &ElementName, layers: &[Layer]) -> Result<Self, AssembleError> {
        let empty = Self {
            tree: Tree::empty(),
            layers: Vec::new(),
            overlaps: Vec::new(),
            host: None,
            members: Vec::new(),
        };
        empty.with(element, layers)
    }

    /// Lays more over this root, as if all had been merged at once.
    ///
    /// # Errors
    /// As [`Root::merge`].
    pub fn with(&self, element: &ElementName, more: &[Layer]) -> Result<Self, AssembleError> {
        for name in RESERVED {
            let Ok(path) = RelPath::parse(name) else { continue };
            if let Some(layer) = more.iter().find(|layer| layer.tree.get(&path).is_some()) {
                let by = layer.element.clone();
                return Err(AssembleError::Reserved { element: element.clone(), path, by });
            }
        }
        let trees = std::iter::once(&self.tree).chain(more.iter().map(|layer| &layer.tree));
        let trees: Vec<Tree> = trees.cloned().collect();
        let merged = kiln_tree::merge(&trees);
        let mut root = Self { tree: merged.tree, ..self.clone() };
        root.host = more.iter().find_map(|layer| layer.host).or(self.host);
        let mut allowed = Allowed::default();
        for overlap in merged.overlaps {
            let (path, winner) = (overlap.path, &more[overlap.winner - 1]);
            let loser = match overlap.loser.checked_sub(1) {
                Some(loser) => Some(more[loser].element.clone()),
                None => self.owner(&path),
            };
            // What an integration made is no element's.
            let Some(loser) = loser else { continue };
            if !allowed.allows(winner, &path)? {
                let winner = winner.element.clone();
                root.overlaps.push(OverlapFound { path, loser, winner });
            }
        }
        let laid = merged.layers.into_iter().skip(1);
        root.members.extend(more.iter().map(|layer| layer.element.clone()).zip(laid.clone()));
        root.layers.extend(laid.filter(|tree| !tree.entries().is_empty()));
        if !merged.stackable {
            root.layers = vec![root.tree.clone()];
        }
        Ok(root)
    }

    /// Returns this root as an integration changed it.
    #[must_use]
    pub fn changed(&self, difference: &Difference) -> Self {
        if difference.is_empty() {
            return self.clone();
        }
        let mut root = Self { tree: difference.apply(&self.tree), ..self.clone() };
        if difference.stacks() {
            root.layers.push(difference.upper.clone());
        } else {
            root.layers = vec![root.tree.clone()];
        }
        root
    }

    /// Returns the last element that brought a path.
    pub(crate) fn owner(&self, path: &RelPath) -> Option<ElementName> {
        let brings = |(_, tree): &&(ElementName, Tree)| tree.get(path).is_some();
        self.members.iter().rev().find(brings).map(|(element, _)| element.clone())
    }
}

/// Returns the layers of closures that are staged below other folders, by their paths.
pub(crate) fn staged_at(
    element: &ElementName,
    staged_at: &[(String, Vec<Layer>)],
) -> Result<Vec<Layer>, AssembleError> {
    let mut layers = Vec::new();
    for (at, closure) in staged_at {
        let at = RelPath::in_root(at).map_err(|_unclean| AssembleError::BadPlace {
            element: element.clone(),
            path: at.clone(),
        })?;
        let moved = |layer: &Layer| Layer { tree: below(&at, &layer.tree), ..layer.clone() };
        layers.extend(closure.iter().map(moved));
    }
    Ok(layers)
}

/// Which files may replace those of others, by who brings them.
#[derive(Default)]
pub(crate) struct Allowed(BTreeMap<ElementName, GlobSet>);

impl Allowed {
    /// Returns whether a layer may replace what others bring at a path.
    pub(crate) fn allows(&mut self, winner: &Layer, path: &RelPath) -> Result<bool, AssembleError> {
        if winner.overlaps.is_empty() {
            return Ok(false);
        }
        if !self.0.contains_key(&winner.element) {
            let globs = globs(&winner.element, &winner.overlaps)?;
            self.0.insert(winner.element.clone(), globs);
        }
        Ok(self.0.get(&winner.element).is_some_and(|globs| globs.is_match(absolute(path))))
    }
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
    Layer { element: element.name.clone(), tree, overlaps: element.overlaps.clone(), host: None }
}
