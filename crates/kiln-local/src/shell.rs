//! A person's command in the sandbox of an action.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use kiln_action::{Action, CancelFlag, Staging};
use kiln_sandbox::{Ended, Spec, Streams, spawn};

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
        let place = work.take(self.rung()?)?;
        let status = self.shell_in(&place, shell, stdio);
        work.give_back(place);
        status
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
        let mut running = spawn(&self.launcher, &spec, streams, &[reader.as_fd(), writer.as_fd()])?;
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
