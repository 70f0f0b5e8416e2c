//! A kiln that is killed leaves no git behind; and as long as one lives, its repository is nobody else's.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it starts itself as the kiln that is killed"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use kiln_cas::MemoryCas;
use kiln_event::Silent;
use kiln_ir::ObjectId;
use kiln_source::{Fetcher, Ports, Settings, ThreadPause};
use kiln_source_git::{GitKind, GitProgram};
use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal, kill_process};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[1..] {
        [word, url, cache] if word == "fetch" => fetch(url, Path::new(cache)),
        _ => {
            a_killed_kiln_leaves_no_git();
            println!("a killed kiln leaves no git behind: ok");
            a_git_that_is_left_has_the_lock();
            println!("a git that is left behind has the lock of its repository: ok");
        }
    }
}

/// Fetches a commit of a server that never answers.
fn fetch(url: &str, cache: &Path) {
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    let git = Box::new(GitProgram::new("git".into(), &variables));
    let kind = GitKind { git, mirrors: cache.join("git-v1") };
    let settings = Settings { folder: cache.join("downloads"), ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    let ports = Ports { cas: &MemoryCas::default(), fetcher: &fetcher, sink: &Silent };
    let commit = ObjectId::parse(&"1".repeat(40)).unwrap();
    drop(kind.commit_tree(url, &commit, None, ports));
}

/// A kiln whose git waits for a server.
struct Waiting {
    kiln: Child,
    /// Where git waits; it ends with the last process that has the other end.
    server: std::net::TcpStream,
    cache: tempfile::TempDir,
}

impl Waiting {
    fn start() -> Self {
        let cache = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("git://{}/up", listener.local_addr().unwrap());
        let kiln = Command::new(std::env::current_exe().unwrap())
            .args(["fetch", &url, &cache.path().display().to_string()])
            .env("HOME", cache.path())
            .spawn()
            .unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        // The first word of git: from here on it waits.
        server.read_exact(&mut [0; 4]).unwrap();
        Self { kiln, server, cache }
    }

    /// Reads until nobody has the other end.
    fn await_end(&mut self) {
        std::io::copy(&mut self.server, &mut std::io::sink()).unwrap();
    }

    fn lock(&self) -> File {
        let entries = fs::read_dir(self.cache.path().join("git-v1")).unwrap().flatten();
        let mut paths = entries.map(|entry| entry.path());
        let is_lock = |path: &PathBuf| path.extension().is_some_and(|end| end == "lock");
        File::open(paths.find(is_lock).unwrap()).unwrap()
    }

    /// Returns the processes that kiln itself started, with their names.
    fn started(&self) -> Vec<(String, i32)> {
        let parent = self.kiln.id().to_string();
        let stats = fs::read_dir("/proc").unwrap().flatten();
        let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        let of_kiln = stats.filter_map(|stat| {
            let (before, after) = stat.rsplit_once(") ")?;
            let (pid, name) = before.split_once(" (")?;
            let is_child = after.split(' ').nth(1)? == parent;
            is_child.then(|| (name.to_owned(), pid.parse().unwrap()))
        });
        of_kiln.collect()
    }
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

fn a_killed_kiln_leaves_no_git() {
    let mut waiting = Waiting::start();
    waiting.kiln.kill().unwrap();
    waiting.kiln.wait().unwrap();
    waiting.await_end();
    rustix::fs::flock(waiting.lock(), FlockOperation::LockExclusive).unwrap();
}

fn a_git_that_is_left_has_the_lock() {
    let mut waiting = Waiting::start();
    let started = waiting.started();
    let named = |name: &str| started.iter().find(|(found, _)| found == name).unwrap().1;
    // Without the one that ends it, git goes on.
    kill(named("sh"));
    waiting.kiln.kill().unwrap();
    waiting.kiln.wait().unwrap();
    let lock = waiting.lock();
    let taken = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive);
    assert_eq!(taken, Err(rustix::io::Errno::WOULDBLOCK));
    kill(named("git"));
    waiting.await_end();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
}
