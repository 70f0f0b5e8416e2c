//! Trees as words, for comparing.

use std::fmt::Write as _;

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
