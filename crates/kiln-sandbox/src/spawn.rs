//! A sandbox from outside.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::helper::HELPER_WORD;
use crate::report::{Order, Report};
use crate::streams::{Kind, receive, send};
use crate::{Launcher, Sample, SandboxError, Spec, Stack, Streams, Usage, User};

/// How much of the output is searched for the complaint of a `bwrap` that failed.
const COMPLAINT: u64 = 4096;

/// A command in a sandbox. It is killed when this value is dropped, and when this process ends, however it ends.
#[derive(Debug)]
pub struct Running {
    bwrap: PathBuf,
    /// Nothing when it is the child of a server.
    helper: Option<Child>,
    /// The helper, known from its own word.
    gone: Option<OwnedFd>,
    /// Closing it, or dying, tells the helper to end everything.
    helper_hears: UnixStream,
    killed: bool,
    waited: bool,
    usage: Usage,
    samples: Vec<Sample>,
    /// Where a `bwrap` that failed complains, with the length that it had at the start.
    log: Option<(File, u64)>,
}

/// How the command of a sandbox ended; nothing of it runs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its exit status; 128 and the number of the signal when it was killed by one.
    Exit(i32),
    /// [`Running::kill`] ended it, or its terminal hung up.
    Killed,
}

/// Starts a command. Of the caller's descriptors it has its streams, and `inherited` as 3, 4 and so on; at most four.
///
/// # Errors
/// When the helper cannot be started.
pub fn spawn(
    launcher: &Launcher,
    spec: &Spec,
    streams: Streams,
    inherited: &[BorrowedFd<'_>],
) -> Result<Running, SandboxError> {
    let bwrap = launcher.bwrap.clone().ok_or(SandboxError::NoBwrap)?;
    let start = |cause| SandboxError::Start { path: launcher.helper.clone(), cause };
    let (helper_hears, theirs) = UnixStream::pair().map_err(start)?;
    let outlets = Outlets::new(streams).map_err(start)?;
    let mut command = helper(launcher, theirs);
    if outlets.kind != Kind::Terminal {
        // What a terminal sends to kiln is for kiln to pass on. With a terminal of its own it makes a session.
        command.process_group(0);
    }
    let helper = command.stdout(outlets.output).stderr(outlets.errors).spawn().map_err(start)?;
    // The command holds the outputs; nobody would see them end as long as this value did too.
    drop(command);
    let mut running = Running::new(bwrap.clone(), helper_hears, Some(helper), outlets.log);
    let handed: Vec<_> =
        outlets.input.iter().map(AsFd::as_fd).chain(inherited.iter().copied()).collect();
    let order = Order { spec: spec.clone(), bwrap, streams: outlets.kind };
    running.order(&order, &handed).map_err(start)?;
    Ok(running)
}

/// Returns this program as a helper that hears a socket.
pub(crate) fn helper(launcher: &Launcher, hears: UnixStream) -> Command {
    let mut command = Command::new(&launcher.helper);
    command.arg(HELPER_WORD).env_clear().current_dir("/").stdin(Stdio::from(OwnedFd::from(hears)));
    command
}

/// [`Streams`] as they are given to the helper.
struct Outlets {
    kind: Kind,
    output: Stdio,
    errors: Stdio,
    /// The standard input of the helper brings its order; that of the command is sent.
    input: Option<OwnedFd>,
    log: Option<(File, u64)>,
}

impl Outlets {
    fn new(streams: Streams) -> io::Result<Self> {
        Ok(match streams {
            Streams::Log(file) => {
                let (output, errors) = (file.try_clone()?.into(), file.try_clone()?.into());
                let length = file.metadata()?.len();
                Self { kind: Kind::Log, output, errors, input: None, log: Some((file, length)) }
            }
            Streams::Terminal(inner) => {
                let (output, errors) = (inner.try_clone()?.into(), inner.into());
                Self { kind: Kind::Terminal, output, errors, input: None, log: None }
            }
            Streams::Given([input, output, errors]) => {
                let (output, errors) = (output.into(), errors.into());
                Self { kind: Kind::Given, output, errors, input: Some(input), log: None }
            }
        })
    }
}

/// Makes a sandbox with nothing in it below `scratch`, to know whether this machine can.
///
/// # Errors
/// What is missing on this machine.
pub fn probe(launcher: &Launcher, scratch: &Path, stack: Stack) -> Result<(), SandboxError> {
    let lost = |cause| SandboxError::Lost { step: "making folders to try".to_owned(), cause };
    let [lower, upper, work, root] = ["lower", "upper", "work", "root"].map(|n| scratch.join(n));
    for folder in [&lower, &upper, &work, &root] {
        fs::create_dir_all(folder).map_err(lost)?;
    }
    let output = File::options().read(true).append(true).create(true).open(scratch.join("output"));
    let spec = Spec {
        stack,
        lowers: vec![lower],
        upper,
        work,
        root,
        hold: None,
        usr: None,
        argv: vec!["/nothing".to_owned()],
        folder: "/".to_owned(),
        sampled: None,
        env: std::collections::BTreeMap::new(),
        hostname: "buildbox".to_owned(),
        user: User::Builder,
    };
    let mut running = spawn(launcher, &spec, Streams::Log(output.map_err(lost)?), &[])?;
    match running.wait(Duration::from_secs(20)) {
        // Everything was set up; only the program is not there, as meant.
        Err(SandboxError::Bwrap { message }) if message.contains("execvp") => Ok(()),
        Err(error) => Err(error),
        Ok(_ended) => Err(lost(io::Error::other("the sandbox did not come up"))),
    }
}

impl Running {
    pub(crate) fn new(
        bwrap: PathBuf,
        helper_hears: UnixStream,
        helper: Option<Child>,
        log: Option<(File, u64)>,
    ) -> Self {
        let (usage, samples) = (Usage::default(), Vec::new());
        Self {
            bwrap,
            helper,
            gone: None,
            helper_hears,
            killed: false,
            waited: false,
            usage,
            samples,
            log,
        }
    }

    /// Waits until the command and all it left behind are gone, at most this long.
    ///
    /// # Errors
    /// When the sandbox could not be made.
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<Ended>, SandboxError> {
        let start = Instant::now();
        let lost = |cause| SandboxError::Lost { step: "waiting for it".to_owned(), cause };
        loop {
            let left = at_most.saturating_sub(start.elapsed());
            if self.has_ended(left).map_err(lost)? {
                break;
            }
            if left.is_zero() {
                return Ok(None);
            }
        }
        let report = self.receive();
        self.waited = true;
        if let Some(helper) = &mut self.helper {
            helper.wait().map_err(lost)?;
        }
        let ended = report.map_err(lost).and_then(|report| self.ended(report));
        if ended.is_err() {
            self.settle();
        }
        ended.map(Some)
    }

    /// Waits until the mounts are gone too, some milliseconds after the end. Until then, what is removed from the
    /// folders still takes its space.
    pub fn settle(&mut self) {
        if let Some(helper) = self.gone.take() {
            // Nothing can be done about one that cannot be waited for.
            poll(&mut [PollFd::new(&helper, PollFlags::IN)], None).ok();
        }
    }

    /// Receives what the helper says at its end.
    fn receive(&mut self) -> io::Result<Report> {
        let died = |_| io::Error::other("the helper died");
        let (length, mut handed) = receive(&self.helper_hears).map_err(died)?;
        self.gone = handed.pop();
        let mut text = vec![0; length as usize];
        self.helper_hears.read_exact(&mut text).map_err(died)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Kills the command and all it started; [`Running::wait`] then tells when they are gone.
    pub fn kill(&mut self) {
        self.killed = true;
        // The helper hears the end of the stream; if it is gone already, so is all else.
        self.helper_hears.shutdown(Shutdown::Write).ok();
    }

    /// Returns what the command cost, once it ended.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns what was sampled, once it ended.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    pub(crate) fn order(&mut self, order: &Order, handed: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(order)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        let sent = send(&self.helper_hears, length, handed);
        match sent.and_then(|()| self.helper_hears.write_all(&text)) {
            // The helper died at once; how, is told by `wait`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent,
        }
    }

    fn has_ended(&self, at_most: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.helper_hears, PollFlags::IN)], Some(&timeout)) {
            Ok(n_ready) => Ok(n_ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn ended(&mut self, report: Report) -> Result<Ended, SandboxError> {
        match report {
            Report::Failed(failure) => Err(failure.into_error(&self.bwrap)),
            Report::Exit { status, usage, samples } => {
                (self.usage, self.samples) = (usage, samples);
                Ok(Ended::Exit(status))
            }
            Report::NoCommand { bwrap, usage, samples } => {
                (self.usage, self.samples) = (usage, samples);
                let hung_up = bwrap.asked && self.log.is_none();
                if self.killed || hung_up {
                    return Ok(Ended::Killed);
                }
                if let Some(signal) = bwrap.signal {
                    return Err(SandboxError::Killed { signal });
                }
                let message = self.complaint().unwrap_or(bwrap.text);
                let is_foreign =
                    message.contains("execvp") && message.contains("Exec format error");
                Err(if is_foreign {
                    SandboxError::OtherMachine { message }
                } else {
                    SandboxError::Bwrap { message }
                })
            }
        }
    }

    /// Returns the last line that `bwrap` itself wrote to the output.
    fn complaint(&self) -> Option<String> {
        let (log, start) = self.log.as_ref()?;
        let length = log.metadata().ok()?.len();
        let start = length.saturating_sub(COMPLAINT).max(*start);
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(start)).ok()?];
        let n_read = log.read_at(&mut bytes, start).ok()?;
        let text = String::from_utf8_lossy(&bytes[..n_read]);
        let line = text.lines().rev().find_map(|line| line.strip_prefix("bwrap: "))?;
        Some(line.escape_debug().to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.waited {
            self.kill();
            // Nothing can be done about one that cannot be waited for.
            drop(self.receive());
            self.settle();
            if let Some(helper) = &mut self.helper {
                helper.wait().ok();
            }
        }
    }
}
