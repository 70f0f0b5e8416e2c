//! Sources of repositories that the real git makes, also of such as no honest one would make.

mod described;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use kiln_cas::{Cas as _, MemoryCas};
use kiln_event::Sink;
use kiln_source::{Fetcher, Settings, ThreadPause};
use kiln_testkit::scratch;
use tempfile::TempDir;

use super::*;

/// A folder of repositories, a cache, and what was told.
struct World {
    folder: TempDir,
    cas: MemoryCas,
    fetcher: Fetcher,
    told: Mutex<Vec<String>>,
}

impl Sink for World {
    fn emit(&self, event: Event) {
        let word = match event {
            Event::FetchStarted { .. } => "started".to_owned(),
            Event::Fetched { bytes, .. } => {
                format!("fetched {}", if bytes > 0 { "some" } else { "none" })
            }
            Event::FetchFailed { .. } => "failed".to_owned(),
            other => format!("{other:?}"),
        };
        self.told.lock().unwrap().push(word);
    }
}

impl World {
    fn new() -> Self {
        let folder = scratch();
        fs::create_dir(folder.path().join("home")).unwrap();
        let mut mirrors = kiln_source::Mirrors::default();
        mirrors.set("a", [format!("file://{}", folder.path().display())]).unwrap();
        let settings =
            Settings { folder: folder.path().join("downloads"), mirrors, ..Settings::default() };
        let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
        let (cas, told) = (MemoryCas::default(), Mutex::default());
        Self { folder, cas, fetcher, told }
    }

    fn kind(&self) -> GitKind {
        let path = std::env::var("PATH").unwrap();
        let home = self.folder.path().join("home").display().to_string();
        let variables = BTreeMap::from([("PATH".to_owned(), path), ("HOME".to_owned(), home)]);
        let git = Box::new(GitProgram::new("git".into(), &variables));
        GitKind { git, mirrors: self.folder.path().join("git-v1") }
    }

    fn ports(&self) -> Ports<'_> {
        Ports { cas: &self.cas, fetcher: &self.fetcher, sink: self }
    }

    /// Runs git in a repository, which is made when it is not there; returns what it printed.
    fn git(&self, repository: &str, arguments: &[&str], input: &[u8]) -> String {
        let folder = self.folder.path().join(repository);
        let git = |arguments: &[&str], input: &[u8]| {
            let mut command = Command::new("git");
            command.args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]);
            command
                .args(arguments)
                .current_dir(&folder)
                .env("HOME", self.folder.path().join("home"));
            for who in ["AUTHOR", "COMMITTER"] {
                command
                    .env(format!("GIT_{who}_NAME"), "a")
                    .env(format!("GIT_{who}_EMAIL"), "a@example.org");
                command.env(format!("GIT_{who}_DATE"), "1000000000 +0000");
            }
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "git {arguments:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            git(&["init", "--quiet"], b"");
        }
        git(arguments, input)
    }

    /// Writes files and commits them all; returns the commit.
    fn commit(&self, repository: &str, files: &[(&str, &str)]) -> String {
        self.git(repository, &["status", "--short"], b"");
        for (path, text) in files {
            let path = self.folder.path().join(repository).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(repository, &["add", "--all"], b"");
        self.git(repository, &["commit", "--quiet", "--message=x", "--allow-empty"], b"");
        self.git(repository, &["rev-parse", "HEAD"], b"")
    }

    /// Puts the repositories of the cache out of reach.
    fn forget(&self, name: &str) {
        let path = |name: &str| self.folder.path().join(name);
        fs::rename(path("git-v1"), path(name)).unwrap();
    }

    fn track(&self, source: &Source) -> Result<Pin, AnyError> {
        self.kind().track(source, self.ports())
    }

    /// Tracks a source and returns its tree, or what is wrong with it.
    fn tree(&self, source: &Source) -> String {
        match self.track(source) {
            Ok(pin) => {
                let tree = self.cas.read_tree(pin.tree).unwrap();
                format!("{tree:?}")
            }
            Err(error) => error.to_string(),
        }
    }
}

fn source(url: &str, track: &str) -> Source {
    let (exclude, exclude_submodules) = (Vec::new(), Vec::new());
    Source::Git {
        url: url.to_owned(),
        track: track.to_owned(),
        exclude,
        submodules: true,
        exclude_submodules,
    }
}

fn commit_of(pin: &Pin) -> Commit {
    match &pin.content {
        Content::Commit(commit) => commit.clone(),
        Content::File(file) => panic!("{file} is no commit"),
    }
}

#[test]
fn a_tree_is_what_was_committed_whatever_attributes_and_filters_say() {
    let world = World::new();
    let attributes = "* text eol=crlf export-subst ident filter=evil\nsecret export-ignore\n";
    world.commit(
        "up",
        &[
            (".gitattributes", attributes),
            ("text", "$Id$ $Format:%H$\n"),
            ("secret", "s"),
            ("d/run", "#!"),
        ],
    );
    fs::write(
        world.folder.path().join("home/.gitconfig"),
        "[filter \"evil\"]\n smudge = touch /tmp/kiln-smudged\n[core]\n autocrlf = true\n",
    )
    .unwrap();
    world.git("up", &["update-index", "--chmod=+x", "d/run"], b"");
    symlink("d/run", world.folder.path().join("up/link")).unwrap();
    world.git("up", &["add", "link"], b"");
    let commit = {
        world.git("up", &["-c", "core.autocrlf=false", "commit", "--quiet", "--message=y"], b"");
        world.git("up", &["rev-parse", "HEAD"], b"")
    };
    let pin = world.track(&source("a:up", "main")).unwrap();
    assert_eq!(commit_of(&pin).id.as_str(), commit);
    let tree = world.cas.read_tree(pin.tree).unwrap();
    let path = |text: &str| kiln_tree::RelPath::parse(text).unwrap();
    let file = |text: &str, executable| {
        Some(kiln_tree::File::new(Digest::of(text.as_bytes()), executable).into())
    };
    assert_eq!(tree.get(&path("text")), file("$Id$ $Format:%H$\n", false));
    assert_eq!(tree.get(&path("secret")), file("s", false));
    assert_eq!(tree.get(&path("d/run")), file("#!", true));
    assert_eq!(tree.get(&path("link")), Some(kiln_tree::Symlink::new("d/run").into()));
    assert_eq!(tree.files().count(), 4);
}

#[test]
fn a_locked_commit_is_fetched_alone_and_not_again() {
    let world = World::new();
    let first = world.commit("up", &[("f", "1")]);
    let pin = world.track(&source("a:up", "main")).unwrap();
    world.commit("up", &[("f", "2")]);
    world.forget("first");
    let empty = World { cas: MemoryCas::default(), ..world };
    let fetch = |world: &World, pin: &Pin| {
        world.kind().fetch(&source("a:up", "main"), pin.clone(), world.ports())
    };
    let tree = fetch(&empty, &pin).unwrap();
    assert_eq!(tree.digest(), pin.tree);
    assert_eq!(commit_of(&pin).id.as_str(), first);
    // One commit came, and no branch.
    let mirror = fs::read_dir(empty.folder.path().join("git-v1")).unwrap().flatten();
    let folder = mirror.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
    assert!(folder.join("shallow").is_file());
    // The repository is gone, the store is empty: what came is enough.
    fs::rename(empty.folder.path().join("up"), empty.folder.path().join("gone")).unwrap();
    let again = World { cas: MemoryCas::default(), ..empty };
    again.told.lock().unwrap().clear();
    assert_eq!(fetch(&again, &pin).unwrap().digest(), pin.tree);
    assert_eq!(*again.told.lock().unwrap(), ["started", "fetched none"]);
    // With its tree in the store nothing is asked at all.
    again.forget("second");
    assert_eq!(fetch(&again, &pin).unwrap().digest(), pin.tree);
}

#[test]
fn a_glob_takes_the_newest_version_and_the_lock_keeps_what_it_is_called() {
    let world = World::new();
    let second = {
        world.commit("up", &[("f", "1")]);
        world.git("up", &["tag", "v1.9"], b"");
        let second = world.commit("up", &[("f", "2")]);
        world.git("up", &["tag", "--annotate", "--message=t", "v1.10"], b"");
        world.commit("up", &[("f", "3")]);
        world.git("up", &["tag", "v1.11-rc1"], b"");
        world.commit("up", &[("f", "4")]);
        second
    };
    let glob = |exclude: &[&str]| Source::Git {
        url: "a:up".to_owned(),
        track: "v1.*".to_owned(),
        exclude: exclude.iter().map(ToString::to_string).collect(),
        submodules: true,
        exclude_submodules: Vec::new(),
    };
    let release = commit_of(&world.track(&glob(&["*rc*"])).unwrap());
    assert_eq!(release.id.as_str(), second);
    assert_eq!(
        (release.describe.as_deref(), release.version.as_deref()),
        (Some("v1.10"), Some("1.10"))
    );
    let candidate = commit_of(&world.track(&glob(&[])).unwrap());
    assert_eq!(candidate.version.as_deref(), Some("1.11-rc1"));
    let tip = commit_of(&world.track(&source("a:up", "main")).unwrap());
    let described = format!("v1.11-rc1-1-g{}", &tip.id.as_str()[..12]);
    assert_eq!((tip.describe, tip.version), (Some(described), None));
    assert_eq!(world.tree(&source("a:up", "v2.*")), "no tag of `a:up` is a version of `v2.*`");
}

#[test]
fn submodules_are_part_of_the_tree_unless_they_are_left_out() {
    let world = World::new();
    world.commit("inner", &[("deep", "d")]);
    world.commit("lib", &[("lib.c", "l")]);
    let add = |repository: &str, url: &str, path: &str| {
        world.git(repository, &["submodule", "--quiet", "add", "--force", url, path], b"");
    };
    let beside = |name: &str| format!("file://{}/{name}", world.folder.path().display());
    add("lib", &beside("inner"), "in");
    world.git("lib", &["config", "--file", ".gitmodules", "submodule.in.url", "../inner"], b"");
    world.commit("lib", &[]);
    world.commit("app", &[("main.c", "m")]);
    add("app", &beside("lib"), "sub/lib");
    add("app", &beside("inner"), "sub/doc");
    world.git("app", &["config", "--file", ".gitmodules", "submodule.sub/lib.url", "../lib"], b"");
    world.git(
        "app",
        &["config", "--file", ".gitmodules", "submodule.sub/doc.url", "../inner"],
        b"",
    );
    world.commit("app", &[]);
    let files = |submodules: bool, exclude: &[&str]| {
        let source = Source::Git {
            url: "a:app".to_owned(),
            track: "main".to_owned(),
            exclude: Vec::new(),
            submodules,
            exclude_submodules: exclude.iter().map(ToString::to_string).collect(),
        };
        let pin = world.track(&source).unwrap();
        let tree = world.cas.read_tree(pin.tree).unwrap();
        let files: Vec<String> = tree.files().map(|(path, _)| path.to_string()).collect();
        assert!(tree.subtree(&kiln_tree::RelPath::parse("sub/doc").unwrap()).is_some());
        files.join(" ")
    };
    assert_eq!(
        files(true, &[]),
        ".gitmodules main.c sub/doc/deep sub/lib/.gitmodules sub/lib/in/deep sub/lib/lib.c"
    );
    assert_eq!(
        files(true, &["sub/doc", "*/in"]),
        ".gitmodules main.c sub/lib/.gitmodules sub/lib/lib.c"
    );
    assert_eq!(files(false, &[]), ".gitmodules main.c");
}

#[test]
fn what_was_prepared_for_a_commit_is_taken_before_any_server_is_asked() {
    let world = World::new();
    world.commit("up", &[("f", "1")]);
    let pin = world.track(&source("a:up", "main")).unwrap();
    let commit = commit_of(&pin).id;
    let prepared = world.folder.path().join("prepared");
    fs::create_dir(&prepared).unwrap();
    let fetch = |end: &str| {
        let settings = Settings {
            folder: world.folder.path().join("downloads"),
            prepared: vec![prepared.clone()],
            offline: true,
            ..Settings::default()
        };
        let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
        let cas = MemoryCas::default();
        let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &world };
        world.forget(end);
        let fetched = world.kind().fetch(&source("a:up", "main"), pin.clone(), ports);
        fetched.map_or_else(|error| error.to_string(), |tree| tree.digest().to_string())
    };
    let path = |end: &str| prepared.join(format!("{commit}.{end}")).display().to_string();
    let none = fetch("none");
    assert!(none.contains("is not here"), "{none}");
    // A repository, also one that has this commit alone.
    world.git("up", &["init", "--quiet", "--bare", &path("git")], b"");
    world.git("up", &["push", "--quiet", &path("git"), "main"], b"");
    assert_eq!(fetch("first"), pin.tree.to_string());
    fs::rename(path("git"), world.folder.path().join("full")).unwrap();
    let from = format!("file://{}/up", world.folder.path().display());
    world.git("up", &["clone", "--quiet", "--bare", "--depth=1", &from, &path("git")], b"");
    assert_eq!(fetch("second"), pin.tree.to_string());
    // A file of `git bundle`; what is something else is told, and passed over.
    fs::rename(path("git"), world.folder.path().join("shallow")).unwrap();
    fs::create_dir(path("git")).unwrap();
    world.git("up", &["bundle", "create", "--quiet", &path("bundle"), "main"], b"");
    world.told.lock().unwrap().clear();
    assert_eq!(fetch("third"), pin.tree.to_string());
    let told = world.told.lock().unwrap().join(" ");
    assert!(told.contains("K2005") && told.contains("is not what its name says"), "{told}");
    fs::write(path("bundle"), "garbage").unwrap();
    assert!(fetch("fourth").contains("is not here"));
}

#[test]
fn what_is_not_there_is_told() {
    let world = World::new();
    world.commit("up", &[("f", "1")]);
    let gone = "1".repeat(40);
    assert_eq!(world.tree(&source("a:up", "-x")), "`a:up` has no branch, tag or commit `-x`");
    assert_eq!(world.tree(&source("a:up", &gone)), format!("`a:up` has no commit `{gone}`"));
    assert_eq!(world.tree(&source("a:none", "main")), "cannot fetch `a:none`");
    assert_eq!(world.tree(&source("b:up", "main")), "the alias `b` of `b:up` has no mirror");
}

#[test]
fn a_locked_tree_that_differs_is_refused() {
    let world = World::new();
    world.commit("up", &[("f", "1")]);
    let pin = world.track(&source("a:up", "main")).unwrap();
    let other = Pin { tree: Digest::of(b"other"), ..pin };
    let error = world.kind().fetch(&source("a:up", "main"), other, world.ports()).unwrap_err();
    assert_eq!(error.code().unwrap().to_string(), "K2405");
}
