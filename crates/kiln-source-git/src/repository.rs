//! Bare repositories of the cache, one for each URL: what is asked of servers, and what is here.

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

use crate::address::{Address, addresses};
use crate::identity::is_refused;
use crate::resolve::Refs;
use crate::{Answer, Asked, Git, GitError, Object, Refused, Rule, Stop, Variables};

/// How often one place of a network is tried.
const TRIES: u32 = 4;
/// How long to wait before a repository that another process has is asked for again.
const TICK: Duration = Duration::from_millis(50);

/// What serves a repository of this machine: it looks for no differences between files that nobody stored as such,
/// and does not compress at length what is copied from disk to disk.
const SERVED_HERE: &str = "--upload-pack=git -c pack.window=0 -c pack.compression=1 upload-pack";

/// What a server says that does not give a commit by its name.
const UNWILLING: [&str; 5] = [
    "not our ref",
    "unadvertised object",
    "does not allow request",
    "does not support shallow",
    "couldn't find remote ref",
];
/// What a failure says that another try may not meet.
const PASSING: [&str; 8] = [
    "Could not resolve host",
    "Temporary failure",
    "timed out",
    "Connection re",
    "early EOF",
    "RPC failed",
    "unexpected disconnect",
    "returned error: 5",
];

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
    folder: PathBuf,
    /// Bytes that came in this run.
    pub(crate) n_fetched: u64,
}

impl<'a> Repositories<'a> {
    /// Asks what a repository has by name.
    pub(crate) fn refs(&self, url: &str) -> Result<Refs, GitError> {
        self.make_folder()?;
        let answer = self.each_address(url, &mut |address| {
            let arguments = ["ls-remote", "--quiet", "--", &address.url];
            self.ask(url, self.folder, &arguments, &address.variables)
        });
        Ok(Refs::parse(&answer?))
    }

    /// Opens the repository that has a commit of a URL, and makes it if it is not there.
    pub(crate) fn open(&self, url: &str, id: &ObjectId) -> Result<Repository<'a>, GitError> {
        self.open_named(url, id, "")
    }

    /// Returns what `git describe` says of a commit. It needs the history, but no file of it.
    pub(crate) fn describe(
        &self,
        url: &str,
        id: &ObjectId,
        reference: Option<&str>,
    ) -> Result<Option<String>, GitError> {
        let history = self.open_named(url, id, "-history")?;
        let _alone = history.alone()?;
        let branches = match reference {
            Some(reference) => format!("+{reference}:refs/kiln/tip"),
            None => "+refs/heads/*:refs/kiln/heads/*".to_owned(),
        };
        self.each_address(url, &mut |address| {
            let wanted = [branches.as_str(), "+refs/tags/*:refs/tags/*"];
            history.fetch_from(address, &["--filter=tree:0"], &wanted)
        })?;
        let said = history.ask(&["describe", "--tags", "--abbrev=12", id.as_str()])?;
        // Without a tag before it a commit has no such name.
        Ok(said.ok().and_then(|said| Some(String::from_utf8(said).ok()?.trim().to_owned())))
    }

    fn open_named(&self, url: &str, id: &ObjectId, what: &str) -> Result<Repository<'a>, GitError> {
        self.make_folder()?;
        let format = if id.as_str().len() == 64 { "sha256" } else { "sha1" };
        let name = format!("{}-{format}{what}", Digest::of(url.as_bytes()).hex());
        let folder = self.folder.join(&name);
        let repository =
            Repository { all: *self, url: url.to_owned(), folder: folder.clone(), n_fetched: 0 };
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
            let said = self.ask(url, self.folder, &arguments, &Variables::default())?;
            said.map_err(|said| GitError::Broken { folder, said })?;
        }
        Ok(repository)
    }

    /// Runs a command of git, unless somebody asked to stop; one that was ended for that has no answer.
    fn ask(
        &self,
        url: &str,
        folder: &Path,
        arguments: &[&str],
        variables: &Variables,
    ) -> Result<Answer, GitError> {
        if (self.stop)() {
            return Err(stopped(url));
        }
        match self.git.ask(Asked { folder, arguments, variables }, self.stop)? {
            Err(_said) if (self.stop)() => Err(stopped(url)),
            answer => Ok(answer),
        }
    }

    /// Returns what somebody prepared for a commit: a repository, or a file that `git bundle` made.
    fn prepared(&self, id: &ObjectId) -> Vec<PathBuf> {
        let named =
            |folder: &PathBuf| ["git", "bundle"].map(|end| folder.join(format!("{id}.{end}")));
        let all = self.ports.fetcher.prepared().iter().flat_map(named);
        all.filter(|path| path.exists()).collect()
    }

    fn make_folder(&self) -> Result<(), GitError> {
        let path = self.folder;
        fs::create_dir_all(path).map_err(|cause| GitError::Write { path: path.into(), cause })
    }

    /// Asks the places of a repository in their order, until one answers.
    fn each_address(
        &self,
        url: &str,
        ask: &mut dyn FnMut(&Address) -> Result<Answer, GitError>,
    ) -> Result<Vec<u8>, GitError> {
        let mut tries = Vec::new();
        let mut last = "it has no mirror".to_owned();
        let mut was_refused = false;
        for address in self.addresses(url)? {
            if address.is_second && !was_refused {
                continue;
            }
            for attempt in 1..=TRIES {
                let mut said = match ask(&address)? {
                    Ok(answer) => return Ok(answer),
                    Err(said) => said.replace(&address.url, &address.shown),
                };
                was_refused = is_refused(&said);
                if was_refused && !address.identity.is_empty() {
                    said = format!("{said} ({})", address.identity);
                }
                if (self.stop)() {
                    return Err(stopped(url));
                }
                let again =
                    !address.is_local && PASSING.iter().any(|passing| said.contains(passing));
                tries.push(format!("{}: {said}", address.shown));
                if again && attempt < TRIES {
                    let (source, message) = (without_password(url), said.clone());
                    self.ports.sink.emit(Event::FetchRetried { source, attempt, message });
                    self.ports.fetcher.rest(url, attempt);
                }
                last = said;
                if !again {
                    break;
                }
            }
        }
        let url = without_password(url);
        Err(SourceError::Unreachable { url, tries, cause: last.into() }.into())
    }

    fn addresses(&self, url: &str) -> Result<Vec<Address>, SourceError> {
        let offline = self.ports.fetcher.is_offline();
        let mut all = match addresses(url, self.ports.fetcher) {
            // Without a network nobody looks for mirrors.
            Err(SourceError::UnknownAlias { .. }) if offline => Vec::new(),
            all => all?,
        };
        all.retain(|address| address.is_local || !offline);
        if all.is_empty() {
            return Err(SourceError::Offline { url: without_password(url) });
        }
        Ok(all)
    }
}

impl Repository<'_> {
    /// Fetches a commit with all its files, unless it is here.
    ///
    /// A server is asked for the commit by its name; one that does not give it so is asked for the ref that most
    /// likely is this commit, and then for all that it has.
    pub(crate) fn bring(&mut self, id: &ObjectId, reference: Option<&str>) -> Result<(), GitError> {
        if self.ask(&["rev-parse", "--quiet", "--verify", &kept(id)])?.is_ok() {
            return Ok(());
        }
        let _alone = self.alone()?;
        if self.bring_prepared(id)? {
            return Ok(());
        }
        let before = self.n_packed();
        let mut has_answered = false;
        let all = self.all;
        let brought = all.each_address(&self.url, &mut |address| {
            let answer = self.bring_from(address, id, reference)?;
            has_answered |= answer.is_none();
            Ok(answer.unwrap_or_else(|| Err(format!("it has no commit `{id}`"))))
        });
        self.n_fetched += self.n_packed().saturating_sub(before);
        match brought {
            Ok(_) => Ok(()),
            Err(GitError::Source(SourceError::Unreachable { .. })) if has_answered => {
                Err(GitError::NoCommit { url: without_password(&self.url), commit: id.clone() })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a commit from what somebody prepared for it.
    fn bring_prepared(&self, id: &ObjectId) -> Result<bool, GitError> {
        for path in self.all.prepared(id) {
            let said = match self.bring_from(&Address::of_path(&path), id, None)? {
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
    fn alone(&self) -> Result<File, GitError> {
        let mut path = self.folder.clone().into_os_string();
        path.push(".lock");
        let failed = |cause| GitError::Write { path: PathBuf::from(&path), cause };
        let file = File::create(&path).map_err(failed)?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if (self.all.stop)() => return Err(stopped(&self.url)),
                Err(Errno::WOULDBLOCK) => thread::sleep(TICK),
                Err(cause) => return Err(failed(cause.into())),
            }
        }
        remove_leftovers(&self.folder);
        Ok(file)
    }

    /// Fetches a commit from one place; nothing when the place does not have it.
    fn bring_from(
        &self,
        address: &Address,
        id: &ObjectId,
        reference: Option<&str>,
    ) -> Result<Option<Answer>, GitError> {
        let named = format!("{id}:{}", kept(id));
        match self.fetch_from(address, &["--depth=1"], &[&named])? {
            Err(said) if UNWILLING.iter().any(|unwilling| said.contains(unwilling)) => {}
            answer => return Ok(Some(answer)),
        }
        if let Some(reference) = reference {
            let tip = format!("+{reference}:refs/kiln/tip");
            // Whatever it answers: what counts is whether the commit is here then.
            drop(self.fetch_from(address, &["--depth=1"], &[&tip])?);
            if self.keep(id)? {
                return Ok(Some(Ok(Vec::new())));
            }
        }
        let is_shallow = self.folder.join("shallow").is_file();
        let options: &[&str] = if is_shallow { &["--unshallow"] } else { &[] };
        let all = ["+refs/heads/*:refs/kiln/heads/*", "+refs/tags/*:refs/kiln/tags/*"];
        let answer = self.fetch_from(address, options, &all)?;
        let is_here = answer.is_err() || self.keep(id)?;
        Ok(is_here.then_some(answer))
    }

    /// Notes that a commit is here with all it needs, if it is.
    fn keep(&self, id: &ObjectId) -> Result<bool, GitError> {
        Ok(self.ask(&["update-ref", &kept(id), id.as_str()])?.is_ok())
    }

    /// Fetches refs and commits from one place.
    fn fetch_from(
        &self,
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
        let arguments = [&quiet[..], served, options, &["--", &address.url], wanted].concat();
        self.all.ask(&self.url, &self.folder, &arguments, &address.variables)
    }

    /// Runs a command of git here.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Answer, GitError> {
        self.all.ask(&self.url, &self.folder, arguments, &Variables::default())
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
        let (url, commit) = (without_password(&self.url), commit.clone());
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

fn stopped(url: &str) -> GitError {
    SourceError::Stopped { url: without_password(url) }.into()
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
