//! A helper that makes many sandboxes, from outside.
//!
//! To start a program costs more than all else that is done outside of `bwrap`: a helper that stays copies itself for
//! each sandbox, with signals, limits and the user namespace as they should be.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::Order;
use crate::spawn::helper;
use crate::streams::{Kind, LAUNCH, send};
use crate::{Launcher, Running, SandboxError, Spec};

/// Starts commands in sandboxes. It has a process as soon as there was a command; that one ends with this value, and
/// with this process, however it ends.
#[derive(Debug)]
pub struct Server {
    launcher: Launcher,
    process: Mutex<Option<Process>>,
}

#[derive(Debug)]
struct Process {
    hears: UnixStream,
    child: Child,
}

impl Server {
    /// Makes a server that has started nothing yet.
    pub fn new(launcher: Launcher) -> Self {
        Self { launcher, process: Mutex::new(None) }
    }

    /// Returns the programs that make its sandboxes.
    pub fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Starts a command whose both outputs go to a file, as [`crate::spawn`] does.
    ///
    /// # Errors
    /// When the helper cannot be started.
    pub fn spawn(
        &self,
        spec: &Spec,
        log: &File,
        inherited: &[BorrowedFd<'_>],
    ) -> Result<Running, SandboxError> {
        let bwrap = self.launcher.bwrap.clone().ok_or(SandboxError::NoBwrap)?;
        let start = |cause| SandboxError::Start { path: self.launcher.helper.clone(), cause };
        let (helper_hears, theirs) = UnixStream::pair().map_err(start)?;
        self.launch(&[theirs.as_fd(), log.as_fd(), log.as_fd()]).map_err(start)?;
        drop(theirs);
        let length = log.metadata().map_err(start)?.len();
        let log = (log.try_clone().map_err(start)?, length);
        let mut running = Running::new(bwrap.clone(), helper_hears, None, Some(log));
        let order = Order { spec: spec.clone(), bwrap, streams: Kind::Log };
        running.order(&order, inherited).map_err(start)?;
        Ok(running)
    }

    /// Ends the process, once all its sandboxes have ended and their mounts are gone.
    pub fn end(&self) {
        end(self.process().take());
    }

    /// Asks for a helper.
    fn launch(&self, handed: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut process = self.process();
        if let Some(known) = &*process {
            match send(&known.hears, LAUNCH, handed) {
                // Somebody killed it.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                sent => return sent,
            }
        }
        end(process.take());
        let started = process.insert(self.start()?);
        send(&started.hears, LAUNCH, handed)
    }

    fn start(&self) -> io::Result<Process> {
        let (hears, theirs) = UnixStream::pair()?;
        let mut command = helper(&self.launcher, theirs);
        let child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Process { hears, child })
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for the end of a process, and knows then what all its sandboxes cost.
fn end(process: Option<Process>) {
    if let Some(Process { hears, mut child }) = process {
        drop(hears);
        // Nothing can be done about one that cannot be waited for.
        drop(child.wait());
    }
}
