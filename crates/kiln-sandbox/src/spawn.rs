//! A sandbox from outside.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::helper::HELPER_WORD;
use crate::report::{Failure, Line, Order};
use crate::{Launcher, SandboxError, Spec, User};

/// How much of the output is searched for the complaint of a `bwrap` that failed.
const COMPLAINT: u64 = 4096;

/// A command in a sandbox. It is killed when the thread that started it ends, and when this value is dropped.
#[derive(Debug)]
pub struct Running {
    bwrap: PathBuf,
    /// The helper, later `bwrap`, which watches from outside.
    watcher: Child,
    watcher_ended: OwnedFd,
    watching: bool,
    /// First process inside; it is the last one to end.
    first: Option<OwnedFd>,
    status: UnixStream,
    hearing: bool,
    heard: Vec<u8>,
    exit: Option<i32>,
    failure: Option<Failure>,
    killed: bool,
    output: File,
    output_start: u64,
}

/// How the command of a sandbox ended; nothing of it runs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its exit status; 128 and the number of the signal when it was killed by one.
    Exit(i32),
    /// [`Running::kill`] ended it.
    Killed,
}

/// Starts a command; both its outputs go to `output`, which is also read when the start fails.
///
/// # Errors
/// When the helper cannot be started.
pub fn spawn(launcher: &Launcher, spec: &Spec, output: &File) -> Result<Running, SandboxError> {
    let bwrap = launcher.bwrap.clone().ok_or(SandboxError::NoBwrap)?;
    let start = |cause| SandboxError::Start { path: launcher.helper.clone(), cause };
    let (status, theirs) = UnixStream::pair().map_err(start)?;
    let output_start = output.metadata().map_err(start)?.len();
    let watcher = Command::new(&launcher.helper)
        .arg(HELPER_WORD)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(output.try_clone().map_err(start)?)
        .stderr(output.try_clone().map_err(start)?)
        .spawn()
        .map_err(start)?;
    // The child was not waited for, so the number is its own.
    let watcher_ended = open_process(watcher.id().cast_signed()).map_err(start)?;
    let mut running = Running {
        bwrap: bwrap.clone(),
        watcher,
        watcher_ended,
        watching: true,
        first: None,
        status,
        hearing: true,
        heard: Vec::new(),
        exit: None,
        failure: None,
        killed: false,
        output: output.try_clone().map_err(start)?,
        output_start,
    };
    let order = Order { spec: spec.clone(), bwrap, parent: std::process::id().cast_signed() };
    running.order(&order).map_err(start)?;
    Ok(running)
}

/// Makes a sandbox with nothing in it below `scratch`, for `kiln doctor`.
///
/// # Errors
/// What is missing on this machine.
pub fn probe(launcher: &Launcher, scratch: &Path) -> Result<(), SandboxError> {
    let lost = |cause| SandboxError::Lost { step: "making folders to try".to_owned(), cause };
    let [lower, upper, work, root] = ["lower", "upper", "work", "root"].map(|n| scratch.join(n));
    for folder in [&lower, &upper, &work, &root] {
        fs::create_dir_all(folder).map_err(lost)?;
    }
    let output = File::options().read(true).append(true).create(true).open(scratch.join("output"));
    let spec = Spec {
        lowers: vec![lower],
        upper,
        work,
        root,
        argv: vec!["/nothing".to_owned()],
        env: std::collections::BTreeMap::new(),
        hostname: "buildbox".to_owned(),
        user: User::Builder,
    };
    let mut running = spawn(launcher, &spec, &output.map_err(lost)?)?;
    match running.wait(Duration::from_secs(20)) {
        // Everything was set up; only the program is not there, as meant.
        Err(SandboxError::Bwrap { message }) if message.contains("execvp") => Ok(()),
        Err(error) => Err(error),
        Ok(_ended) => Err(lost(io::Error::other("the sandbox did not come up"))),
    }
}

impl Running {
    /// Waits until the command and all it left behind are gone, at most this long.
    ///
    /// # Errors
    /// When the sandbox could not be made.
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<Ended>, SandboxError> {
        let start = Instant::now();
        loop {
            let left = at_most.saturating_sub(start.elapsed());
            let lost = |cause| SandboxError::Lost { step: "waiting for it".to_owned(), cause };
            let ready = self.poll(left).map_err(lost)?;
            if ready.gone {
                return self.ended().map(Some);
            }
            if ready.status {
                self.listen().map_err(lost)?;
            }
            if ready.watcher {
                self.listen().map_err(lost)?;
                self.watcher.wait().map_err(lost)?;
                self.watching = false;
            }
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    /// Kills the command and all it started; [`Running::wait`] then tells when they are gone.
    pub fn kill(&mut self) {
        self.killed = true;
        // It may be dead already, which is what was wanted.
        drop(self.watcher.kill());
        if let Some(first) = &self.first {
            rustix::process::pidfd_send_signal(first, rustix::process::Signal::KILL).ok();
        }
    }

    fn order(&mut self, order: &Order) -> io::Result<()> {
        let text = serde_json::to_vec(order)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        let sent = self.status.write_all(&length.to_le_bytes());
        match sent.and_then(|()| self.status.write_all(&text)) {
            // The helper died at once; how, is told by `wait`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        self.status.set_nonblocking(true)
    }

    fn poll(&self, at_most: Duration) -> io::Result<Ready> {
        let first = self.first.as_ref();
        if !self.watching && first.is_none() {
            return Ok(Ready { gone: true, ..Ready::default() });
        }
        let mut fds = Vec::new();
        if self.watching {
            fds.push(PollFd::new(&self.watcher_ended, PollFlags::IN));
            if self.hearing {
                fds.push(PollFd::new(&self.status, PollFlags::IN));
            }
        } else if let Some(first) = first {
            fds.push(PollFd::new(first, PollFlags::IN));
        }
        let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |ix: usize| fds.get(ix).is_some_and(|fd| !fd.revents().is_empty());
        if self.watching {
            return Ok(Ready { watcher: is_ready(0), status: is_ready(1), gone: false });
        }
        Ok(Ready { gone: is_ready(0), ..Ready::default() })
    }

    /// Reads what is there to be read of the status.
    fn listen(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        while self.hearing {
            match self.status.read(&mut buffer) {
                Ok(0) => self.hearing = false,
                Ok(n_read) => self.heard.extend_from_slice(&buffer[..n_read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The other end went away with something of ours unread.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    self.hearing = false;
                }
                Err(error) => return Err(error),
            }
        }
        while let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
            let text: Vec<u8> = self.heard.drain(..=end).collect();
            if let Ok(line) = serde_json::from_slice::<Line>(&text) {
                self.hear(line)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, line: Line) -> io::Result<()> {
        if let Some(pid) = line.child_pid {
            match open_process(pid) {
                Ok(first) => self.first = Some(first),
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {}
                Err(error) => return Err(error),
            }
            // From here on it may run; if it is dead, nobody reads this.
            drop(self.status.write_all(b"\n"));
        }
        self.exit = line.exit_code.or(self.exit);
        self.failure = line.failure.or(self.failure.take());
        Ok(())
    }

    fn ended(&mut self) -> Result<Ended, SandboxError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure.into_error(&self.bwrap));
        }
        match self.exit {
            Some(status) => Ok(Ended::Exit(status)),
            None if self.killed => Ok(Ended::Killed),
            None => Err(SandboxError::Bwrap { message: self.complaint() }),
        }
    }

    /// Returns the last line that `bwrap` itself wrote to the output.
    fn complaint(&mut self) -> String {
        let length = self.output.metadata().map_or(0, |output| output.len());
        let start = length.saturating_sub(COMPLAINT).max(self.output_start);
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(start)).unwrap_or(0)];
        let n_read = self.output.read_at(&mut bytes, start).unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..n_read]).into_owned();
        let line = text.lines().rev().find_map(|line| line.strip_prefix("bwrap: "));
        match (line, self.watcher.wait()) {
            (Some(line), _) => line.escape_debug().to_string(),
            (None, Ok(status)) => format!("it ended with {status}"),
            (None, Err(error)) => error.to_string(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.watching {
            self.kill();
            // Nothing can be done about one that cannot be waited for.
            drop(self.watcher.wait());
        }
    }
}

#[derive(Default)]
struct Ready {
    watcher: bool,
    status: bool,
    gone: bool,
}

fn open_process(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no process"))?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}
