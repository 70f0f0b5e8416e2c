//! The `/usr` of this machine as the lowest layer of that of a root.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_sandbox::{HostUsr, SandboxError};
use kiln_tree::{Node, RelPath, Tree};

use crate::place::Place;
use crate::{LocalError, LocalRunner};

impl LocalRunner {
    /// Takes another folder for the `/usr` of this machine.
    pub fn take_usr(&mut self, folder: PathBuf) {
        self.usr = folder;
    }

    /// Returns the `/usr` of this machine.
    pub fn usr(&self) -> &Path {
        &self.usr
    }
}

/// Returns the `/usr` of a machine with the folders of a root that are stacked on it; `layers` are the trees of `folders`.
///
/// # Errors
/// When something is to be stacked and cannot be.
pub(crate) fn of_machine(
    machine: &Path,
    root: &Tree,
    place: &Place,
    layers: &[Tree],
    folders: &[PathBuf],
) -> Result<HostUsr, LocalError> {
    let refused =
        |step: &str| LocalError::from(SandboxError::NoUsr { step: step.to_owned(), cause: None });
    let Some(all) = usr(root) else {
        return Err(refused("one of them brings something else than a folder of this name"));
    };
    let mut host = HostUsr { folder: machine.to_owned(), above: Vec::new() };
    if all.walk().all(|(path, node)| is_there(machine, &path, &node)) {
        return Ok(host);
    }
    if place.is_whole() {
        return Err(refused("the store lies where nothing can be stacked"));
    }
    let brought = layers.iter().zip(folders).filter(|(tree, _)| usr(tree).is_some());
    host.above = brought.map(|(_, folder)| folder.join("usr")).collect();
    Ok(host)
}

fn usr(tree: &Tree) -> Option<Tree> {
    match tree.get(&RelPath::parse("usr").ok()?)? {
        Node::Directory(usr) => Some(usr),
        _ => None,
    }
}

/// Returns whether the machine has this itself. Its files are not compared: who brings one wants it seen.
fn is_there(machine: &Path, path: &RelPath, node: &Node) -> bool {
    let here = machine.join(path.as_str());
    match node {
        Node::Directory(_) => fs::symlink_metadata(here).is_ok_and(|found| found.is_dir()),
        Node::Symlink(link) => {
            fs::read_link(here).is_ok_and(|target| target == Path::new(&*link.target))
        }
        Node::File(_) => false,
    }
}
