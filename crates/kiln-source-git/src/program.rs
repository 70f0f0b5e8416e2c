//! The program `git`: how it is run, and what it may not do.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use kiln_ir::ObjectId;
use kiln_source::Patience;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::running::{Group, Watch};
use crate::ssh;
use crate::{Answer, Asked, Git, GitError, Object, Rule, Stop};

/// Variables of the user that git and what it starts may see: where things are, proxies, keys.
const TAKEN: [&str; 20] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "GIT_SSH",
    "GIT_SSH_VARIANT",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GNUPGHOME",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// No system configuration, no questions, no other protocols, no objects but those of the repository.
const FIXED: [(&str, &str); 10] = [
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", ""),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
];

/// Over what the user's configuration says: no hooks, nothing in the background, one pack for one fetch.
const SETTINGS: [&str; 14] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.interactive=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.unpackLimit=1",
    "transfer.unpackLimit=1",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "fetch.prune=false",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
    "protocol.version=2",
];

/// How long it goes unnoticed that kiln was asked to stop.
const TICK: Duration = Duration::from_millis(50);
/// How much git may print.
const LARGEST_ANSWER: u64 = 256 << 20;
/// How much of its complaints is kept.
const LARGEST_COMPLAINT: u64 = 64 << 10;

/// The program `git` of this machine.
#[derive(Clone, Debug)]
pub struct GitProgram {
    program: PathBuf,
    variables: Vec<(String, String)>,
    /// What the user's variable says is to be run for `ssh`.
    ssh_command: Option<String>,
    /// What the user's configuration says, once somebody looked.
    ssh_setting: Arc<OnceLock<Option<String>>>,
}

/// How a run of git ended.
struct Ended {
    ok: bool,
    out: Vec<u8>,
    said: String,
}

impl GitProgram {
    /// Takes of the user's variables what git needs.
    pub fn new(program: PathBuf, variables: &BTreeMap<String, String>) -> Self {
        let taken = TAKEN.iter().filter_map(|name| variables.get_key_value(*name));
        let mut taken: Vec<(String, String)> =
            taken.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(file) = variables.get("SSL_CERT_FILE") {
            taken.push(("GIT_SSL_CAINFO".to_owned(), file.clone()));
        }
        let ssh_command = variables.get("GIT_SSH_COMMAND").cloned();
        let ssh_setting = Arc::default();
        Self { program, variables: taken, ssh_command, ssh_setting }
    }

    /// Prepares a run in a folder that is no work tree; git looks for none above it.
    fn command(&self, folder: &Path, is_repository: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.envs(FIXED).env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
        if is_repository {
            command.env("GIT_DIR", folder);
        }
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.current_dir(folder).stderr(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    /// Lets git wait for a server only so long, and start the `ssh` of the user.
    fn limit(&self, command: &mut Command, patience: Patience, folder: &Path) {
        let seconds = patience.idle.as_secs().max(1);
        command.args(["-c", "http.lowSpeedLimit=1", "-c", &format!("http.lowSpeedTime={seconds}")]);
        let setting = self.ssh_setting.get_or_init(|| {
            let mut asked = self.command(folder, false);
            let asked = asked.args(["config", "--get", "core.sshCommand"]).stdin(Stdio::null());
            // Without an answer there is no such setting: git itself would complain of what it cannot read.
            let said = asked.process_group(0).output().ok()?.stdout;
            let said = String::from_utf8(said).ok()?.trim_end().to_owned();
            (!said.is_empty()).then_some(said)
        });
        let has_program = self.variables.iter().any(|(name, _)| name == "GIT_SSH");
        let variable = self.ssh_command.as_deref();
        if let Some(ssh) = ssh::command(variable, setting.as_deref(), has_program, patience) {
            command.env("GIT_SSH_COMMAND", ssh);
        }
    }

    fn spawn(&self, command: &mut Command) -> Result<Child, GitError> {
        let program = self.program.clone();
        command.spawn().map_err(|cause| GitError::NoGit { program, cause })
    }

    /// Runs git to its end.
    fn run(
        &self,
        mut command: Command,
        asked: Asked<'_>,
        stop: Stop<'_>,
    ) -> Result<Ended, GitError> {
        let mut group = Group::start(asked.patience.is_some() || asked.lock.is_some(), asked.lock);
        group.adopt(&mut command);
        // Git reads nothing of it; but as long as it lives, nobody else has the lock.
        let held = asked.lock.and_then(|lock| lock.try_clone().ok());
        let mut child = self.spawn(command.stdin(held.map_or_else(Stdio::null, Stdio::from)))?;
        group.joined(&child);
        let mut watch = asked.patience.map(|patience| Watch::new(patience.idle));
        let mut complaint = None;
        let (out, complaints) = (child.stdout.take(), child.stderr.take());
        let (first, ended) = mpsc::channel::<()>();
        let second = first.clone();
        let (out, said) = thread::scope(|scope| {
            let out = scope.spawn(move || {
                let bytes = read_some(out, LARGEST_ANSWER);
                drop(first);
                bytes
            });
            let said = scope.spawn(move || {
                let bytes = read_all(complaints, LARGEST_COMPLAINT);
                drop(second);
                bytes
            });
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if stop() {
                    group.kill();
                }
                if let Some(watch) = &mut watch
                    && watch.is_over(TICK, || group.work())
                {
                    complaint = Some(watch.told());
                    group.kill();
                }
            }
            (out.join().unwrap_or_default(), said.join().unwrap_or_default())
        });
        let status = child.wait();
        let ok = status.is_ok_and(|status| status.success()) && (out.len() as u64) < LARGEST_ANSWER;
        Ok(Ended { ok, out, said: complaint.unwrap_or_else(|| shown(&said)) })
    }
}

impl Git for GitProgram {
    fn ask(&self, asked: Asked<'_>, stop: Stop<'_>) -> Result<Answer, GitError> {
        let is_repository = asked.folder.join("HEAD").is_file();
        let mut command = self.command(asked.folder, is_repository);
        if let Some(patience) = asked.patience {
            self.limit(&mut command, patience, asked.folder);
        }
        command
            .args(asked.arguments)
            .envs(asked.variables.0.iter().map(|(name, value)| (name, value)));
        let ended = self.run(command, asked, stop)?;
        Ok(if ended.ok { Ok(ended.out) } else { Err(ended.said) })
    }

    fn objects(
        &self,
        folder: &Path,
        wanted: &[&ObjectId],
        each: &mut dyn FnMut(usize, &mut Object<'_>) -> Result<(), Rule>,
    ) -> Result<Result<(), Rule>, GitError> {
        let mut command = self.command(folder, true);
        command.args(["cat-file", "--batch", "--buffer"]).stdin(Stdio::piped());
        let mut child = self.spawn(command.process_group(0).stderr(Stdio::null()))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Ok(Err(damaged("", "cannot be asked for")));
        };
        let read = thread::scope(|scope| {
            scope.spawn(move || ask_for(stdin, wanted));
            let read = read_objects(BufReader::with_capacity(1 << 16, stdout), wanted, each);
            if read.is_err() {
                kill(&child);
            }
            read
        });
        // Its status says nothing that its answers did not.
        drop(child.wait());
        Ok(read)
    }
}

/// Writes the names of objects; git ends when there are no more.
fn ask_for(stdin: ChildStdin, wanted: &[&ObjectId]) {
    let mut stdin = BufWriter::new(stdin);
    for id in wanted {
        // When git is gone, its answers end, and that is told.
        if writeln!(stdin, "{id}").is_err() {
            return;
        }
    }
    drop(stdin.flush());
}

/// Reads the answers: a line with name, type and size, the content, a line break.
fn read_objects(
    mut from: impl BufRead,
    wanted: &[&ObjectId],
    each: &mut dyn FnMut(usize, &mut Object<'_>) -> Result<(), Rule>,
) -> Result<(), Rule> {
    for (ix, id) in wanted.iter().enumerate() {
        let unread = |_cause: io::Error| damaged(id.as_str(), "cannot be read");
        let mut line = String::new();
        from.by_ref().take(256).read_line(&mut line).map_err(unread)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, size] = words[..] else {
            return Err(damaged(id.as_str(), "is missing"));
        };
        let size = size.parse().map_err(|_bad| damaged(id.as_str(), "cannot be read"))?;
        let mut content = from.by_ref().take(size);
        each(ix, &mut Object { id, kind, size, content: &mut content })?;
        io::copy(&mut content, &mut io::sink()).map_err(unread)?;
        if content.limit() > 0 {
            return Err(damaged(id.as_str(), "ends too early"));
        }
        from.read_exact(&mut [0]).map_err(unread)?;
    }
    Ok(())
}

fn damaged(id: &str, what: &'static str) -> Rule {
    Rule::Object { id: id.to_owned(), what }
}

/// Ends git and all that it started.
fn kill(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Gone already is as good.
        kill_process_group(group, Signal::KILL).ok();
    }
}

/// Reads up to a limit; git ends when it has more to say.
fn read_some(from: Option<impl Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What came before a failure is all there is.
        drop(from.take(limit).read_to_end(&mut bytes));
    }
    bytes
}

/// Reads to the end, and keeps what is within a limit.
fn read_all(from: Option<impl Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        drop(from.by_ref().take(limit).read_to_end(&mut bytes));
        drop(io::copy(&mut from, &mut io::sink()));
    }
    bytes
}

/// Returns what git complained of on one line, without what a server could do to a terminal.
fn shown(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let clean = |line: &str| line.replace(char::is_control, " ");
    lines.map(clean).collect::<Vec<_>>().join("; ")
}
