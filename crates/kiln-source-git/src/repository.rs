//! Bare repositories of the cache, one for each URL: what is fetched into them, and what is here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use kiln_digest::Digest;
use kiln_event::Event;
use kiln_ir::ObjectId;
use kiln_source::{Ports, SourceError, without_password};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::address::Address;
use crate::places::{asked_here, stopped};
use crate::{Answer, Asked, Git, GitError, Object, Refused, Rule, Stop};

/// How long to wait before a repository that another process has is asked for again.
const TICK: Duration = Duration::from_millis(50);

/// What serves a repository of this machine: it looks for no differences between files that nobody stored as such,
/// and does not compress at length what is copied from disk to disk. It leaves out files where they are not asked for.
const SERVED_HERE: &str = "--upload-pack=git -c pack.window=0 -c pack.compression=1 -c uploadpack.allowFilter=true upload-pack";

/// What a server says that does not give a commit by its name.
pub(crate) const UNWILLING: [&str; 5] = [
    "not our ref",
    "unadvertised object",
    "does not allow request",
    "does not support shallow",
    "couldn't find remote ref",
];
/// What is wrong with objects that another fetch may bring.
const MISSING: [&str; 4] = ["is missing", "cannot be read", "ends too early", "has no tree"];

/// All repositories of this user.
#[derive(Clone, Copy)]
pub(crate) struct Repositories<'a> {
    pub(crate) git: &'a dyn Git,
    pub(crate) folder: &'a Path,
    pub(crate) ports: Ports<'a>,
    pub(crate) stop: Stop<'a>,
}

/// One repository. Only while something is fetched into it others have to wait: nothing is ever taken away.
pub(crate) struct Repository<'a> {
    all: Repositories<'a>,
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    /// Bytes that came in this run.
    pub(crate) n_fetched: u64,
    /// Whether what is fetched is what a new repository would get.
    is_anew: bool,
}

/// A repository that nobody else fetches into.
pub(crate) struct Alone(File);

impl Drop for Alone {
    fn drop(&mut self) {
        // What git left running in the background may have the file, too: it is not to hold the lock.
        rustix::fs::flock(&self.0, FlockOperation::Unlock).ok();
    }
}

impl<'a> Repositories<'a> {
    /// Opens the repository that has a commit of a URL, and makes it if it is not there.
    pub(crate) fn open(&self, url: &str, id: &ObjectId) -> Result<Repository<'a>, GitError> {
        self.open_named(url, id, "")
    }

    /// Opens a repository of a URL that is for something else, such as its history.
    pub(crate) fn open_named(
        &self,
        url: &str,
        id: &ObjectId,
        what: &str,
    ) -> Result<Repository<'a>, GitError> {
        self.make_folder()?;
        let format = if id.as_str().len() == 64 { "sha256" } else { "sha1" };
        let name = format!("{}-{format}{what}", Digest::of(url.as_bytes()).hex());
        let folder = self.folder.join(&name);
        let (url, n_fetched, is_anew) = (url.to_owned(), 0, false);
        let repository = Repository { all: *self, url, folder: folder.clone(), n_fetched, is_anew };
        let url = &repository.url;
        if !folder.join("HEAD").is_file() {
            // A repository that nothing can be fetched into is not made.
            if self.prepared(id).is_empty() {
                self.addresses(url)?;
            }
        }
        let _alone = repository.alone()?;
        if !folder.join("HEAD").is_file() {
            let object_format = format!("--object-format={format}");
            let arguments = ["init", "--quiet", "--bare", "--template=", &object_format, &name];
            let said = self.ask(url, asked_here(self.folder, &arguments))?;
            said.map_err(|said| GitError::Broken { folder, said })?;
        }
        Ok(repository)
    }

    /// Returns what somebody prepared for a commit: a repository, or a file that `git bundle` made.
    fn prepared(&self, id: &ObjectId) -> Vec<PathBuf> {
        let named =
            |folder: &PathBuf| ["git", "bundle"].map(|end| folder.join(format!("{id}.{end}")));
        let all = self.ports.fetcher.prepared().iter().flat_map(named);
        all.filter(|path| path.exists()).collect()
    }

    pub(crate) fn make_folder(&self) -> Result<(), GitError> {
        let path = self.folder;
        fs::create_dir_all(path).map_err(|cause| GitError::Write { path: path.into(), cause })
    }
}

impl Repository<'_> {
    /// Fetches a commit with all its files, unless it is here.
    ///
    /// A server is asked for the commit by its name; one that does not give it so is asked for the ref that most
    /// likely is this commit, and then for all that it has.
    pub(crate) fn bring(&mut self, id: &ObjectId, reference: Option<&str>) -> Result<(), GitError> {
        if self.is_kept(id)? {
            return Ok(());
        }
        let alone = self.alone()?;
        // Who had it before may have fetched the very commit.
        if self.is_kept(id)? {
            return Ok(());
        }
        self.bring_alone(&alone, id, reference)
    }

    /// Fetches a commit anew, of which something turned out to be missing here.
    pub(crate) fn repair(
        &mut self,
        id: &ObjectId,
        reference: Option<&str>,
    ) -> Result<(), GitError> {
        let alone = self.alone()?;
        self.ask(&["update-ref", "-d", &kept(id)])?
            .map_err(|said| GitError::Broken { folder: self.folder.clone(), said })?;
        self.is_anew = true;
        let brought = self.bring_alone(&alone, id, reference);
        self.is_anew = false;
        brought
    }

    /// Returns whether a refusal says that something of a commit is missing in this very repository.
    pub(crate) fn is_damaged(&self, refused: &Refused, commit: &ObjectId) -> bool {
        let here = refused.commit == *commit && refused.url == without_password(&self.url);
        here && matches!(&*refused.rule, Rule::Object { what, .. } if MISSING.contains(what))
    }

    fn bring_alone(
        &mut self,
        alone: &Alone,
        id: &ObjectId,
        reference: Option<&str>,
    ) -> Result<(), GitError> {
        if self.bring_prepared(alone, id)? {
            return Ok(());
        }
        let before = self.n_packed();
        // What each place answered last: whether it has no such commit.
        let mut without = BTreeMap::new();
        let all = self.all;
        let brought = all.each_address(&self.url, &mut |address| {
            let answer = self.bring_from(alone, address, id, reference)?;
            without.insert(address.shown.clone(), answer.is_none());
            Ok(answer.unwrap_or_else(|| Err(format!("it has no commit `{id}`"))))
        });
        self.n_fetched += self.n_packed().saturating_sub(before);
        let is_nowhere = !without.is_empty() && without.values().all(|is_without| *is_without);
        match brought {
            Ok(_) => Ok(()),
            Err(GitError::Source(SourceError::Unreachable { .. })) if is_nowhere => {
                Err(GitError::NoCommit { url: without_password(&self.url), commit: id.clone() })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a commit from what somebody prepared for it.
    fn bring_prepared(&self, alone: &Alone, id: &ObjectId) -> Result<bool, GitError> {
        for path in self.all.prepared(id) {
            let said = match self.bring_from(alone, &Address::of_path(&path), id, None)? {
                Some(Ok(_)) => return Ok(true),
                Some(Err(said)) => said,
                None => "it has no such commit".to_owned(),
            };
            let what = "is not what its name says, and is passed over";
            let message = format!("`{}` {what}: {said}", path.display());
            self.all.ports.sink.emit(Event::Warning { code: "K2005".to_owned(), message });
        }
        Ok(false)
    }

    /// Waits until no other process fetches into it, and takes away what one left that was killed.
    pub(crate) fn alone(&self) -> Result<Alone, GitError> {
        let mut path = self.folder.clone().into_os_string();
        path.push(".lock");
        let failed = |cause| GitError::Write { path: PathBuf::from(&path), cause };
        let mut open = File::options();
        let file = open.read(true).write(true).create(true).truncate(false);
        let file = file.open(&path).map_err(failed)?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if (self.all.stop)() => return Err(stopped(&self.url)),
                Err(Errno::WOULDBLOCK) => thread::sleep(TICK),
                Err(cause) => return Err(failed(cause.into())),
            }
        }
        remove_leftovers(&self.folder);
        Ok(Alone(file))
    }

    /// Fetches a commit from one place; nothing when the place does not have it.
    fn bring_from(
        &self,
        alone: &Alone,
        address: &Address,
        id: &ObjectId,
        reference: Option<&str>,
    ) -> Result<Option<Answer>, GitError> {
        let named = format!("{id}:{}", kept(id));
        match self.fetch_from(alone, address, &["--depth=1"], &[&named])? {
            Err(said) if UNWILLING.iter().any(|unwilling| said.contains(unwilling)) => {}
            answer => return Ok(Some(answer)),
        }
        if let Some(reference) = reference {
            let tip = format!("+{reference}:refs/kiln/tip");
            let answer = self.fetch_from(alone, address, &["--depth=1"], &[&tip])?;
            // There may be no such ref, and it may be another commit now: then all that there is may have this one.
            if answer.is_ok() && self.keep(id)? {
                return Ok(Some(answer));
            }
        }
        let is_shallow = self.folder.join("shallow").is_file();
        let options: &[&str] = if is_shallow { &["--unshallow"] } else { &[] };
        let all = ["+refs/heads/*:refs/kiln/heads/*", "+refs/tags/*:refs/kiln/tags/*"];
        let answer = self.fetch_from(alone, address, options, &all)?;
        let is_here = answer.is_err() || self.keep(id)?;
        Ok(is_here.then_some(answer))
    }

    fn is_kept(&self, id: &ObjectId) -> Result<bool, GitError> {
        Ok(self.ask(&["rev-parse", "--quiet", "--verify", &kept(id)])?.is_ok())
    }

    /// Notes that a commit is here with all it needs, if a ref that was fetched leads to it: git makes a ref only when
    /// all behind it came. That the commit itself came says nothing.
    fn keep(&self, id: &ObjectId) -> Result<bool, GitError> {
        let leading = ["for-each-ref", "--count=1", "--contains", id.as_str()];
        let below = ["refs/kiln/tip", "refs/kiln/heads", "refs/kiln/tags"];
        let found = self.ask(&[&leading[..], &below].concat())?;
        if found.is_ok_and(|found| !found.is_empty()) {
            return Ok(self.ask(&["update-ref", &kept(id), id.as_str()])?.is_ok());
        }
        Ok(false)
    }

    /// Fetches refs and commits from one place.
    pub(crate) fn fetch_from(
        &self,
        alone: &Alone,
        address: &Address,
        options: &[&str],
        wanted: &[&str],
    ) -> Result<Answer, GitError> {
        let quiet = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--no-show-forced-updates",
        ];
        let served: &[&str] = if address.is_local { &[SERVED_HERE] } else { &[] };
        let anew: &[&str] = if self.is_anew { &["--refetch"] } else { &[] };
        let places = ["--", &address.url];
        let arguments = [&quiet[..], served, anew, options, &places, wanted].concat();
        let asked = self.all.asked_of(address, &self.folder, &arguments);
        self.all.ask(&self.url, Asked { lock: Some(&alone.0), ..asked })
    }

    /// Runs a command of git here.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Answer, GitError> {
        self.all.ask(&self.url, asked_here(&self.folder, arguments))
    }

    /// Returns the commit that a name of an object leads to.
    pub(crate) fn commit(&self, id: &ObjectId) -> Result<ObjectId, GitError> {
        self.leads_to(id, "commit", "is no commit")
    }

    /// Returns the root folder of a commit.
    pub(crate) fn root(&self, id: &ObjectId) -> Result<ObjectId, GitError> {
        self.leads_to(id, "tree", "has no tree")
    }

    fn leads_to(
        &self,
        id: &ObjectId,
        kind: &str,
        else_it: &'static str,
    ) -> Result<ObjectId, GitError> {
        let name = format!("{id}^{{{kind}}}");
        let said = self.ask(&["rev-parse", "--quiet", "--verify", &name])?.unwrap_or_default();
        let said = String::from_utf8(said).unwrap_or_default();
        ObjectId::parse(said.trim())
            .map_err(|_bad| self.refused(id, Rule::Object { id: id.to_string(), what: else_it }))
    }

    /// Gives objects in the order they are asked for, each with its place in it.
    pub(crate) fn objects(
        &self,
        commit: &ObjectId,
        wanted: &[&ObjectId],
        each: &mut dyn FnMut(usize, &mut Object<'_>) -> Result<(), Rule>,
    ) -> Result<(), GitError> {
        let read = self.all.git.objects(&self.folder, wanted, each)?;
        if (self.all.stop)() {
            return Err(stopped(&self.url));
        }
        read.map_err(|rule| self.refused(commit, rule))
    }

    pub(crate) fn refused(&self, commit: &ObjectId, rule: Rule) -> GitError {
        Self::refused_of(&self.url, commit, rule)
    }

    pub(crate) fn refused_of(url: &str, commit: &ObjectId, rule: Rule) -> GitError {
        let (url, commit) = (without_password(url), commit.clone());
        Refused { url, commit, rule: Box::new(rule) }.into()
    }

    /// Returns how many bytes all packs have.
    fn n_packed(&self) -> u64 {
        let packs = fs::read_dir(self.folder.join("objects/pack")).into_iter().flatten().flatten();
        let is_pack =
            |entry: &fs::DirEntry| entry.path().extension().is_some_and(|end| end == "pack");
        packs.filter(is_pack).filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
    }
}

/// Returns the ref that says a commit is here with all it needs.
fn kept(id: &ObjectId) -> String {
    format!("refs/kiln/commits/{id}")
}

/// Takes away what a git that was killed left: nobody else writes here, and the next one would wait for it.
fn remove_leftovers(folder: &Path) {
    for name in ["shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock"] {
        remove(&folder.join(name));
    }
    for below in ["objects/pack", "refs/kiln", "refs/kiln/commits"] {
        for entry in fs::read_dir(folder.join(below)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("tmp_")
                || Path::new(&name).extension().is_some_and(|end| end == "lock")
            {
                remove(&entry.path());
            }
        }
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        // What cannot be removed is told by git when it is in its way.
        Ok(()) | Err(_) => {}
    }
}
