//! Starts `buildbox-casd`: a cache and an executor behind the Remote Execution API, on loopback.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

/// A running engine; it ends with the value.
pub(crate) struct Engine {
    process: Child,
    address: String,
    log: PathBuf,
    logger: Option<JoinHandle<io::Result<u64>>>,
}

impl Engine {
    /// Starts the engine with its state in the folder and returns when it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        let programs = kiln_testkit::engine_programs();
        let address = free_address();
        let runner = programs.join("buildbox-run");
        // Whoever runs the tests in the background ignores signals, and the engine hands that on to its actions.
        let mut process = Command::new("env")
            .arg("--default-signal=HUP,INT,QUIT")
            .arg(programs.join("buildbox-casd"))
            .env("PATH", path_with(&programs))
            .arg(format!("--bind={address}"))
            .arg(format!("--bind=unix:{}", folder.join("engine.sock").display()))
            .arg(format!("--buildbox-run={}", runner.display()))
            .args(["--jobs=2", "--quota-high=2G", "--reserved=0", "--cache-failures=false"])
            .arg("--log-level=info")
            // Without it the engine wants FUSE, which ordinary users often may not use.
            .arg("--runner-arg=--staging-mode=copy-or-link")
            .arg(folder.join("engine-data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the engine's program can be started");
        let mut lines = BufReader::new(process.stderr.take().expect("stderr is piped"));
        let mut said = String::new();
        while !said.contains("Server listening on") {
            let n_bytes = lines.read_line(&mut said).expect("the engine's log is readable");
            assert!(n_bytes > 0, "the engine ended before it listened:\n{said}");
        }
        // The pipe must be read to its end, or the engine would block on its own log.
        let log = folder.join("engine.log");
        let mut copy = File::create(&log).expect("the folder is writable");
        let logger = Some(thread::spawn(move || io::copy(&mut lines, &mut copy)));
        Self { process, address, log, logger }
    }

    /// Returns the address for clients, such as `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SIGTERM lets it end its own children; the standard library can only send SIGKILL.
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            return;
        }
        drop(self.process.wait());
        drop(self.logger.take().map(JoinHandle::join));
        if thread::panicking() {
            drop(File::open(&self.log).and_then(|mut log| io::copy(&mut log, &mut io::stderr())));
        }
    }
}

/// Returns an address of loopback whose port nobody listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound listener has an address").to_string()
}

/// The engine gives up on folders of the path that this user may not enter.
fn path_with(programs: &Path) -> String {
    let path = kiln_testkit::path_with_tools();
    let folders = env::split_paths(&path).filter(|folder| folder.is_dir());
    let joined = env::join_paths([programs.to_path_buf()].into_iter().chain(folders));
    joined.expect("folders of PATH have no colon").to_string_lossy().into_owned()
}
