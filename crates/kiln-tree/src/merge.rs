//! Trees laid over each other: the later wins, folders join, linked folders are followed.

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
    /// Whether a file system that stacks the layers shows this very tree: no folder was followed through a link
    /// and no folder met anything else.
    pub stackable: bool,
}

/// Merges layers, lowest first. A folder that meets a link to a folder is merged where the link leads
/// (merged-usr): a file below `lib` lands in `usr/lib` where `lib` is a link.
pub fn merge(layers: &[Tree]) -> Merged {
    let first = layers.first().cloned().unwrap_or_else(Tree::empty);
    let mut merging =
        Merging { draft: Draft::from(first), overlaps: Vec::new(), stackable: true, layers };
    for (layer_ix, layer) in layers.iter().enumerate().skip(1) {
        merging.folder(layer_ix, &RelPath::default(), &RelPath::default(), layer);
    }
    Merged { tree: merging.draft.seal(), overlaps: merging.overlaps, stackable: merging.stackable }
}

struct Merging<'a> {
    draft: Draft,
    overlaps: Vec<Overlap>,
    stackable: bool,
    layers: &'a [Tree],
}

/// What is at a place of the merged tree so far.
enum Present {
    Nothing,
    Folder(Option<Digest>),
    Leaf(Node),
}

impl Merging<'_> {
    /// Merges a folder of a layer into a folder of the draft; `written` is its path in the layer.
    fn folder(&mut self, layer_ix: usize, into: &RelPath, written: &RelPath, tree: &Tree) {
        for (name, node) in tree.entries() {
            let place = into.join(name);
            let written = written.join(name);
            match (self.present(into, name), node) {
                (Present::Nothing, node) => self.put(&place, node),
                (Present::Folder(digest), Node::Directory(below)) => {
                    if digest != Some(below.digest()) {
                        self.folder(layer_ix, &place, &written, below);
                    }
                }
                (Present::Leaf(Node::Symlink(_)), Node::Directory(below)) => {
                    self.stackable = false;
                    match self.follow(&place) {
                        Some(real) => self.folder(layer_ix, &real, &written, below),
                        None => self.replace(layer_ix, &place, &written, node),
                    }
                }
                (Present::Leaf(old), node) if old.same_content(node) => {}
                (Present::Leaf(_), Node::Directory(_)) | (Present::Folder(_), _) => {
                    self.stackable = false;
                    self.replace(layer_ix, &place, &written, node);
                }
                (Present::Leaf(_), _) => self.replace(layer_ix, &place, &written, node),
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

    fn replace(&mut self, layer_ix: usize, place: &RelPath, written: &RelPath, node: &Node) {
        let brings = |layer: &Tree| layer.get(written).is_some() || layer.get(place).is_some();
        let loser = self.layers[..layer_ix].iter().rposition(brings).unwrap_or(0);
        self.overlaps.push(Overlap { path: place.clone(), loser, winner: layer_ix });
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
            false,
        );
        check(
            &["usr/lib/a=1 lib->/usr/lib", "lib/a=2"],
            "usr/lib/a=2 lib->/usr/lib",
            "usr/lib/a:0<1",
            false,
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_replaced() {
        check(&["lib->lib", "lib/a=1"], "lib/a=1", "lib:0<1", false);
        check(&["lib->gone", "lib/a=1"], "lib/a=1", "lib:0<1", false);
        check(&["lib->../../x x/", "lib/a=1"], "lib->../../x x/a=1", "", false);
    }

    #[test]
    fn a_folder_and_a_file_clash() {
        check(&["a/b=1", "a=2"], "a=2", "a:0<1", false);
        check(&["a=2", "a/b=1"], "a/b=1", "a:0<1", false);
    }
}
