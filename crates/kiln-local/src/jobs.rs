//! The tokens that all sandboxes of a runner share: one GNU make jobserver.
//!
//! Who runs a command holds a token for it, and each make inside takes one more for each recipe beside its first.
//! So there are never more compilers at a time than tokens. A token is a byte in a pipe; whoever is killed takes his
//! with him, and anybody can write more: the pipe is put right when that can be told.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiln_action::CancelFlag;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, ioctl_fionread};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::runner::TICK;

/// The most tokens; a pipe holds sixteen times as many, with gaps where it was read.
const MAX_TOKENS: usize = 1 << 12;

/// The byte that is a token, as GNU make writes it.
const TOKEN: u8 = b'+';

/// A jobserver.
#[derive(Debug)]
pub(crate) struct Jobs {
    n_tokens: usize,
    reader: File,
    writer: File,
    /// How many commands run.
    n_running: Mutex<usize>,
}

/// The right to run a command; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Token<'a>(&'a Jobs);

impl Jobs {
    pub(crate) fn new(n_tokens: usize) -> io::Result<Self> {
        // Neither a pipe that somebody emptied nor one that somebody filled may hold kiln up.
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self {
            n_tokens: n_tokens.clamp(1, MAX_TOKENS),
            reader: File::from(reader),
            writer: File::from(writer),
            n_running: Mutex::new(0),
        })
    }

    /// Waits for a token; returns nothing when there was a cancellation first.
    pub(crate) fn take(&self, cancel: &CancelFlag) -> io::Result<Option<Token<'_>>> {
        while !cancel.is_set() {
            if self.try_take()? {
                return Ok(Some(Token(self)));
            }
            let timeout = Timespec::try_from(TICK).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.reader, PollFlags::IN)], Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn try_take(&self) -> io::Result<bool> {
        let mut n_running = self.lock();
        self.put_right(*n_running)?;
        let is_taken = self.read(1)? == 1;
        *n_running += usize::from(is_taken);
        Ok(is_taken)
    }

    /// Removes tokens that nobody made, and replaces lost ones where nobody can hold them.
    fn put_right(&self, n_running: usize) -> io::Result<()> {
        let most = self.n_tokens.saturating_sub(n_running);
        let n_there = self.n_there()?;
        self.read(n_there.saturating_sub(most))?;
        if n_running == 0 {
            self.write(most.saturating_sub(n_there))?;
        }
        Ok(())
    }

    /// Returns the two ends for a sandbox: what a make changes in how they are read, it changes for its sandbox only.
    pub(crate) fn ends(&self) -> io::Result<[OwnedFd; 2]> {
        let again = |end: &File, flags| {
            let path = format!("/proc/self/fd/{}", end.as_raw_fd());
            open(path, flags | OFlags::CLOEXEC, Mode::empty())
        };
        Ok([again(&self.reader, OFlags::RDONLY)?, again(&self.writer, OFlags::WRONLY)?])
    }

    /// Returns `MAKEFLAGS` for a sandbox that has the ends as its descriptors 3 and 4.
    pub(crate) fn make_flags(&self) -> String {
        // A first word without a dash would be taken for single letters.
        format!(" -j{} --jobserver-auth=3,4", self.n_tokens)
    }

    fn n_there(&self) -> io::Result<usize> {
        usize::try_from(ioctl_fionread(&self.reader)?).map_err(io::Error::other)
    }

    /// Takes up to so many tokens out, and returns how many there were.
    fn read(&self, n_wanted: usize) -> io::Result<usize> {
        let mut bytes = vec![0; n_wanted];
        match (&self.reader).read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            read => read,
        }
    }

    fn write(&self, n_tokens: usize) -> io::Result<()> {
        match (&self.writer).write(&vec![TOKEN; n_tokens]) {
            // It is full of what others wrote; there are tokens enough.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            written => written.map(drop),
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.n_running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        let mut n_running = self.0.lock();
        *n_running = n_running.saturating_sub(1);
        // One that could not be given back is replaced when nothing runs.
        self.0.write(1).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(jobs: &Jobs) -> Token<'_> {
        jobs.take(&CancelFlag::default()).unwrap().unwrap()
    }

    /// Checks how many tokens are left when one was taken.
    #[track_caller]
    fn check(jobs: &Jobs, expected: usize) {
        let token = take(jobs);
        assert_eq!(jobs.n_there().unwrap(), expected);
        drop(token);
        assert_eq!(jobs.n_there().unwrap(), expected + 1);
    }

    #[test]
    fn there_are_as_many_tokens_as_jobs() {
        check(&Jobs::new(3).unwrap(), 2);
        check(&Jobs::new(0).unwrap(), 0);
        check(&Jobs::new(MAX_TOKENS).unwrap(), MAX_TOKENS - 1);
    }

    #[test]
    fn lost_tokens_are_replaced_when_nothing_runs() {
        let jobs = Jobs::new(4).unwrap();
        let token = take(&jobs);
        jobs.read(2).unwrap();
        assert_eq!(jobs.n_there().unwrap(), 1);
        let other = take(&jobs);
        assert_eq!(jobs.n_there().unwrap(), 0, "whoever runs may hold them");
        drop((token, other));
        check(&jobs, 3);
    }

    #[test]
    fn tokens_that_nobody_made_are_removed() {
        let jobs = Jobs::new(3).unwrap();
        let token = take(&jobs);
        jobs.write(5000).unwrap();
        let other = take(&jobs);
        assert_eq!(jobs.n_there().unwrap(), 1);
        drop((token, other));
        jobs.write(MAX_TOKENS).unwrap();
        check(&jobs, 2);
    }

    #[test]
    fn a_full_pipe_holds_nobody_up() {
        let jobs = Jobs::new(2).unwrap();
        let token = take(&jobs);
        while (&jobs.writer).write(&[0; 512]).is_ok() {}
        drop(token);
        check(&jobs, 1);
    }

    #[test]
    fn without_tokens_one_waits_for_a_token_or_a_cancellation() {
        let jobs = Jobs::new(1).unwrap();
        let token = take(&jobs);
        let cancel = CancelFlag::default();
        assert!(!jobs.try_take().unwrap());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| jobs.take(&cancel).unwrap().is_none());
            cancel.set();
            assert!(waiting.join().unwrap());
            let waiting = scope.spawn(|| drop(take(&jobs)));
            drop(token);
            waiting.join().unwrap();
        });
    }

    #[test]
    fn who_makes_an_end_not_block_does_so_for_himself() {
        let jobs = Jobs::new(2).unwrap();
        let [reader, writer] = jobs.ends().unwrap();
        let flags = |end: &OwnedFd| rustix::fs::fcntl_getfl(end).unwrap() & OFlags::NONBLOCK;
        assert_eq!([flags(&reader), flags(&writer)], [OFlags::empty(); 2]);
        rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).unwrap();
        assert_eq!(flags(&jobs.ends().unwrap()[0]), OFlags::empty());
    }
}
