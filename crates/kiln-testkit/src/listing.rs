//! Trees and folders as words, for comparing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kiln_cas::Cas;
use kiln_tree::{Node, Tree};

/// Lists a tree with the contents of its files: `folder/ link->target file=content program*=content`.
///
/// # Panics
/// When the store lacks a file.
pub fn listed(tree: &Tree, cas: &dyn Cas) -> String {
    let mut out = String::new();
    for (path, node) in tree.walk() {
        let written = match node {
            Node::Directory(_) => write!(out, "{path}/ "),
            Node::Symlink(link) => write!(out, "{path}->{} ", link.target),
            Node::File(file) => {
                let content = cas.read(file.digest).expect("the store has all files");
                let content = String::from_utf8_lossy(&content);
                write!(out, "{path}{}={content} ", if file.executable { "*" } else { "" })
            }
        };
        written.expect("a string takes all");
    }
    out.trim_end().to_owned()
}

/// Returns all files below a folder.
///
/// # Panics
/// When a folder cannot be read.
pub fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        if entry.file_type().expect("it has a type").is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.insert(entry.path());
        }
    }
    found
}
