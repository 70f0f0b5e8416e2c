//! The folders of a commit, read from the tree objects themselves and checked.

use std::collections::{BTreeMap, BTreeSet};

use kiln_ir::ObjectId;
use kiln_tree::Name;

use crate::repository::Repository;
use crate::{GitError, Rule};

/// Entries of any kind that a commit may have, each counted where it stands.
const MOST_ENTRIES: u64 = 2_000_000;
/// Folders within each other.
const DEEPEST: usize = 128;
/// Bytes of a name; no file system has longer ones.
const LONGEST_NAME: usize = 255;
/// Bytes of one tree object.
const LARGEST_TREE: u64 = 256 << 20;

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Name,
    pub(crate) kind: Kind,
    pub(crate) id: ObjectId,
}

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File { executable: bool },
    Link,
    Submodule,
}

/// The entries of each folder, by the name of its object.
pub(crate) type Folders = BTreeMap<ObjectId, Vec<Entry>>;

/// Reads all folders below a root, those that are equal once; the root may stand in another tree, at some depth.
pub(crate) fn read(
    repository: &Repository<'_>,
    commit: &ObjectId,
    root: &ObjectId,
    depth: usize,
) -> Result<Folders, GitError> {
    let mut folders = Folders::new();
    let mut level = BTreeMap::from([(root.clone(), String::new())]);
    let mut n_entries = 0;
    for _depth in 0..=DEEPEST {
        let wanted: Vec<&ObjectId> = level.keys().collect();
        let mut read = Vec::new();
        repository.objects(commit, &wanted, &mut |_ix, object| {
            let path = &level[object.id];
            if object.kind != "tree" {
                return Err(Rule::Object { id: object.id.to_string(), what: "is no folder" });
            }
            if object.size > LARGEST_TREE {
                return Err(Rule::Exceeded(format!("the folder `{}` is too big", shown(path, ""))));
            }
            let mut bytes = Vec::new();
            let unread =
                |_cause| Rule::Object { id: object.id.to_string(), what: "cannot be read" };
            object.content.read_to_end(&mut bytes).map_err(unread)?;
            let entries = parse(&bytes, object.id, path)?;
            n_entries += entries.len() as u64;
            if n_entries > MOST_ENTRIES {
                return Err(too_many());
            }
            read.push((object.id.clone(), entries));
            Ok(())
        })?;
        let mut next = BTreeMap::new();
        for (id, entries) in &read {
            for entry in entries.iter().filter(|entry| entry.kind == Kind::Folder) {
                let path = || shown(&level[id], entry.name.as_str());
                next.entry(entry.id.clone()).or_insert_with(path);
            }
        }
        folders.extend(read);
        next.retain(|id, _path| !folders.contains_key(id));
        if next.is_empty() {
            let measured = measure(&folders, root, depth, &mut BTreeMap::new());
            measured.map_err(|rule| repository.refused(commit, rule))?;
            return Ok(folders);
        }
        level = next;
    }
    Err(repository.refused(commit, too_deep()))
}

/// Returns how many entries a folder has with all below it, and how many folders stand within each other.
///
/// Equal folders are looked at once: few objects can stand for more entries than anybody can count.
fn measure<'a>(
    folders: &'a Folders,
    id: &'a ObjectId,
    depth: usize,
    known: &mut BTreeMap<&'a ObjectId, (u64, usize)>,
) -> Result<(u64, usize), Rule> {
    if let Some((n_entries, height)) = known.get(id) {
        let fits = depth + height <= DEEPEST;
        return if fits { Ok((*n_entries, *height)) } else { Err(too_deep()) };
    }
    if depth > DEEPEST {
        return Err(too_deep());
    }
    let entries = folders.get(id).map_or(&[][..], Vec::as_slice);
    let (mut n_entries, mut height) = (entries.len() as u64, 0);
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Folder) {
        let (n_below, height_below) = measure(folders, &entry.id, depth + 1, known)?;
        n_entries = n_entries.saturating_add(n_below);
        height = height.max(height_below + 1);
    }
    if n_entries > MOST_ENTRIES {
        return Err(too_many());
    }
    known.insert(id, (n_entries, height));
    Ok((n_entries, height))
}

fn too_many() -> Rule {
    Rule::Exceeded(format!("it has more than {MOST_ENTRIES} files and folders"))
}

fn too_deep() -> Rule {
    Rule::Exceeded(format!("it has more than {DEEPEST} folders within each other"))
}

/// Returns the path of a name in a folder, as it is told; the root has no path.
pub(crate) fn shown(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Reads a tree object: mode, space, name, NUL, and the bytes of a name of an object, again and again.
fn parse(bytes: &[u8], id: &ObjectId, folder: &str) -> Result<Vec<Entry>, Rule> {
    let cut = || Rule::Object { id: id.to_string(), what: "ends too early" };
    let n_id = id.as_str().len() / 2;
    let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(cut)?;
        let (mode, after) = (&rest[..space], &rest[space + 1..]);
        let nul = after.iter().position(|byte| *byte == 0).ok_or_else(cut)?;
        let (name, after) = (&after[..nul], &after[nul + 1..]);
        if after.len() < n_id {
            return Err(cut());
        }
        let (raw, after) = after.split_at(n_id);
        rest = after;
        let name = check_name(name, folder)?;
        let path = shown(folder, name.as_str()).escape_debug().to_string();
        if !names.insert(name.clone()) {
            return Err(Rule::Twice(path));
        }
        let Some(kind) = kind(mode) else {
            return Err(Rule::Mode { path, mode: mode.escape_ascii().to_string() });
        };
        let id = ObjectId::from_bytes(raw).map_err(|_bad| cut())?;
        entries.push(Entry { name, kind, id });
    }
    Ok(entries)
}

fn check_name(name: &[u8], folder: &str) -> Result<Name, Rule> {
    let told = || name.escape_ascii().to_string();
    let folder_told =
        || if folder.is_empty() { ".".to_owned() } else { folder.escape_debug().to_string() };
    let bad = |_bad| Rule::BadName { folder: folder_told(), name: told() };
    if name.len() > LONGEST_NAME {
        let start = name[..40].escape_ascii();
        return Err(Rule::Exceeded(format!(
            "the name `{start}...` has more than {LONGEST_NAME} bytes"
        )));
    }
    let name = Name::from_bytes(name).map_err(bad)?;
    if name.as_str().eq_ignore_ascii_case(".git") {
        return Err(Rule::DotGit(shown(folder, name.as_str()).escape_debug().to_string()));
    }
    Ok(name)
}

/// Returns what a mode means. Old programs wrote `100664` and zeros before it.
fn kind(mode: &[u8]) -> Option<Kind> {
    let start = mode.iter().position(|digit| *digit != b'0')?;
    match &mode[start..] {
        b"40000" => Some(Kind::Folder),
        b"100644" | b"100664" | b"100600" => Some(Kind::File { executable: false }),
        b"100755" | b"100775" | b"100700" => Some(Kind::File { executable: true }),
        b"120000" => Some(Kind::Link),
        b"160000" => Some(Kind::Submodule),
        _ => None,
    }
}
