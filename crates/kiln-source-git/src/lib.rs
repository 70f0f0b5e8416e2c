//! Sources that are commits of git repositories.
//!
//! # Purpose
//! [`GitKind`] is the kind of [`Source::Git`]: it finds the commit that a branch, a tag or a glob of tags means now,
//! fetches a locked commit into a bare repository of the cache, and writes its tree from the objects straight into
//! the store, submodules included. Nothing is checked out: no filter, no attribute and no hook of a repository has a
//! say in what its tree is.
//!
//! # Never
//! Links a git library, changes an object, takes the answer of a server for the content it asked for, lets a password be
//! seen: not in an argument, an event or an error.
//!
//! # Example
//! ```
//! use kiln_ir::Source;
//! use kiln_source::SourceKind;
//! use kiln_source_git::{GitKind, GitProgram};
//! let git = GitProgram::new("git".into(), &std::collections::BTreeMap::new());
//! let kind = GitKind { git: Box::new(git), mirrors: "git-v1".into() };
//! let (url, track) = ("https://example.org/app.git".to_owned(), "v1.*".to_owned());
//! let (exclude, exclude_submodules) = (Vec::new(), Vec::new());
//! assert!(kind.takes(&Source::Git { url, track, exclude, submodules: true, exclude_submodules }));
//! ```
#![expect(clippy::disallowed_methods, reason = "this crate runs git and owns its repositories")]

mod address;
mod describe;
mod entries;
mod error;
mod globs;
mod identity;
mod places;
mod program;
mod repository;
mod resolve;
mod running;
mod ssh;
mod submodules;
mod version;
mod write;

pub use error::{GitError, Refused, Rule};
pub use identity::Variables;
pub use program::GitProgram;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_event::Event;
use kiln_ir::{Commit, Content, ObjectId, Source};
use kiln_source::{AnyError, Patience, Pin, Ports, SourceKind, without_password};
use kiln_tree::Tree;

use globs::Globs;
use repository::{Repositories, Repository};
use submodules::Submodules;

/// Says whether somebody asked to stop.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// What git printed, or what it complained of.
pub type Answer = Result<Vec<u8>, String>;

/// An object as git gives it.
pub struct Object<'a> {
    pub id: &'a ObjectId,
    /// `blob`, `tree`, `commit` or `tag`.
    pub kind: &'a str,
    pub size: u64,
    pub content: &'a mut dyn Read,
}

/// A command of git.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// A repository, or the folder of all.
    pub folder: &'a Path,
    pub arguments: &'a [&'a str],
    pub variables: &'a Variables,
    /// How long a server may take; nothing where none is asked.
    pub patience: Option<Patience>,
    /// What others wait for while this writes: git holds it, too, so that it is free only when git is gone.
    pub lock: Option<&'a File>,
}

/// What is asked of git; its program is one answer.
pub trait Git: Send + Sync {
    /// Runs a command of git.
    ///
    /// # Errors
    /// When there is no git; what it complains of is an answer.
    fn ask(&self, asked: Asked<'_>, stop: Stop<'_>) -> Result<Answer, GitError>;

    /// Gives objects of a repository in the order they are asked for, each with its place in it.
    ///
    /// # Errors
    /// When there is no git; one that is missing or refused is an answer, and the last one.
    fn objects(
        &self,
        folder: &Path,
        wanted: &[&ObjectId],
        each: &mut dyn FnMut(usize, &mut Object<'_>) -> Result<(), Rule>,
    ) -> Result<Result<(), Rule>, GitError>;
}

/// The kind of [`Source::Git`].
pub struct GitKind {
    pub git: Box<dyn Git>,
    /// Where the repositories are kept, such as `git-v1` of the cache; made when it is missing.
    pub mirrors: PathBuf,
}

/// A source taken apart.
struct Parts<'a> {
    url: &'a str,
    track: &'a str,
    exclude: &'a [String],
    submodules: Option<&'a [String]>,
}

impl SourceKind for GitKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Git { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let wanted = parts(source)?;
        Ok(told(wanted.url, ports, || self.look_up(&wanted, ports))?)
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let wanted = parts(source)?;
        let Content::Commit(commit) = pin.content else {
            return Err(GitError::NoGitSource { given: source.to_string() }.into());
        };
        if let Some(tree) = kiln_source::whole(ports.cas, pin.tree) {
            return Ok(tree);
        }
        Ok(told(wanted.url, ports, || self.bring(&wanted, &commit.id, pin.tree, ports))?)
    }
}

impl GitKind {
    /// Brings the tree of a commit into the store, with its submodules: for whoever knows the commit from elsewhere, such
    /// as the lock file of another program. `reference` is the whole name of a ref that leads to it, for servers that give
    /// no commit by its name.
    ///
    /// # Errors
    /// When the commit cannot be had or is refused.
    pub fn commit_tree(
        &self,
        url: &str,
        commit: &ObjectId,
        reference: Option<&str>,
        ports: Ports<'_>,
    ) -> Result<Tree, GitError> {
        told(url, ports, || {
            let stop = || ports.fetcher.is_stopped();
            let all = Repositories { git: &*self.git, folder: &self.mirrors, ports, stop: &stop };
            let mut repository = all.open(url, commit)?;
            repository.bring(commit, reference)?;
            let wanted = Parts { url, track: commit.as_str(), exclude: &[], submodules: Some(&[]) };
            tree(&wanted, &mut repository, (commit, reference), None, &all)
        })
    }

    /// Finds the commit of now, and takes its tree.
    fn look_up(&self, wanted: &Parts<'_>, ports: Ports<'_>) -> Result<(Pin, u64), GitError> {
        let stop = || ports.fetcher.is_stopped();
        let all = Repositories { git: &*self.git, folder: &self.mirrors, ports, stop: &stop };
        let refs = all.refs(wanted.url)?;
        let found = resolve::resolve(wanted.url, wanted.track, wanted.exclude, &refs)?;
        let mut repository = all.open(wanted.url, &found.id)?;
        repository.bring(&found.id, found.reference.as_deref())?;
        let (tree, n_bytes) =
            tree(wanted, &mut repository, (&found.id, found.reference.as_deref()), None, &all)?;
        let id = repository.commit(&found.id)?;
        let describe = match found.tag.clone().or_else(|| resolve::tag_of(&id, &refs)) {
            Some(tag) => Some(tag),
            None if refs.has_tags() => {
                all.describe(&repository, &id, found.reference.as_deref(), &refs)?
            }
            None => None,
        };
        let version = found.tag.as_deref().and_then(|tag| resolve::version(wanted.track, tag));
        let content = Content::Commit(Commit { id, describe, version });
        Ok((Pin { content, tree: tree.digest() }, n_bytes))
    }

    /// Fetches a commit that is known, and checks its tree.
    fn bring(
        &self,
        wanted: &Parts<'_>,
        id: &ObjectId,
        expected: Digest,
        ports: Ports<'_>,
    ) -> Result<(Tree, u64), GitError> {
        let stop = || ports.fetcher.is_stopped();
        let all = Repositories { git: &*self.git, folder: &self.mirrors, ports, stop: &stop };
        let mut repository = all.open(wanted.url, id)?;
        let reference = resolve::probable(wanted.track);
        repository.bring(id, reference.as_deref())?;
        tree(wanted, &mut repository, (id, reference.as_deref()), Some(expected), &all)
    }
}

/// Writes the tree of a commit with its submodules into the store, when it is the one that is expected.
fn tree(
    wanted: &Parts<'_>,
    repository: &mut Repository<'_>,
    (id, reference): (&ObjectId, Option<&str>),
    expected: Option<Digest>,
    all: &Repositories<'_>,
) -> Result<(Tree, u64), GitError> {
    let failed = |cause| Repository::refused_of(wanted.url, id, Rule::Keep(cause));
    let globs = wanted.submodules.map(Globs::new).transpose()?;
    let mut submodules = Submodules::new(all, globs.as_ref());
    let mut batch = all.ports.cas.batch().map_err(failed)?;
    let tree =
        submodules::write_or_repair(repository, (id, reference), &mut submodules, &mut *batch)?;
    if let Some(expected) = expected.filter(|expected| *expected != tree.digest()) {
        let (url, commit) = (without_password(wanted.url), id.clone());
        let (expected, found) = (expected.to_string(), tree.digest().to_string());
        return Err(GitError::OtherTree { url, commit, expected, found });
    }
    batch.keep().and_then(|()| all.ports.cas.write_tree(&tree)).map_err(failed)?;
    Ok((tree, repository.n_fetched + submodules.n_fetched))
}

fn parts(source: &Source) -> Result<Parts<'_>, GitError> {
    match source {
        Source::Git { url, track, exclude, submodules, exclude_submodules } => {
            let submodules = submodules.then_some(exclude_submodules.as_slice());
            Ok(Parts { url, track, exclude, submodules })
        }
        other => Err(GitError::NoGitSource { given: other.to_string() }),
    }
}

/// Tells what becomes of a source; the work answers with the bytes that came, too.
fn told<T>(
    url: &str,
    ports: Ports<'_>,
    work: impl FnOnce() -> Result<(T, u64), GitError>,
) -> Result<T, GitError> {
    let source = without_password(url);
    ports.sink.emit(Event::FetchStarted { source: source.clone() });
    match work() {
        Ok((done, bytes)) => {
            ports.sink.emit(Event::Fetched { source, bytes });
            Ok(done)
        }
        Err(error) => {
            ports.sink.emit(Event::FetchFailed { source, message: error.to_string() });
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
