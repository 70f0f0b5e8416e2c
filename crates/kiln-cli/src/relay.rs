//! A terminal of its own for a command, shown on the terminal of the user.
//!
//! The command never has the user's terminal itself: it could put characters into its input queue. It has the other end
//! of a pseudo terminal; bytes go both ways, and the size of the window follows.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use signal_hook::consts::SIGWINCH;

/// Bytes moved at a time.
const PIECE: usize = 16 * 1_024;

/// Returns whether a person sits in front of both streams.
pub(crate) fn is_interactive() -> bool {
    isatty(io::stdin()) && isatty(io::stdout())
}

/// The user's terminal in raw mode; as it was again when this is dropped.
pub(crate) struct Raw {
    saved: Arc<Termios>,
}

impl Raw {
    /// Passes every key on as it is typed, Ctrl-C too.
    pub(crate) fn enter() -> io::Result<Self> {
        let saved = tcgetattr(io::stdin())?;
        let mut raw = saved.clone();
        raw.make_raw();
        let guard = Self { saved: Arc::new(saved) };
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
        Ok(guard)
    }

    /// Returns what makes the terminal as it was, for ends that drop nothing.
    pub(crate) fn restorer(&self) -> impl Fn() + Send + 'static {
        let saved = Arc::clone(&self.saved);
        move || restore(&saved)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore(&self.saved);
    }
}

fn restore(saved: &Termios) {
    // A terminal that has gone away needs nothing.
    let _gone = tcsetattr(io::stdin(), OptionalActions::Now, saved);
}

/// A pseudo terminal like the user's own.
pub(crate) struct Pair {
    pub(crate) outer: OwnedFd,
    /// For the command.
    pub(crate) inner: OwnedFd,
}

impl Pair {
    /// Opens one; to be called before [`Raw::enter`], whose settings are not for the command.
    pub(crate) fn open() -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let outer = openpt(flags)?;
        grantpt(&outer)?;
        unlockpt(&outer)?;
        let inner = ioctl_tiocgptpeer(&outer, flags)?;
        tcsetattr(&inner, OptionalActions::Now, &tcgetattr(io::stdin())?)?;
        resize(&outer);
        let nonblocking = fcntl_getfl(&outer)? | OFlags::NONBLOCK;
        fcntl_setfl(&outer, nonblocking)?;
        Ok(Self { outer, inner })
    }
}

fn resize(outer: &OwnedFd) {
    // A size that is not known is left at what it is.
    let _unknown = tcgetwinsize(io::stdin()).and_then(|size| tcsetwinsize(outer, size));
}

/// Moves bytes between the user's terminal and the outer end of another until nobody holds its inner end.
pub(crate) fn relay(outer: &OwnedFd) -> io::Result<()> {
    let (bell, rung) = UnixStream::pair()?;
    rung.set_nonblocking(true)?;
    let registered = signal_hook::low_level::pipe::register(SIGWINCH, bell)?;
    resize(outer);
    let moved = move_bytes(outer, &rung);
    signal_hook::low_level::unregister(registered);
    moved
}

fn move_bytes(outer: &OwnedFd, rung: &UnixStream) -> io::Result<()> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let mut piece = vec![0; PIECE];
    let mut typed: Vec<u8> = Vec::new();
    let mut listening = true;
    loop {
        let waiting = if typed.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let mut sources = vec![PollFd::new(outer, waiting), PollFd::new(rung, PollFlags::IN)];
        if listening && typed.is_empty() {
            sources.push(PollFd::new(&stdin, PollFlags::IN));
        }
        match poll(&mut sources, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(cause) => return Err(cause.into()),
        }
        let ready: Vec<bool> = sources.iter().map(|source| !source.revents().is_empty()).collect();
        drop(sources);
        if ready[1] {
            let _rings = rustix::io::read(rung, &mut piece[..]);
            resize(outer);
        }
        if ready.get(2) == Some(&true) {
            match rustix::io::read(&stdin, &mut piece[..]) {
                Ok(0) | Err(Errno::IO) => listening = false,
                Ok(n_bytes) => typed.extend_from_slice(&piece[..n_bytes]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        if ready[0] {
            match rustix::io::read(outer, &mut piece[..]) {
                // The last one that held the inner end let go of it.
                Ok(0) | Err(Errno::IO) => return Ok(()),
                Ok(n_bytes) => write_all(stdout.as_fd(), &piece[..n_bytes])?,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        if !typed.is_empty() {
            match rustix::io::write(outer, &typed) {
                Ok(n_bytes) => drop(typed.drain(..n_bytes)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::IO) => return Ok(()),
                Err(cause) => return Err(cause.into()),
            }
        }
    }
}

fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(n_bytes) => bytes = &bytes[n_bytes..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&to, PollFlags::OUT)], None)?;
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(())
}
