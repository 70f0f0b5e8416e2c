//! Sources that are folders of the project.
//!
//! # Purpose
//! [`import`] takes a folder or a file of the project into the store; [`measure`] takes only the digest, which is
//! all that planning needs. Both walk alike, on all cores: regular files with the owner's executable bit, links as
//! text, empty folders; `.git`, `.kiln` and what `.gitignore` names are left out. What is remembered of an earlier walk
//! and has not changed is not read again.
//!
//! # Never
//! Reads outside the project, follows a link inside the source, waits for a FIFO.
//!
//! # Example
//! ```
//! use kiln_source_local::{Local, import, measure};
//! let project = tempfile::tempdir().unwrap();
//! std::fs::write(project.path().join("main.c"), "int main;").unwrap();
//! let cas = kiln_cas::MemoryCas::default();
//! let source = Local { project: project.path(), path: ".", exclude: &[], with_ignored: false, memory: None };
//! let tree = import(&cas, &source).unwrap();
//! assert_eq!(measure(&source, None).unwrap(), tree.digest());
//! assert_eq!(tree.files().count(), 1);
//! ```
#![expect(clippy::disallowed_methods, reason = "this crate owns what is remembered on disk")]

mod error;
mod ignored;
mod memory;
mod prune;
mod read;
mod rules;
mod stamp;
mod survey;

pub use error::LocalError;
pub use prune::forget_unused;
pub use stamp::{Stamp, stamps_folders};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kiln_cas::Cas;
use kiln_digest::Digest;
use kiln_ir::Source;
use kiln_source::{AnyError, Pin, Ports, SourceKind};
use kiln_tree::{File, Node, Symlink, Tree};
use rustix::thread::sched_getaffinity;

use crate::memory::Memory;
use crate::rules::Rules;
use crate::survey::{Entry, Folder, Walk, What};

/// A folder or file of a project. `exclude` holds globs of what is left out: one with a `/` is matched from the
/// folder on, one without at any depth. Unless `with_ignored` is said, what the `.gitignore` files of the project name
/// is left out, too, in it: a folder that is a source itself is taken although they name it.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    pub project: &'a Path,
    pub path: &'a str,
    pub exclude: &'a [String],
    pub with_ignored: bool,
    pub memory: Option<&'a Remember>,
}

/// Where it is remembered what sources were.
#[derive(Clone, Debug)]
pub struct Remember {
    /// A folder for what is remembered, one file a source.
    pub folder: PathBuf,
    /// Seconds since 1970, taken before anything of the source is looked at. What changed in this second or later is
    /// read again the next time: it may change once more without another time.
    pub now: u64,
}

/// Takes a folder or file of the project into the store, with all its blobs and directories.
///
/// # Errors
/// When the path leaves the project, something in it is no file, folder or link, or reading or keeping fails.
pub fn import(cas: &dyn Cas, source: &Local<'_>) -> Result<Tree, LocalError> {
    let walked = walk(source, source.memory, Some(cas))?;
    match walked {
        Walked { tree: Some(tree), all_read: true, .. } => Ok(tree),
        Walked { digest, .. } => match kiln_source::whole(cas, digest) {
            Some(tree) => Ok(tree),
            // It is remembered, but the store lost it.
            None => reread(cas, source),
        },
    }
}

/// Takes the digest of a folder or file of the project: that of the tree of [`import`]. What is new is kept, where a
/// store is given; the import that follows need not read it again.
///
/// # Errors
/// As [`import`].
pub fn measure(source: &Local<'_>, keep: Option<&dyn Cas>) -> Result<Digest, LocalError> {
    Ok(walk(source, source.memory, keep)?.digest)
}

struct Walked {
    digest: Digest,
    /// Unless it is the one that is remembered.
    tree: Option<Tree>,
    /// Nothing was remembered, so all of it was kept just now.
    all_read: bool,
}

fn reread(cas: &dyn Cas, source: &Local<'_>) -> Result<Tree, LocalError> {
    let changed = || LocalError::Changed { path: source.path.to_owned() };
    walk(source, None, Some(cas))?.tree.ok_or_else(changed)
}

fn walk(
    source: &Local<'_>,
    remember: Option<&Remember>,
    keep: Option<&dyn Cas>,
) -> Result<Walked, LocalError> {
    let rules = Rules::new(source)?;
    let place = remember.map(|remember| remember.place(&rules));
    let used = place.as_ref().zip(remember);
    let memory = used.and_then(|(place, by)| Memory::read(place, rules.whose(), by.time()));
    // The standard library would look for quotas in several files, again for each of a thousand sources.
    let n_threads = sched_getaffinity(None).map_or(1, |cpus| cpus.count() as usize);
    let walk = Walk { rules: &rules, memory: memory.as_ref(), keep, n_threads };
    let survey = walk.run()?;
    let all_read = memory.is_none();
    if let (true, Some(memory)) = (survey.is_same, &memory) {
        return Ok(Walked { digest: memory.digest(), tree: None, all_read });
    }
    let tree = seal(&survey.folders);
    if let Some(cas) = keep {
        cas.write_tree(&tree)
            .map_err(|cause| LocalError::Keep { path: source.path.to_owned(), cause })?;
    }
    if let (Some(place), Some(remember)) = (place, remember) {
        let bytes = Memory::pack(&survey.folders, tree.digest(), remember.clock(), rules.whose());
        // Without it the next walk reads again, which is no reason to fail.
        let _remembered = bytes.map(|bytes| memory::write(&place, &bytes));
    }
    Ok(Walked { digest: tree.digest(), tree: Some(tree), all_read })
}

/// Makes a tree of folders, each with a lower number than those in it.
fn seal(folders: &[Folder]) -> Tree {
    let mut sealed: BTreeMap<usize, Tree> = BTreeMap::new();
    for (number, folder) in folders.iter().enumerate().rev() {
        let mut node = |entry: &Entry| match &entry.what {
            What::File { stamp, digest } => Node::File(File::new(*digest, stamp.executable)),
            What::Link { stamp: _, target } => Node::Symlink(Symlink::new(target.clone())),
            What::Folder(number) => {
                Node::Directory(sealed.remove(&(*number as usize)).unwrap_or_else(Tree::empty))
            }
        };
        let entries = folder.entries.iter().map(|entry| (entry.name.clone(), node(entry)));
        let tree = Tree::new(entries.collect());
        sealed.insert(number, tree);
    }
    sealed.remove(&0).unwrap_or_else(Tree::empty)
}

impl Remember {
    fn place(&self, rules: &Rules) -> PathBuf {
        let mut name = Digest::of(rules.whose().as_bytes()).hex();
        name.truncate(32);
        self.folder.join(name)
    }

    fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.now)
    }

    fn clock(&self) -> i64 {
        i64::try_from(self.now).unwrap_or(i64::MAX).saturating_mul(1_000_000_000)
    }
}

/// The kind of [`Source::Local`].
#[derive(Clone, Debug)]
pub struct LocalKind {
    /// The folder of the project.
    pub project: PathBuf,
}

impl SourceKind for LocalKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Local { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let tree = self.import(source, ports)?;
        Ok(Pin { content: tree.digest().into(), tree: tree.digest() })
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let tree = self.import(source, ports)?;
        if tree.digest() != pin.tree {
            return Err(LocalError::Changed { path: source.to_string() }.into());
        }
        Ok(tree)
    }
}

impl LocalKind {
    fn import(&self, source: &Source, ports: Ports<'_>) -> Result<Tree, LocalError> {
        match source {
            Source::Local { path, exclude, with_ignored } => {
                let project = &self.project;
                let with_ignored = *with_ignored;
                import(ports.cas, &Local { project, path, exclude, with_ignored, memory: None })
            }
            foreign => Err(LocalError::Outside { path: foreign.to_string() }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own projects")]
mod tests;
