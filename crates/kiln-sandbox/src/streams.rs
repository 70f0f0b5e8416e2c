//! Where the input and the outputs of a command go, and how the helper gets hold of them.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Resource, Rlimit, getrlimit, ioctl_tiocsctty, setrlimit, setsid};
use serde::{Deserialize, Serialize};

use crate::raw;

/// The most descriptors that go with an order: an input, and those that are inherited.
const MAX_HANDED: usize = 5;

/// Instead of the length of an order: another helper is wanted, and its socket and the outputs come along.
pub(crate) const LAUNCH: u32 = 0;

/// The helper's own descriptors have higher numbers than those that the command inherits.
pub(crate) const OWN_NUMBERS: i32 = 10;

/// Where the three standard streams of a command go.
#[derive(Debug)]
pub enum Streams {
    /// Nothing comes in; both outputs go to a file, which is also read when the start fails.
    Log(File),
    /// The inner side of a pseudoterminal, which becomes the controlling terminal of the command. The keys of that
    /// terminal reach the command only.
    Terminal(OwnedFd),
    /// Input, output and errors of the caller's choice, without a controlling terminal.
    Given([OwnedFd; 3]),
}

/// The kind of [`Streams`], as it is told to the helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Log,
    Terminal,
    Given,
}

/// Sends the length of an order, and descriptors with it.
pub(crate) fn send(socket: &UnixStream, length: u32, handed: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_HANDED))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !handed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(handed)) {
        return Err(io::Error::other("too many descriptors"));
    }
    let bytes = length.to_le_bytes();
    // An empty socket takes four bytes at once.
    sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives what [`send`] sent. The descriptors have numbers of the helper's own.
pub(crate) fn receive(mut socket: &UnixStream) -> io::Result<(u32, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_HANDED))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4];
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    socket.read_exact(&mut bytes[received.bytes..])?;
    let mut handed = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                handed.push(fcntl_dupfd_cloexec(&descriptor, OWN_NUMBERS)?);
            }
        }
    }
    Ok((u32::from_le_bytes(bytes), handed))
}

/// Makes what was handed over the input of this process, and the descriptors that the command inherits.
pub(crate) fn take_up(kind: Kind, handed: Vec<OwnedFd>) -> io::Result<()> {
    let mut handed = handed.into_iter();
    match kind {
        Kind::Log => {}
        Kind::Terminal => {
            setsid()?;
            ioctl_tiocsctty(rustix::stdio::stdout())?;
            rustix::stdio::dup2_stdin(rustix::stdio::stdout())?;
        }
        Kind::Given => {
            let input = handed.next().ok_or_else(|| io::Error::other("no input came"))?;
            rustix::stdio::dup2_stdin(&input)?;
        }
    }
    for (number, inherited) in (3..OWN_NUMBERS).zip(handed) {
        raw::place(&inherited, number)?;
    }
    Ok(())
}

/// Sets the soft limits that `/kiln/run` sets for a build, where nothing but the command itself could.
pub(crate) fn limit() -> io::Result<()> {
    for (resource, soft) in [(Resource::Nofile, 1024), (Resource::Stack, 8 << 20)] {
        let maximum = getrlimit(resource).maximum;
        let current = Some(maximum.map_or(soft, |hard| hard.min(soft)));
        setrlimit(resource, Rlimit { current, maximum })?;
    }
    Ok(())
}
