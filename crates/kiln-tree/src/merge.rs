//! Trees laid over each other: the later wins, folders join, linked folders are followed.

use std::collections::BTreeMap;
use std::ops::Bound;

use kiln_digest::Digest;

use crate::draft::{Draft, Entry, Shape};
use crate::{Name, Node, RelPath, Tree};

/// How many links are followed on the way to one folder.
const MAX_LINKS: usize = 40;

/// A path that two layers bring with different content; the later won.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap {
    pub path: RelPath,
    /// The earlier layer, by index; the last one before `winner` that brought the path.
    pub loser: usize,
    pub winner: usize,
}

/// Layers, merged.
#[derive(Clone, Debug)]
pub struct Merged {
    pub tree: Tree,
    /// In order of layer, then path.
    pub overlaps: Vec<Overlap>,
    /// The layers with every file where it is in the merged tree: what a layer brings below a link to a folder stands
    /// where the link leads. A layer that met no link is itself.
    pub layers: Vec<Tree>,
    /// Whether a file system that stacks `layers` shows this very tree: no folder met anything else.
    pub stackable: bool,
}

/// Merges layers, lowest first. A folder that meets a link to a folder is merged where the link leads
/// (merged-usr): a file below `lib` lands in `usr/lib` where `lib` is a link.
pub fn merge(layers: &[Tree]) -> Merged {
    let first = layers.first().cloned();
    let mut merging = Merging {
        draft: Draft::from(first.clone().unwrap_or_else(Tree::empty)),
        overlaps: Vec::new(),
        stackable: true,
        laid: first.into_iter().collect(),
        followed: BTreeMap::new(),
    };
    for layer in layers.iter().skip(1) {
        merging.folder(&RelPath::default(), &RelPath::default(), layer);
        let followed = std::mem::take(&mut merging.followed);
        merging.laid.push(laid(layer, &followed));
    }
    let Merging { draft, overlaps, stackable, laid, followed: _ } = merging;
    Merged { tree: draft.seal(), overlaps, layers: laid, stackable }
}

struct Merging {
    draft: Draft,
    overlaps: Vec<Overlap>,
    stackable: bool,
    /// The layers that are merged, as they lie in the draft.
    laid: Vec<Tree>,
    /// Folders of the layer at hand that went through a link: where it has them, where they are.
    followed: BTreeMap<RelPath, RelPath>,
}

/// What is at a place of the merged tree so far.
enum Present {
    Nothing,
    Folder(Option<Digest>),
    Leaf(Node),
}

impl Merging {
    /// Merges a folder of a layer into a folder of the draft; `written` is its path in the layer.
    fn folder(&mut self, into: &RelPath, written: &RelPath, tree: &Tree) {
        for (name, node) in tree.entries() {
            let place = into.join(name);
            let written = written.join(name);
            match (self.present(into, name), node) {
                (Present::Nothing, node) => self.put(&place, node),
                (Present::Folder(digest), Node::Directory(below)) => {
                    if digest != Some(below.digest()) {
                        self.folder(&place, &written, below);
                    }
                }
                (Present::Leaf(Node::Symlink(_)), Node::Directory(below)) => {
                    if let Some(real) = self.follow(&place) {
                        self.folder(&real, &written, below);
                        self.followed.insert(written, real);
                    } else {
                        self.stackable = false;
                        self.replace(&place, node);
                    }
                }
                (Present::Leaf(old), node) if old.same_content(node) => {}
                (Present::Leaf(_), Node::Directory(_)) | (Present::Folder(_), _) => {
                    self.stackable = false;
                    self.replace(&place, node);
                }
                (Present::Leaf(_), _) => self.replace(&place, node),
            }
        }
    }

    fn present(&mut self, folder: &RelPath, name: &Name) -> Present {
        let Ok(folder) = self.draft.folder(folder) else {
            return Present::Nothing;
        };
        match folder.open().get(name) {
            None => Present::Nothing,
            Some(Entry::Directory(Draft::Sealed(tree))) => Present::Folder(Some(tree.digest())),
            Some(Entry::Directory(Draft::Open(_))) => Present::Folder(None),
            Some(Entry::Leaf(node)) => Present::Leaf(node.clone()),
        }
    }

    fn put(&mut self, place: &RelPath, node: &Node) {
        // Every folder above was reached by walking it, so nothing blocks the path.
        let placed = self.draft.put(place, node.clone());
        debug_assert!(placed.is_ok());
    }

    fn replace(&mut self, place: &RelPath, node: &Node) {
        // Where no earlier layer brings the path, this one brings it twice: below a link and where the link leads.
        if let Some(loser) = self.laid.iter().rposition(|layer| layer.get(place).is_some()) {
            let winner = self.laid.len();
            self.overlaps.push(Overlap { path: place.clone(), loser, winner });
        }
        self.put(place, node);
    }

    /// Returns the folder that a link in the merged tree leads to, if it stays inside.
    fn follow(&self, link: &RelPath) -> Option<RelPath> {
        let mut done = RelPath::default();
        let mut ahead: Vec<String> = link.as_str().rsplit('/').map(str::to_owned).collect();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => done = done.split_last().map(|(parent, _)| parent).unwrap_or_default(),
                name => {
                    let next = done.join(&Name::parse(name).ok()?);
                    match self.draft.shape(&next)? {
                        Shape::Folder => done = next,
                        Shape::File => return None,
                        Shape::Link(target) => {
                            links += 1;
                            if links > MAX_LINKS {
                                return None;
                            }
                            if target.starts_with('/') {
                                done = RelPath::default();
                            }
                            ahead.extend(target.rsplit('/').map(str::to_owned));
                        }
                    }
                }
            }
        }
        Some(done)
    }
}

/// Returns a layer with the folders that went through links where they are.
fn laid(layer: &Tree, followed: &BTreeMap<RelPath, RelPath>) -> Tree {
    if followed.is_empty() {
        return layer.clone();
    }
    let mut draft = Draft::default();
    lay(&mut draft, &RelPath::default(), &RelPath::default(), layer, followed);
    draft.seal()
}

fn lay(
    draft: &mut Draft,
    into: &RelPath,
    written: &RelPath,
    tree: &Tree,
    followed: &BTreeMap<RelPath, RelPath>,
) {
    for (name, node) in tree.entries() {
        let (place, written) = (into.join(name), written.join(name));
        let Node::Directory(below) = node else {
            // In the order of the merge: of two that come to one place the later stays. Every folder above is one.
            let placed = draft.put(&place, node.clone());
            debug_assert!(placed.is_ok());
            continue;
        };
        if let Some(real) = followed.get(&written) {
            lay(draft, real, &written, below, followed);
        } else if draft.shape(&place).is_none() && !has_below(followed, &written) {
            let placed = draft.put(&place, node.clone());
            debug_assert!(placed.is_ok());
        } else {
            if draft.make_folder(&place).is_err() {
                draft.remove(&place);
            }
            lay(draft, &place, &written, below, followed);
        }
    }
}

/// Returns whether a folder below this one went through a link.
fn has_below(followed: &BTreeMap<RelPath, RelPath>, folder: &RelPath) -> bool {
    let after = (Bound::Excluded(folder), Bound::Unbounded);
    // Names such as `lib-x` sort between `lib` and `lib/x`.
    let starts = |path: &&RelPath| path.as_str().starts_with(folder.as_str());
    let inside =
        |path: &RelPath| path.as_str().as_bytes().get(folder.as_str().len()) == Some(&b'/');
    followed.range(after).map(|(path, _)| path).take_while(starts).any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{File, Symlink};

    /// Makes a tree of `path=content`, `path->target` and `path/` words.
    fn tree(words: &str) -> Tree {
        let mut draft = Draft::default();
        for word in words.split_whitespace() {
            if let Some((path, target)) = word.split_once("->") {
                draft.put(&RelPath::parse(path).unwrap(), Symlink::new(target)).unwrap();
            } else if let Some((path, content)) = word.split_once('=') {
                let file = File::new(Digest::of(content.as_bytes()), false);
                draft.put(&RelPath::parse(path).unwrap(), file).unwrap();
            } else {
                draft.make_folder(&RelPath::in_root(word).unwrap()).unwrap();
            }
        }
        draft.seal()
    }

    #[track_caller]
    fn check(layers: &[&str], merged: &str, overlaps: &str, stackable: bool) {
        let layers: Vec<Tree> = layers.iter().map(|words| tree(words)).collect();
        let found = merge(&layers);
        assert_eq!(found.tree, tree(merged));
        let words: Vec<String> =
            found.overlaps.iter().map(|o| format!("{}:{}<{}", o.path, o.loser, o.winner)).collect();
        assert_eq!(words.join(" "), overlaps);
        assert_eq!(found.stackable, stackable);
        if stackable {
            assert_eq!(stacked(&found.layers), found.tree, "{:?}", found.layers);
        }
    }

    /// Stacks layers as a file system does: the later hides the earlier, folders join, no link is followed.
    fn stacked(layers: &[Tree]) -> Tree {
        let mut draft = Draft::default();
        for (path, node) in layers.iter().flat_map(Tree::walk) {
            match node {
                Node::Directory(_) => draft.make_folder(&path).unwrap(),
                leaf => draft.put(&path, leaf).unwrap(),
            }
        }
        draft.seal()
    }

    #[test]
    fn folders_join_and_equal_files_are_silent() {
        check(&["a/b=1 a/c=2", "a/c=2 a/d=3", "e/"], "a/b=1 a/c=2 a/d=3 e/", "", true);
        check(&[], "", "", true);
    }

    #[test]
    fn the_later_file_wins_and_is_reported() {
        check(&["a=1", "b=1", "a=2"], "a=2 b=1", "a:0<2", true);
        check(&["a=1", "a=2", "a=3"], "a=3", "a:0<1 a:1<2", true);
    }

    #[test]
    fn a_folder_lands_where_the_link_leads() {
        check(
            &["usr/lib/a=1 lib->usr/lib", "lib/b=2 usr/lib/c=3"],
            "usr/lib/a=1 usr/lib/b=2 usr/lib/c=3 lib->usr/lib",
            "",
            true,
        );
        check(
            &["usr/lib/a=1 lib->/usr/lib", "lib/a=2"],
            "usr/lib/a=2 lib->/usr/lib",
            "usr/lib/a:0<1",
            true,
        );
    }

    #[test]
    fn a_layer_below_a_link_is_laid_where_it_leads() {
        let layers = ["usr/lib/a=1 lib->usr/lib usr/lib/x->y usr/lib/y/", "lib/x/b=2 lib-c=3 d=4"];
        let merged = merge(&layers.map(tree));
        assert_eq!(merged.layers[1], tree("usr/lib/y/b=2 lib-c=3 d=4"));
        check(&layers, "usr/lib/a=1 lib->usr/lib usr/lib/x->y usr/lib/y/b=2 lib-c=3 d=4", "", true);
    }

    #[test]
    fn one_layer_may_bring_a_path_twice() {
        let base = "usr/lib/ lib->usr/lib";
        check(&[base, "lib/a=1 usr/lib/a=2"], "usr/lib/a=2 lib->usr/lib", "", true);
        check(
            &[base, "lib/a/b=1 usr/lib/a/c=2"],
            "usr/lib/a/b=1 usr/lib/a/c=2 lib->usr/lib",
            "",
            true,
        );
        check(&[base, "lib/a=1 usr/lib/a/c=2"], "usr/lib/a/c=2 lib->usr/lib", "", false);
    }

    #[test]
    fn who_lost_is_known_below_a_link() {
        let layers = ["usr/lib/ lib->usr/lib", "lib/a=1", "usr/lib/a=2"];
        check(&layers, "usr/lib/a=2 lib->usr/lib", "usr/lib/a:1<2", true);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_replaced() {
        check(&["lib->lib", "lib/a=1"], "lib/a=1", "lib:0<1", false);
        check(&["lib->gone", "lib/a=1"], "lib/a=1", "lib:0<1", false);
        check(&["lib->../../x x/", "lib/a=1"], "lib->../../x x/a=1", "", true);
    }

    #[test]
    fn a_folder_and_a_file_clash() {
        check(&["a/b=1", "a=2"], "a=2", "a:0<1", false);
        check(&["a=2", "a/b=1"], "a/b=1", "a:0<1", false);
    }
}
