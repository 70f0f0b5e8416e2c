//! From the objects of a commit to a tree in the store: content as it was committed, without any filter.

use std::collections::BTreeMap;
use std::sync::Arc;

use kiln_cas::Batch;
use kiln_digest::Digest;
use kiln_ir::ObjectId;
use kiln_tree::{File, Node, RelPath, Symlink, Tree};

use crate::entries::{self, Entry, Folders, Kind};
use crate::repository::Repository;
use crate::submodules::{Modules, Submodules};
use crate::{GitError, Object, Rule};

/// Bytes of all files of a commit, each counted where it stands.
const MOST_BYTES: u64 = 64 << 30;
/// Bytes of a file that is kept from memory.
const SMALL: u64 = 1 << 20;
/// Bytes of the text of a link.
const LONGEST_LINK: u64 = 4_096;
/// Bytes of a text that stands for a file of git-lfs.
const LONGEST_POINTER: u64 = 1_024;

/// A blob as it was kept.
#[derive(Default)]
struct Kept {
    file: Option<Digest>,
    link: Option<Arc<str>>,
    is_pointer: bool,
}

/// As what a blob is needed.
#[derive(Clone, Copy, Default)]
struct Need {
    file: bool,
    executable: bool,
    link: bool,
}

/// Takes the files of a commit for the store and returns its tree, whose folders are not kept yet.
pub(crate) fn write(
    repository: &Repository<'_>,
    commit: &ObjectId,
    submodules: &mut Submodules<'_>,
    batch: &mut dyn Batch,
) -> Result<Tree, GitError> {
    let root = repository.root(commit)?;
    let folders = entries::read(repository, commit, &root, submodules.depth())?;
    let kept = keep_blobs(repository, commit, &folders, batch)?;
    let modules = submodules.listed(repository, commit, folders.get(&root))?;
    let mut writing =
        Writing { repository, commit, folders, kept, modules, submodules, batch, n_bytes: 0 };
    writing.folder(&root, &RelPath::default(), 0)
}

/// Keeps every blob once, in the order of their names.
fn keep_blobs(
    repository: &Repository<'_>,
    commit: &ObjectId,
    folders: &Folders,
    batch: &mut dyn Batch,
) -> Result<BTreeMap<ObjectId, Kept>, GitError> {
    let mut needs: BTreeMap<&ObjectId, Need> = BTreeMap::new();
    for entry in folders.values().flatten() {
        match entry.kind {
            Kind::File { executable } => {
                let need = needs.entry(&entry.id).or_default();
                need.file = true;
                need.executable |= executable;
            }
            Kind::Link => needs.entry(&entry.id).or_default().link = true,
            Kind::Folder | Kind::Submodule => {}
        }
    }
    let wanted: Vec<&ObjectId> = needs.keys().copied().collect();
    let needs: Vec<Need> = needs.values().copied().collect();
    let mut kept = BTreeMap::new();
    let mut n_bytes = 0;
    repository.objects(commit, &wanted, &mut |ix, object| {
        n_bytes += object.size;
        if n_bytes > MOST_BYTES {
            return Err(too_big());
        }
        kept.insert(object.id.clone(), keep(batch, object, needs[ix])?);
        Ok(())
    })?;
    Ok(kept)
}

fn keep(batch: &mut dyn Batch, object: &mut Object<'_>, need: Need) -> Result<Kept, Rule> {
    let broken = |what| Rule::Object { id: object.id.to_string(), what };
    if object.kind != "blob" {
        return Err(broken("is no file"));
    }
    if object.size > SMALL {
        // A link without a text is refused where its path is known.
        let file = need.file.then(|| batch.write_stream(&mut object.content, need.executable));
        return Ok(Kept { file: file.transpose().map_err(Rule::Keep)?, ..Kept::default() });
    }
    let mut bytes = Vec::new();
    object.content.read_to_end(&mut bytes).map_err(|_cause| broken("cannot be read"))?;
    if bytes.len() as u64 != object.size {
        return Err(broken("ends too early"));
    }
    let file = need.file.then(|| batch.write_stream(&mut &bytes[..], need.executable));
    let link = if need.link { link_text(&bytes) } else { None };
    let is_pointer = is_pointer(&bytes);
    Ok(Kept { file: file.transpose().map_err(Rule::Keep)?, link, is_pointer })
}

/// Returns the text of a link, if it can be one.
fn link_text(bytes: &[u8]) -> Option<Arc<str>> {
    let fits = !bytes.is_empty() && bytes.len() as u64 <= LONGEST_LINK && !bytes.contains(&0);
    std::str::from_utf8(bytes).ok().filter(|_| fits).map(Arc::from)
}

/// Returns whether a text stands for a file that git-lfs keeps elsewhere.
fn is_pointer(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    bytes.len() as u64 <= LONGEST_POINTER
        && first.starts_with("version http")
        && first.contains("git-lfs")
        && first.contains("/spec/v")
        && text.contains("\noid sha256:")
}

fn too_big() -> Rule {
    Rule::Exceeded(format!("its files have more than {MOST_BYTES} bytes"))
}

/// A tree in the making.
struct Writing<'a, 'b> {
    repository: &'a Repository<'a>,
    commit: &'a ObjectId,
    folders: Folders,
    kept: BTreeMap<ObjectId, Kept>,
    modules: Modules,
    submodules: &'a mut Submodules<'b>,
    batch: &'a mut dyn Batch,
    n_bytes: u64,
}

impl Writing<'_, '_> {
    /// Puts a folder together, with all below it.
    fn folder(&mut self, id: &ObjectId, path: &RelPath, depth: usize) -> Result<Tree, GitError> {
        let entries: Vec<Entry> = self.folders.get(id).cloned().unwrap_or_default();
        let mut nodes = BTreeMap::new();
        for entry in entries {
            let below = path.join(&entry.name);
            let node = match entry.kind {
                Kind::Folder => Node::from(self.folder(&entry.id, &below, depth + 1)?),
                Kind::File { executable } => self.file(&entry.id, &below, executable)?.into(),
                Kind::Link => self.link(&entry.id, &below, depth)?.into(),
                Kind::Submodule => {
                    let (repository, commit) = (self.repository, self.commit);
                    let given = self.modules.get(below.as_str()).map(String::as_str);
                    let tree = self
                        .submodules
                        .tree(repository, commit, &below, given, &entry.id, self.batch)?;
                    Node::from(tree)
                }
            };
            nodes.insert(entry.name, node);
        }
        Ok(Tree::new(nodes))
    }

    fn file(&mut self, id: &ObjectId, path: &RelPath, executable: bool) -> Result<File, GitError> {
        let kept = self.kept.get(id).map(|kept| (kept.file, kept.is_pointer));
        let Some((Some(digest), is_pointer)) = kept else {
            let missing = Rule::Object { id: id.to_string(), what: "is missing" };
            return Err(self.refused(missing));
        };
        if is_pointer {
            return Err(self.refused(Rule::Pointer(told(path))));
        }
        self.n_bytes = self.n_bytes.saturating_add(digest.size);
        if self.n_bytes > MOST_BYTES {
            return Err(self.refused(too_big()));
        }
        Ok(File::new(digest, executable))
    }

    fn link(&self, id: &ObjectId, path: &RelPath, depth: usize) -> Result<Symlink, GitError> {
        let Some(text) = self.kept.get(id).and_then(|kept| kept.link.clone()) else {
            return Err(self.refused(Rule::BadLink(told(path))));
        };
        if climbs_out(&text, depth + self.submodules.depth()) {
            let target = text.escape_debug().to_string();
            return Err(self.refused(Rule::LinkOut { path: told(path), target }));
        }
        Ok(Symlink::new(text))
    }

    fn refused(&self, rule: Rule) -> GitError {
        self.repository.refused(self.commit, rule)
    }
}

/// Returns whether a link in a folder of some depth leads above the root; an absolute one leads into the sandbox.
fn climbs_out(text: &str, depth: usize) -> bool {
    let mut height = depth;
    for part in text.split('/') {
        match part {
            ".." if height == 0 => return !text.starts_with('/'),
            ".." => height -= 1,
            "" | "." => {}
            _ => height += 1,
        }
    }
    false
}

fn told(path: &RelPath) -> String {
    path.as_str().escape_debug().to_string()
}
