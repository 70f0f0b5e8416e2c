//! Servers that are silent, lie, or are not there; and what is left of a repository then.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use kiln_cas::MemoryCas;
use kiln_event::Silent;
use kiln_ir::ObjectId;
use kiln_source::{Fetcher, Mirrors, NotThere, Patience, Pause, Ports, Settings, SourceKind as _};
use kiln_source_git::{Answer, Asked, Git, GitError, GitKind, Object, Rule, Stop};
use kiln_testkit::conformance::Upstream as _;
use kiln_testkit::scratch;

use crate::http::HttpServer;
use crate::upstream::{Repository, git};
use crate::{kind, source};

/// Lets no time pass.
struct NoPause;

impl Pause for NoPause {
    fn pause(&self, _time: Duration, _is_stopped: &dyn Fn() -> bool) {}
}

fn fetcher(folder: &Path, mirrors: &[String], idle: Duration) -> Fetcher {
    let mut known = Mirrors::default();
    known.set("up", mirrors.to_vec()).unwrap();
    let patience = Patience { connect: Duration::from_secs(10), idle };
    let folder = folder.join("downloads");
    let settings = Settings { folder, mirrors: known, patience, ..Settings::default() };
    Fetcher::new(settings, Box::new(NoPause)).unwrap()
}

/// Brings a commit of `up:up` into an empty store.
fn bring(kind: &GitKind, fetcher: &Fetcher, commit: &str) -> Result<String, GitError> {
    let cas = MemoryCas::default();
    let ports = Ports { cas: &cas, fetcher, sink: &Silent };
    let commit = ObjectId::parse(commit).unwrap();
    let tree = kind.commit_tree("up:up", &commit, Some("refs/heads/main"), ports)?;
    Ok(tree.digest().to_string())
}

/// Returns code and help of an error.
fn told(error: &dyn miette::Diagnostic) -> String {
    let code = error.code().map(|code| code.to_string()).unwrap_or_default();
    let help = error.help().map(|help| help.to_string()).unwrap_or_default();
    format!("{code} {error}\n{help}")
}

/// Takes connections, and says nothing.
fn silent() -> (String, Arc<Mutex<Vec<TcpStream>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&taken);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            kept.lock().unwrap().push(stream);
        }
    });
    (address, taken)
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let (address, taken) = silent();
    let cache = scratch();
    let kind = kind(cache.path(), &[]);
    let fetcher = fetcher(cache.path(), &[], Duration::from_millis(200));
    let ports = Ports { cas: &MemoryCas::default(), fetcher: &fetcher, sink: &Silent };
    for scheme in ["git", "http"] {
        let url = format!("{scheme}://{address}/up");
        let failed = kind.track(&source(&url, "main"), ports).unwrap_err();
        let told = told(&*failed);
        assert!(told.starts_with(&format!("K2004 cannot fetch `{url}`")), "{told}");
        assert!(told.contains("nothing was heard of the server for 200ms (4 times)"), "{told}");
        assert!(!taken.lock().unwrap().is_empty());
        assert!(!NotThere::is_behind(&*failed), "{told}");
    }
}

#[test]
fn whoever_asks_to_stop_waits_for_no_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/up", listener.local_addr().unwrap());
    let cache = scratch();
    let fetcher = fetcher(cache.path(), &[], Duration::from_mins(5));
    let failed = thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (mut waiting, _) = listener.accept().unwrap();
            fetcher.stop();
            // Until git and all that it started are gone.
            waiting.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            std::io::copy(&mut waiting, &mut std::io::sink()).unwrap();
        });
        let ports = Ports { cas: &MemoryCas::default(), fetcher: &fetcher, sink: &Silent };
        let failed = kind(cache.path(), &[]).track(&source(&url, "main"), ports).unwrap_err();
        server.join().unwrap();
        failed
    });
    assert!(told(&*failed).starts_with("K2008"), "{failed}");
}

/// Makes a server send the commit and its folder, but no file, as long as a file `cut` is there.
fn cutting(repository: &Repository, commit: &str) -> (HttpServer, PathBuf) {
    let (program, cut) = (repository.folder().join("hook"), repository.folder().join("cut"));
    let text = format!(
        "#!/bin/sh\ntest -e '{}' || exec \"$@\"\ncat > /dev/null\n\
         git rev-parse {commit} {commit}^{{tree}} | git pack-objects --quiet --stdout\n",
        cut.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&cut, "").unwrap();
    let server = HttpServer::start(repository.folder())
        .with_config("uploadpack.allowAnySHA1InWant=false")
        .with_config(&format!("uploadpack.packObjectsHook={}", program.display()))
        .with_old_protocol();
    (server, cut)
}

/// Returns the repository of the cache.
fn mirror(cache: &Path) -> PathBuf {
    let mut folders = fs::read_dir(cache.join("git-v1")).unwrap().flatten();
    folders.find(|entry| entry.path().is_dir()).unwrap().path()
}

fn in_mirror(cache: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = git();
    command.arg("--git-dir").arg(mirror(cache)).args(arguments);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_commit_whose_files_did_not_come_is_not_taken_for_one_that_is_here() {
    let repository = Repository::new();
    let commit = repository.at("main~1");
    let (server, cut) = cutting(&repository, &commit);
    let cache = scratch();
    let kind = kind(cache.path(), &[]);
    let fetcher = fetcher(cache.path(), &[server.base()], Duration::from_secs(30));
    bring(&kind, &fetcher, &commit).unwrap_err();
    assert_eq!(in_mirror(cache.path(), &["cat-file", "-t", &commit], ""), "commit");
    assert_eq!(in_mirror(cache.path(), &["for-each-ref", "refs/kiln/commits"], ""), "");
    fs::remove_file(&cut).unwrap();
    bring(&kind, &fetcher, &commit).unwrap();
}

#[test]
fn a_commit_of_which_something_got_lost_is_fetched_once_more() {
    let repository = Repository::new();
    let commit = repository.at("main");
    let server = HttpServer::start(repository.folder());
    let cache = scratch();
    let kind = kind(cache.path(), &[]);
    let fetcher = fetcher(cache.path(), &[server.base()], Duration::from_secs(30));
    let first = bring(&kind, &fetcher, &commit).unwrap();
    // The same commit without its file.
    let folder = format!("{commit}^{{tree}}");
    let some = in_mirror(cache.path(), &["rev-parse", &commit, &folder], "");
    let packs = mirror(cache.path()).join("objects/pack");
    let whole: Vec<_> = fs::read_dir(&packs).unwrap().flatten().map(|entry| entry.path()).collect();
    let base = packs.join("pack").display().to_string();
    in_mirror(cache.path(), &["pack-objects", "--quiet", &base], &some);
    for path in &whole {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(bring(&kind, &fetcher, &commit).unwrap(), first);
    // Where nobody gives it again, what is wrong is what is here.
    for entry in fs::read_dir(&packs).unwrap().flatten() {
        fs::remove_file(entry.path()).unwrap();
    }
    drop(server);
    let told = told(&bring(&kind, &fetcher, &commit).unwrap_err());
    assert!(told.starts_with("K2416 cannot take the commit"), "{told}");
}

#[test]
fn a_commit_is_nowhere_only_when_every_place_says_so() {
    let repository = Repository::new();
    let other = "1".repeat(40);
    let stale = format!("file://{}", repository.folder().display());
    let none = format!("file://{}/none", repository.folder().display());
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!("http://{away}");
    let check = |mirrors: &[&String], code: &str, is_gone: bool| {
        let cache = scratch();
        let mirrors: Vec<String> = mirrors.iter().map(ToString::to_string).collect();
        let fetcher = fetcher(cache.path(), &mirrors, Duration::from_secs(30));
        let error = bring(&kind(cache.path(), &[]), &fetcher, &other).unwrap_err();
        let told = told(&error);
        assert!(told.starts_with(code), "{mirrors:?}: {told}");
        let n_told = mirrors.iter().filter(|mirror| told.contains(mirror.as_str())).count();
        assert!(code == "K2406" || n_told == mirrors.len(), "{mirrors:?}: {told}");
        assert_eq!(NotThere::is_behind(&error), is_gone, "{mirrors:?}: {told}");
    };
    check(&[&stale], "K2406", false);
    check(&[&stale, &stale], "K2406", false);
    check(&[&stale, &away], "K2004", false);
    check(&[&away, &stale], "K2004", false);
    check(&[&none], "K2004", true);
    check(&[&none, &away], "K2004", false);
}

/// Git that lets two find that a commit is not here, before one of them fetches it.
struct Meeting {
    git: Box<dyn Git>,
    barrier: Barrier,
    n_looks: AtomicUsize,
    n_fetches: AtomicUsize,
}

/// One kind has it at a time.
struct Shared(Arc<Meeting>);

impl Git for Shared {
    fn ask(&self, asked: Asked<'_>, stop: Stop<'_>) -> Result<Answer, GitError> {
        let answer = self.0.git.ask(asked, stop);
        let looks = asked.arguments.iter().any(|word| word.starts_with("refs/kiln/commits/"));
        match asked.arguments[0] {
            "fetch" => drop(self.0.n_fetches.fetch_add(1, Ordering::SeqCst)),
            "rev-parse" if looks && self.0.n_looks.fetch_add(1, Ordering::SeqCst) < 2 => {
                self.0.barrier.wait();
            }
            _ => {}
        }
        answer
    }

    fn objects(
        &self,
        folder: &Path,
        wanted: &[&ObjectId],
        each: &mut dyn FnMut(usize, &mut Object<'_>) -> Result<(), Rule>,
    ) -> Result<Result<(), Rule>, GitError> {
        self.0.git.objects(folder, wanted, each)
    }
}

#[test]
fn two_that_want_a_commit_fetch_it_once() {
    let repository = Repository::new();
    let commit = repository.at("main");
    let cache = scratch();
    let meeting = Arc::new(Meeting {
        git: kind(cache.path(), &[]).git,
        barrier: Barrier::new(2),
        n_looks: AtomicUsize::new(0),
        n_fetches: AtomicUsize::new(0),
    });
    let server = format!("file://{}", repository.folder().display());
    let fetcher = fetcher(cache.path(), &[server], Duration::from_secs(30));
    let (git, mirrors) = (|| Box::new(Shared(Arc::clone(&meeting))), cache.path().join("git-v1"));
    let trees = thread::scope(|scope| {
        let brings = [(); 2].map(|()| {
            let kind = GitKind { git: git(), mirrors: mirrors.clone() };
            let (fetcher, commit) = (&fetcher, &commit);
            scope.spawn(move || bring(&kind, fetcher, commit).map_err(|error| told(&error)))
        });
        brings.map(|bring| bring.join().unwrap().unwrap())
    });
    assert_eq!(trees[0], trees[1]);
    assert_eq!(meeting.n_fetches.load(Ordering::SeqCst), 1);
}
