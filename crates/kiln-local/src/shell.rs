//! A person's command in the sandbox of an action.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use kiln_action::{Action, CancelFlag, Staging};
use kiln_sandbox::{Ended, SandboxError, Spec, Streams, spawn};

use crate::place::Place;
use crate::runner::{TICK, jobs_error};
use crate::{LocalError, LocalRunner};

/// The status of a command that was killed because it was cancelled, as a shell tells it.
const KILLED: i32 = 128 + 9;

/// A command that sees what the command of an action sees; nothing of it is kept.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Its environment, user and host name are those of the command; its arguments are not looked at.
    pub action: Action,
    pub staging: Staging,
    /// A program and its arguments.
    pub argv: Vec<String>,
    /// Folder inside where it starts, such as `/build`.
    pub folder: String,
    /// Environment outside the action, as for a build.
    pub advice: BTreeMap<String, String>,
    /// Set by whoever wants the command to end.
    pub cancel: CancelFlag,
}

/// Where the three standard streams of a [`Shell`] go.
#[derive(Debug)]
pub enum Stdio {
    /// The inner side of a pseudoterminal, which becomes the controlling terminal of the command.
    Terminal(OwnedFd),
    /// Input, output and errors, without a controlling terminal.
    Given([OwnedFd; 3]),
}

impl Stdio {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Terminal(inner) => Self::Terminal(inner.try_clone()?),
            Self::Given([input, output, errors]) => {
                Self::Given([input.try_clone()?, output.try_clone()?, errors.try_clone()?])
            }
        })
    }
}

fn streams_error(cause: io::Error) -> LocalError {
    SandboxError::Lost { step: "taking the streams".to_owned(), cause }.into()
}

impl LocalRunner {
    /// Runs a command of a person, and returns its exit status; 128 and the number of the signal when it was killed.
    ///
    /// # Errors
    /// When there can be no sandbox or no such command, not when it failed.
    pub fn shell(&self, shell: &Shell, stdio: Stdio) -> Result<i32, LocalError> {
        // The lease is only given up when the runner is dropped.
        let Some(work) = &self.work else {
            return Ok(KILLED);
        };
        let rung = self.rung()?;
        let again = stdio.try_clone().map_err(streams_error)?;
        let place = work.take(rung)?;
        let status = self.shell_in(&place, shell, stdio);
        work.give_back(place);
        // As for a build: a rung that turns out to be rotten is left, and the command has not started on it.
        let refused = matches!(&status, Err(LocalError::Sandbox(SandboxError::NoOverlay { .. })));
        if refused && self.step_down(rung)? { self.shell(shell, again) } else { status }
    }

    fn shell_in(&self, place: &Place, shell: &Shell, stdio: Stdio) -> Result<i32, LocalError> {
        let staged = self.stage(place, &shell.action, &shell.staging, shell.advice.clone())?;
        let (argv, folder) = (shell.argv.clone(), shell.folder.clone());
        let streams = match stdio {
            Stdio::Terminal(inner) => Streams::Terminal(inner),
            Stdio::Given(streams) => Streams::Given(streams),
        };
        let spec = Spec { argv, folder, sampled: None, ..staged };
        let Some(_token) = self.jobs.take(&shell.cancel).map_err(jobs_error)? else {
            return Ok(KILLED);
        };
        let [reader, writer] = self.jobs.ends().map_err(jobs_error)?;
        let mut running =
            spawn(self.server.launcher(), &spec, streams, &[reader.as_fd(), writer.as_fd()])?;
        loop {
            match running.wait(TICK)? {
                Some(Ended::Exit(status)) => return Ok(status),
                Some(Ended::Killed) => return Ok(KILLED),
                None if shell.cancel.is_set() => running.kill(),
                None => {}
            }
        }
    }
}
