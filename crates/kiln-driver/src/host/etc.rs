//! What of this machine is a tree: the links beside `/usr`, and the few files of `/etc` that programs in `/usr` need.
//!
//! Only what everybody may read is taken, whoever runs kiln: never a key, never a password, nothing of a home.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Tree};

use crate::host::HostError;
use crate::host::memory::Memory;

/// Names beside `/usr` that lead into it; the first two must.
const LINKS: [&str; 7] = ["bin", "lib", "sbin", "lib32", "lib64", "libo32", "libx32"];
/// Empty folders that programs expect.
const FOLDERS: [&str; 5] = ["run", "usr", "var/cache", "var/lib", "var/tmp"];
/// Files, folders and links of `/etc`: where libraries are, which program a name stands for, whom to trust.
const TAKEN: [&str; 11] = [
    "alternatives",
    "ca-certificates/extracted",
    "crypto-policies/back-ends",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls",
    "ssl/certs",
    "ssl/openssl.cnf",
];
/// Folders with this name hold keys.
const SECRET: &str = "private";
/// The shell of all phases.
const SHELL: &str = "usr/bin/sh";
/// How deep folders of `/etc` are looked into.
const MAX_DEPTH: usize = 8;

/// The tree of a machine, and where the content of its files is.
pub(crate) struct Etc {
    pub(crate) tree: Tree,
    pub(crate) files: Vec<(PathBuf, Digest)>,
}

impl Etc {
    /// Looks at a machine; what cannot be read is left out.
    pub(crate) fn read(root: &Path, memory: &mut Memory) -> Result<Self, HostError> {
        let mut taking = Taking { root, memory, draft: Draft::default(), files: Vec::new() };
        for folder in FOLDERS {
            taking.folder(folder);
        }
        taking.links_of_usr();
        for (ix, name) in LINKS.into_iter().enumerate() {
            taking.link_into_usr(name, ix < 2)?;
        }
        if !root.join(SHELL).is_file() {
            return Err(HostError::NoShell { path: root.join(SHELL) });
        }
        for name in TAKEN {
            if taking.is_open_to_all(name) {
                taking.take(&format!("etc/{name}"), 0);
            }
        }
        let Taking { draft, files, .. } = taking;
        Ok(Self { tree: draft.seal(), files })
    }
}

struct Taking<'a> {
    root: &'a Path,
    memory: &'a mut Memory,
    draft: Draft,
    files: Vec<(PathBuf, Digest)>,
}

impl Taking<'_> {
    /// Takes the links right in `/usr`, such as `lib64` where it is `lib`: what lands in such a folder has to land there.
    fn links_of_usr(&mut self) {
        for name in names(&self.root.join("usr")) {
            let target = fs::read_link(self.root.join("usr").join(&name)).ok();
            let target = target.as_deref().and_then(Path::to_str);
            if let Some(target) = target.filter(|target| !target.contains('/')) {
                self.put(&format!("usr/{name}"), Symlink::new(target).into());
            }
        }
    }

    fn link_into_usr(&mut self, name: &str, is_needed: bool) -> Result<(), HostError> {
        let path = self.root.join(name);
        let target = fs::read_link(&path).ok();
        let target = target.as_deref().and_then(Path::to_str).map(|text| text.trim_matches('/'));
        match target.filter(|target| target.starts_with("usr/")) {
            Some(target) => {
                if fs::symlink_metadata(self.root.join(target)).is_ok_and(|found| found.is_dir()) {
                    self.folder(target);
                }
                self.put(name, Symlink::new(target).into());
                Ok(())
            }
            // What nothing needs to lie there may be missing.
            None if !is_needed && fs::symlink_metadata(&path).is_err() => Ok(()),
            None => Err(HostError::NotMerged { path }),
        }
    }

    /// Returns whether everybody may look into the folders above a name in `/etc`.
    fn is_open_to_all(&self, name: &str) -> bool {
        let mut above = self.root.join("etc");
        let parents = name.split('/').take(name.matches('/').count());
        let mut folders = vec![above.clone()];
        for part in parents {
            above.push(part);
            folders.push(above.clone());
        }
        folders.iter().all(|folder| {
            fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir() && is_for_all(&found))
        })
    }

    fn take(&mut self, name: &str, depth: usize) {
        let path = self.root.join(name);
        let Ok(found) = fs::symlink_metadata(&path) else { return };
        if found.is_symlink() {
            let target = fs::read_link(&path).ok();
            if let Some(target) = target.as_deref().and_then(Path::to_str) {
                self.put(name, Symlink::new(target).into());
            }
        } else if !is_for_all(&found) {
        } else if found.is_file() {
            if let Some(digest) = self.memory.digest(&path) {
                let is_executable = found.permissions().mode() & 0o100 != 0;
                self.put(name, File::new(digest, is_executable).into());
                self.files.push((path, digest));
            }
        } else if found.is_dir() && depth < MAX_DEPTH {
            self.folder(name);
            for below in names(&path).into_iter().filter(|below| below != SECRET) {
                self.take(&format!("{name}/{below}"), depth + 1);
            }
        }
    }

    fn folder(&mut self, path: &str) {
        if let Ok(path) = RelPath::parse(path) {
            // Nothing else has this path.
            drop(self.draft.make_folder(&path));
        }
    }

    fn put(&mut self, path: &str, node: Node) {
        if let Ok(path) = RelPath::parse(path) {
            // Nothing else has this path.
            drop(self.draft.put(&path, node));
        }
    }
}

/// Returns whether everybody may read a file, or list and enter a folder.
fn is_for_all(found: &Metadata) -> bool {
    let needed = if found.is_dir() { 0o005 } else { 0o004 };
    found.permissions().mode() & needed == needed
}

/// Returns the names in a folder, sorted; those that are not UTF-8 are left out.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}
