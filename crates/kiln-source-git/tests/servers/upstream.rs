//! A repository, and the servers of git that need no web server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kiln_testkit::conformance::Upstream;
use kiln_testkit::{FileServer, scratch};
use tempfile::TempDir;

/// A folder with the bare repository `up`: two commits of `main`, a tag of the last one, another branch.
pub(crate) struct Repository(TempDir);

impl Repository {
    pub(crate) fn new() -> Self {
        let folder = scratch();
        let repository = Self(folder);
        repository.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "up"]);
        repository.git(".", &["clone", "--quiet", "up", "work"]);
        for (text, branch) in [("1", "main"), ("2", "main"), ("3", "other")] {
            if branch == "other" {
                repository.git("work", &["checkout", "--quiet", "-b", "other"]);
            }
            fs::write(repository.folder().join("work/file"), text.repeat(5_000)).unwrap();
            repository.git("work", &["add", "file"]);
            repository.git("work", &["commit", "--quiet", "--message", text]);
            if text == "2" {
                repository.git("work", &["tag", "--annotate", "--message=t", "v1.0"]);
            }
        }
        repository.git("work", &["push", "--quiet", "--tags", "origin", "main", "other"]);
        repository.git("up", &["update-server-info"]);
        repository
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Returns the commit that a name means.
    pub(crate) fn at(&self, name: &str) -> String {
        self.git("up", &["rev-parse", &format!("{name}^{{commit}}")])
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = git();
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(arguments);
        command.env("GIT_COMMITTER_DATE", "1000000000 +0000");
        command.env("GIT_AUTHOR_DATE", "1000000000 +0000");
        let output = command.current_dir(self.folder().join(folder)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Returns git without what the user who runs the tests has configured.
pub(crate) fn git() -> Command {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// The files of a repository, served by one that knows nothing of git.
pub(crate) struct Dumb(FileServer);

impl Dumb {
    pub(crate) fn start(folder: &Path) -> Self {
        Self(FileServer::start(folder))
    }
}

impl Upstream for Dumb {
    fn base(&self) -> String {
        self.0.url()
    }

    fn asked(&self) -> Vec<String> {
        Upstream::asked(&self.0)
    }
}

/// `git daemon` on a free port of loopback; it ends with the value.
pub(crate) struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    /// Starts it on the port that was free a moment ago; where another program was faster, on the next.
    pub(crate) fn start(folder: &Path) -> Self {
        for _ in 0..20 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            // By its own name: `git` would start it as another process, which nobody ends.
            let programs = git().arg("--exec-path").output().unwrap().stdout;
            let programs = String::from_utf8(programs).unwrap();
            let mut command = Command::new(Path::new(programs.trim()).join("git-daemon"));
            command.args(["--listen=127.0.0.1", "--export-all", "--verbose"]);
            command.arg("--reuseaddr").arg(format!("--port={port}"));
            command.arg(format!("--base-path={}", folder.display())).arg(folder);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // It says when it is ready, or why it is not.
            let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
            if said.any(|line| line.is_ok_and(|line| line.contains("Ready to rumble"))) {
                // It ends when nobody reads what it says.
                std::thread::spawn(move || said.for_each(drop));
                return Self { child, port };
            }
            child.wait().unwrap();
        }
        panic!("git daemon finds no port");
    }

    pub(crate) fn url(&self) -> String {
        format!("git://127.0.0.1:{}", self.port)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
