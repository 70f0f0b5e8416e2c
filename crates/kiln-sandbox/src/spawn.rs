//! A sandbox from outside.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::{Launcher, SandboxError, Spec};

/// A command in a sandbox. It is killed when the thread that started it ends.
#[derive(Debug)]
pub struct Running {}

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
    unimplemented!("{launcher:?} {spec:?} {output:?}")
}

/// Makes a sandbox with nothing in it below `scratch`, for `kiln doctor`.
///
/// # Errors
/// What is missing on this machine.
pub fn probe(launcher: &Launcher, scratch: &Path) -> Result<(), SandboxError> {
    unimplemented!("{launcher:?} {scratch:?}")
}

impl Running {
    /// Waits until the command and all it left behind are gone, at most this long.
    ///
    /// # Errors
    /// When the sandbox could not be made.
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<Ended>, SandboxError> {
        unimplemented!("{at_most:?}")
    }

    /// Kills the command and all it started; [`Running::wait`] then tells when they are gone.
    pub fn kill(&mut self) {
        unimplemented!()
    }
}
