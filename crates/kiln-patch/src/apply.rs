//! Changes to trees.

use std::collections::{BTreeMap, BTreeSet};

use kiln_digest::Digest;
use kiln_tree::{Draft, File, Name, Node, RelPath, Symlink, Tree};

use crate::change::{Act, Change, Mode};
use crate::fit::fit;
use crate::parse::parse;
use crate::{Failed, NewFile, PatchError, Patched, Text};

/// Applies patches to a tree, in their order. `read` returns the content of a file of the tree.
///
/// # Errors
/// When a patch is faulty or does not fit, or a file cannot be read. Then nothing of any patch is applied.
pub fn apply<E>(
    tree: &Tree,
    patches: &[Text<'_>],
    read: &dyn Fn(Digest) -> Result<Vec<u8>, E>,
) -> Result<Patched, Failed<E>> {
    let mut made = BTreeMap::new();
    let mut tree = tree.clone();
    for patch in patches {
        let changes = parse(patch)?;
        let mut rest = &changes[..];
        while let Some(first) = rest.first() {
            let n_more = rest[1..].iter().take_while(|change| !change.begins).count();
            let (commit, after) = rest.split_at(1 + n_more);
            rest = after;
            let leaves = commit.iter().filter_map(leaves).collect();
            let (before, now) = (tree.clone(), BTreeMap::new());
            let mut work = Commit { patch: patch.name, before, now, leaves, made: &mut made, read };
            for change in commit {
                work.change(change)?;
            }
            tree = work.end(first.line)?;
        }
    }
    let lasting: BTreeMap<Digest, bool> =
        tree.files().map(|(_, file)| (file.digest, file.executable)).collect();
    let kept = |(digest, bytes)| {
        let executable = *lasting.get(&digest)?;
        Some(NewFile { bytes, executable })
    };
    Ok(Patched { tree, files: made.into_iter().filter_map(kept).collect() })
}

/// Returns the path that nothing is at after a change.
fn leaves<'a>(change: &'a Change<'_>) -> Option<&'a RelPath> {
    match &change.act {
        Act::Delete(path) | Act::Rename { from: path, .. } => Some(path),
        Act::Edit(_) | Act::Create(_) | Act::Copy { .. } => None,
    }
}

/// Changes that were made at once.
struct Commit<'a, E> {
    patch: &'a str,
    /// The tree before them.
    before: Tree,
    /// What is at the paths that were changed: nothing where a file is gone.
    now: BTreeMap<RelPath, Option<Node>>,
    /// Paths that a file leaves by one of the changes.
    leaves: BTreeSet<&'a RelPath>,
    /// Contents that are new.
    made: &'a mut BTreeMap<Digest, Vec<u8>>,
    read: &'a dyn Fn(Digest) -> Result<Vec<u8>, E>,
}

impl<E> Commit<'_, E> {
    fn change(&mut self, change: &Change<'_>) -> Result<(), Failed<E>> {
        match &change.act {
            Act::Edit(paths) => {
                let path = self.choose(paths);
                match self.get(path) {
                    None if makes(change) => self.put(change, path, None),
                    _ => {
                        let node = self.file(change, path)?;
                        self.put(change, path, Some(&node))
                    }
                }
            }
            Act::Create(path) => {
                self.is_free(change, path)?;
                self.put(change, path, None)
            }
            Act::Delete(path) => {
                let node = self.file(change, path)?;
                let bytes = self.patched(change, path, Some(&node))?;
                if !bytes.is_empty() {
                    let what = "the patch deletes it, and it has more lines than the patch";
                    return Err(self.wrong(change, path, what).into());
                }
                self.now.insert(path.clone(), None);
                Ok(())
            }
            Act::Rename { from, to } => {
                let node = self.source(change, from, to)?;
                if from != to && !self.now.contains_key(from) {
                    self.now.insert(from.clone(), None);
                }
                self.put(change, to, Some(&node))
            }
            Act::Copy { from, to } => {
                let node = self.source(change, from, to)?;
                self.put(change, to, Some(&node))
            }
        }
    }

    /// Returns what is at a path at this moment.
    fn get(&self, path: &RelPath) -> Option<Node> {
        self.now.get(path).cloned().unwrap_or_else(|| self.before.get(path))
    }

    /// Returns the path that is meant: of those with a file the shortest, as `patch` does.
    fn choose<'b>(&self, paths: &'b [RelPath]) -> &'b RelPath {
        let length = |path: &RelPath| {
            let n_parts = path.parts().count();
            let last = path.split_last().map_or(0, |(_, name)| name.as_str().len());
            (n_parts, last, path.as_str().len())
        };
        let best = |paths: Vec<&'b RelPath>| paths.into_iter().min_by_key(|path| length(path));
        let there = paths.iter().filter(|path| self.get(path).is_some()).collect();
        // A change always names one.
        best(there).or_else(|| best(paths.iter().collect())).unwrap_or(&paths[0])
    }

    /// Returns the file or link at a path.
    fn file(&self, change: &Change<'_>, path: &RelPath) -> Result<Node, PatchError> {
        match self.get(path) {
            Some(Node::Directory(_)) => Err(self.wrong(change, path, "it is a folder")),
            Some(Node::Symlink(_)) if change.mode != Some(Mode::Link) => {
                Err(self.wrong(change, path, "it is a link, and patches do not follow links"))
            }
            Some(Node::File(_)) if change.mode == Some(Mode::Link) => {
                Err(self.wrong(change, path, "it is no link, as it is for the patch"))
            }
            Some(node) => Ok(node),
            None => Err(self.absent(change, path)),
        }
    }

    fn absent(&self, change: &Change<'_>, path: &RelPath) -> PatchError {
        match self.in_the_way(path) {
            Some(above) => {
                let what = format!("`{above}` is no folder, and patches do not follow links");
                self.wrong(change, path, &what)
            }
            None => self.wrong(change, path, "there is no such file"),
        }
    }

    /// Returns what above a path is no folder.
    fn in_the_way(&self, path: &RelPath) -> Option<RelPath> {
        let mut above = RelPath::default();
        let mut parts: Vec<Name> = path.parts().collect();
        let _last = parts.pop();
        for part in parts {
            above = above.join(&part);
            match self.get(&above) {
                Some(Node::Directory(_)) => {}
                Some(_) => return Some(above),
                None => return None,
            }
        }
        None
    }

    /// Returns what a file is renamed or copied from: as it was before all changes of the commit.
    fn source(
        &self,
        change: &Change<'_>,
        from: &RelPath,
        to: &RelPath,
    ) -> Result<Node, PatchError> {
        if from != to {
            self.is_free(change, to)?;
        }
        match self.before.get(from).or_else(|| self.get(from)) {
            Some(Node::Directory(_)) => Err(self.wrong(change, from, "it is a folder")),
            Some(node) => Ok(node),
            None => Err(self.absent(change, from)),
        }
    }

    /// Refuses to make a file over another one.
    fn is_free(&self, change: &Change<'_>, path: &RelPath) -> Result<(), PatchError> {
        let leaves = self.leaves.contains(path) && !self.now.contains_key(path);
        match self.get(path) {
            // If a folder is still there at the end of the commit, it is refused then.
            None | Some(Node::Directory(_)) => Ok(()),
            Some(_) if leaves => Ok(()),
            // `diff` does not tell a file without lines from none; `git` does.
            Some(Node::File(file)) if change.mode.is_none() && file.digest == Digest::EMPTY => {
                Ok(())
            }
            Some(_) => Err(self.wrong(change, path, "the patch makes it, and it is there already")),
        }
    }

    /// Puts what a change makes of a node at a path.
    fn put(
        &mut self,
        change: &Change<'_>,
        path: &RelPath,
        node: Option<&Node>,
    ) -> Result<(), Failed<E>> {
        let mode = change.mode.or(match node {
            Some(Node::Symlink(_)) => Some(Mode::Link),
            Some(Node::File(file)) if file.executable => Some(Mode::Executable),
            _ => None,
        });
        let executable = mode == Some(Mode::Executable);
        // What keeps its bytes is not even read.
        if let (true, Some(Node::File(file))) = (change.hunks.is_empty(), node)
            && mode != Some(Mode::Link)
        {
            self.now.insert(path.clone(), Some(File::new(file.digest, executable).into()));
            return Ok(());
        }
        let bytes = self.patched(change, path, node)?;
        let new = if mode == Some(Mode::Link) {
            let target = std::str::from_utf8(&bytes).ok().filter(|text| is_target(text));
            let Some(target) = target else {
                return Err(self.wrong(change, path, "it would be a link without a target").into());
            };
            Node::Symlink(Symlink::new(target))
        } else {
            let digest = Digest::of(&bytes);
            self.made.insert(digest, bytes);
            Node::File(File::new(digest, executable))
        };
        self.now.insert(path.clone(), Some(new));
        Ok(())
    }

    /// Returns the bytes of a node after the hunks of a change.
    fn patched(
        &self,
        change: &Change<'_>,
        path: &RelPath,
        node: Option<&Node>,
    ) -> Result<Vec<u8>, Failed<E>> {
        let bytes = match node {
            None | Some(Node::Directory(_)) => Vec::new(),
            Some(Node::Symlink(link)) => link.target.as_bytes().to_vec(),
            Some(Node::File(file)) => match self.made.get(&file.digest) {
                Some(bytes) => bytes.clone(),
                None => (self.read)(file.digest).map_err(Failed::Read)?,
            },
        };
        let fitted = fit(&bytes, &change.hunks).map_err(|(ix, cause)| PatchError::Hunk {
            patch: self.patch.to_owned(),
            file: path.to_string(),
            hunk: ix + 1,
            n_hunks: change.hunks.len(),
            line: change.hunks[ix].line,
            cause: Box::new(cause),
        });
        Ok(fitted?)
    }

    fn wrong(&self, change: &Change<'_>, path: &RelPath, what: &str) -> PatchError {
        self.wrong_at(change.line, path, what)
    }

    fn wrong_at(&self, line: usize, path: &RelPath, what: &str) -> PatchError {
        let (patch, file) = (self.patch.to_owned(), path.to_string());
        PatchError::File { patch, line, file, what: what.to_owned() }
    }

    /// Returns the tree after all changes. First goes what is gone: a file may come where a folder was.
    fn end(self, line: usize) -> Result<Tree, PatchError> {
        let mut draft = Draft::from(self.before.clone());
        for path in self.now.iter().filter(|(_, node)| node.is_none()).map(|(path, _)| path) {
            draft.remove(path);
            prune(&mut draft, path);
        }
        for (path, node) in &self.now {
            let Some(node) = node else { continue };
            if let Some(Node::Directory(_)) = draft.get(path) {
                return Err(self.wrong_at(line, path, "it is a folder"));
            }
            draft.put(path, node.clone()).map_err(|_blocked| {
                let what =
                    "a folder on its way is a file or a link, and patches do not follow links";
                self.wrong_at(line, path, what)
            })?;
        }
        Ok(draft.seal())
    }
}

/// Takes away the folders above a path that hold nothing any more.
fn prune(draft: &mut Draft, path: &RelPath) {
    let mut path = path.clone();
    while let Some((parent, _)) = path.split_last() {
        if parent.is_root() {
            return;
        }
        match draft.get(&parent) {
            Some(Node::Directory(tree)) if tree.entries().is_empty() => {}
            _ => return,
        }
        draft.remove(&parent);
        path = parent;
    }
}

/// Returns whether a change makes a file where none is.
fn makes(change: &Change<'_>) -> bool {
    matches!(&change.hunks[..], [hunk] if hunk.old_lines().is_empty() && hunk.before == 0)
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && !text.contains(['\0', '\n'])
}
