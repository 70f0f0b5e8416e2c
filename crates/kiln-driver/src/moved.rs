//! What upstream has instead of what the lock says: the same files packed anew, other files, a tag that was moved.

use std::collections::{BTreeMap, BTreeSet};

use kiln_cas::Cas;
use kiln_exec::ForeignError;
use kiln_ir::{Content, ObjectId, Source};
use kiln_source::Pin;
use kiln_tree::{Node, RelPath, Tree};

use crate::supply::Supplier;

/// So many files that differ are told.
const MOST_FILES: usize = 10;

/// A source that is not any more what it was when it was tracked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum Moved {
    #[error(
        "`{what}` was packed anew: its sha256 is `{found}`, the lock has `{expected}`; all files in it are the same"
    )]
    #[diagnostic(
        code("K2057"),
        help("`kiln track` takes the new one into the lock, and nothing is built anew")
    )]
    Repacked { what: String, expected: String, found: String },
    #[error("`{what}` has other files than the lock says")]
    #[diagnostic(code("K2058"), help("{list}"))]
    OtherFiles { what: String, list: String },
    #[error("the tag `{tag}` of `{what}` is the commit `{found}` now, the lock has `{expected}`")]
    #[diagnostic(code("K2059"), help("{list}"))]
    OtherCommit { what: String, tag: String, expected: ObjectId, found: ObjectId, list: String },
}

/// Finds out what became of a source whose content is another one; nothing where that cannot be told.
/// `here` is the store that may hold what it was.
pub(crate) fn other_content(
    source: &Source,
    locked: &Pin,
    upstream: &Supplier<'_>,
    here: &dyn Cas,
) -> Option<Moved> {
    // What a lock file of another program names has its own hashes there.
    if source.vendored().is_some() {
        return None;
    }
    let now = upstream.track(&source.without_sha256()).ok()?;
    let what = source.to_string();
    match (&locked.content, &now.content) {
        (Content::File(expected), Content::File(found)) if now.tree == locked.tree => {
            Some(Moved::Repacked { what, expected: expected.hex(), found: found.hex() })
        }
        _ if now.tree == locked.tree => None,
        _ => {
            let list = differences(locked, &now, upstream, here);
            Some(Moved::OtherFiles { what, list })
        }
    }
}

/// Complains when the tag that a locked commit was called by is another commit now.
///
/// # Errors
/// Then, and when the tag is there no more.
pub(crate) fn check_tag(
    source: &Source,
    locked: &Pin,
    upstream: &Supplier<'_>,
    here: &dyn Cas,
) -> Result<(), ForeignError> {
    let (Source::Git { url, submodules, exclude_submodules, .. }, Content::Commit(commit)) =
        (source, &locked.content)
    else {
        return Ok(());
    };
    // A commit that is no tag is called by the nearest one, and by its own name behind it.
    let Some(tag) = commit.describe.clone().filter(|_| commit.version.is_some()) else {
        return Ok(());
    };
    let of_tag = Source::Git {
        url: url.clone(),
        track: tag.clone(),
        exclude: Vec::new(),
        submodules: *submodules,
        exclude_submodules: exclude_submodules.clone(),
    };
    let now = upstream.track(&of_tag)?;
    match &now.content {
        Content::Commit(found) if found.id != commit.id => {
            let list = differences(locked, &now, upstream, here);
            let (expected, found) = (commit.id.clone(), found.id.clone());
            Err(Moved::OtherCommit { what: source.to_string(), tag, expected, found, list }.into())
        }
        _ => Ok(()),
    }
}

/// Tells the files that differ, a line each.
fn differences(locked: &Pin, now: &Pin, upstream: &Supplier<'_>, here: &dyn Cas) -> String {
    if locked.tree == now.tree {
        return "its files are the same".to_owned();
    }
    let (Ok(before), Ok(after)) = (here.read_tree(locked.tree), upstream.tree_kept(now.tree))
    else {
        return "what it was is not in the cache, so that its files cannot be compared".to_owned();
    };
    let mut lines = compared(&before, &after);
    let n_more = lines.len().saturating_sub(MOST_FILES);
    lines.truncate(MOST_FILES);
    if n_more > 0 {
        lines.push(format!("and {n_more} more"));
    }
    lines.push(
        "somebody changed what was published: look at it before `kiln track` takes it".into(),
    );
    lines.join("\n")
}

fn compared(before: &Tree, after: &Tree) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let paths: BTreeSet<&RelPath> = before.keys().chain(after.keys()).collect();
    let line = |path: &RelPath| {
        let shown = path.as_str().escape_debug();
        match (before.get(path), after.get(path)) {
            (Some(old), Some(new)) if old.same_content(new) => None,
            (Some(old), Some(new)) => {
                Some(format!("changed {shown}: {}, was {}", told(new), told(old)))
            }
            (None, Some(new)) => Some(format!("new     {shown}: {}", told(new))),
            (Some(old), None) => Some(format!("gone    {shown}: was {}", told(old))),
            (None, None) => None,
        }
    };
    paths.into_iter().filter_map(line).collect()
}

/// Returns all that is no folder, and folders that are empty.
fn flat(tree: &Tree) -> BTreeMap<RelPath, Node> {
    let is_leaf = |node: &Node| match node {
        Node::Directory(folder) => folder.entries().is_empty(),
        Node::File(_) | Node::Symlink(_) => true,
    };
    tree.walk().filter(|(_, node)| is_leaf(node)).collect()
}

fn told(node: &Node) -> String {
    match node {
        Node::File(file) => {
            let hex = file.digest.hex();
            let kind = if file.executable { "program" } else { "file" };
            format!("a {kind} of {} bytes, sha256 {}", file.digest.size, &hex[..12])
        }
        Node::Symlink(link) => format!("a link to `{}`", link.target.escape_debug()),
        Node::Directory(_) => "an empty folder".to_owned(),
    }
}
