//! The process that stacks the folders, starts `bwrap` and stays to see everything end.
//!
//! It exists because a stack of many folders can only be mounted where one is privileged, that is in a user
//! namespace of one's own, and in a process with one thread. Root goes the same way as everybody.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FlockOperation, Mode, flock};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{
    PidfdFlags, Resource, Rlimit, WaitId, WaitIdOptions, getpid, pidfd_open, setpgid, waitid,
};
use rustix::thread::UnshareFlags;
use signal_hook::consts::signal;

use crate::report::{Area, Failure, Order, Report};
use crate::streams::{self, Kind, LAUNCH, OWN_NUMBERS};
use crate::watch::Remains;
use crate::{Spec, overlay, processes, raw, watch};

/// First argument of this program when it is to call [`helper_main`] before anything else.
pub const HELPER_WORD: &str = "__sandbox";

/// Signals that may arrive ignored and would then be ignored by the command too.
const SIGNALS: [i32; 12] = [
    signal::SIGHUP,
    signal::SIGINT,
    signal::SIGQUIT,
    signal::SIGPIPE,
    signal::SIGALRM,
    signal::SIGTERM,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGCHLD,
    signal::SIGTSTP,
    signal::SIGTTIN,
    signal::SIGTTOU,
];

/// Reads an order from the standard input, which is a socket, makes the sandbox, and reports when nothing of it
/// runs any more; or does so for many, each in a copy of this process. Called first thing in `main`, while there is
/// one thread.
pub fn helper_main() -> ExitCode {
    let Ok(kiln) = take_stdin() else {
        return ExitCode::from(2);
    };
    let closed = raw::close_on_exec().map_err(other("closing inherited files"));
    match streams::receive(&kiln) {
        Ok((LAUNCH, handed)) => serve(kiln, handed, closed),
        received => answer(kiln, |kiln| {
            closed?;
            let (length, handed) = received.map_err(other("reading the order of the sandbox"))?;
            let order =
                read_order(kiln, length).map_err(other("reading the order of the sandbox"))?;
            let stop =
                reset_process(order.streams).map_err(other("resetting signals and limits"))?;
            enter_namespaces(order.streams)?;
            sandbox(kiln, &order, handed, &stop)
        }),
    }
}

/// Becomes the parent of one helper for each message, until kiln is gone.
fn serve(kiln: UnixStream, first: Vec<OwnedFd>, closed: Result<(), Failure>) -> ExitCode {
    // What all helpers do first is done once; where it failed, each of them says so.
    let prepared = closed
        .and_then(|()| reset_process(Kind::Log).map_err(other("resetting signals and limits")))
        .and_then(|stop| enter_namespaces(Kind::Log).map(|()| stop));
    let mut children = Vec::new();
    let mut next = Some(first);
    loop {
        if let Some(handed) = next.take() {
            match raw::fork() {
                Ok(None) => {
                    drop((kiln, children));
                    return serve_one(handed, prepared);
                }
                Ok(Some(child)) => children.extend(pidfd_open(child, PidfdFlags::empty())),
                // The socket of the launch is closed here, which is told as a helper that died.
                Err(_) => {}
            }
        }
        match wait(&kiln, &mut children) {
            Ok(asked) => next = asked,
            Err(_gone) => break,
        }
    }
    // Kiln is told what they cost, as the parent of this process.
    children.iter().for_each(reap);
    ExitCode::SUCCESS
}

/// Waits for the end of a child, so that this process knows what it cost.
fn reap(child: &OwnedFd) {
    // Nothing can be done about one that cannot be waited for.
    waitid(WaitId::PidFd(child.as_fd()), WaitIdOptions::EXITED).ok();
}

/// Waits for a message or for the end of a child. Returns what came with the message.
fn wait(kiln: &UnixStream, children: &mut Vec<OwnedFd>) -> io::Result<Option<Vec<OwnedFd>>> {
    let mut fds = vec![PollFd::new(&kiln, PollFlags::IN)];
    fds.extend(children.iter().map(|child| PollFd::new(child, PollFlags::IN)));
    match poll(&mut fds, None) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
    let asked = ready.next().unwrap_or_default();
    let ended: Vec<bool> = ready.collect();
    let mut ended = ended.into_iter();
    children.retain(|child| {
        let has_ended = ended.next().unwrap_or_default();
        if has_ended {
            reap(child);
        }
        !has_ended
    });
    if asked { streams::receive(kiln).map(|(_, handed)| Some(handed)) } else { Ok(None) }
}

/// Is a helper that was forked: has its own socket, and the outputs of its command.
fn serve_one(handed: Vec<OwnedFd>, prepared: Result<Arc<AtomicBool>, Failure>) -> ExitCode {
    let Ok([kiln, output, errors]) = <[OwnedFd; 3]>::try_from(handed) else {
        return ExitCode::from(2);
    };
    answer(UnixStream::from(kiln), |kiln| {
        let stop = prepared?;
        let own = || -> io::Result<()> {
            setpgid(None, None)?;
            rustix::stdio::dup2_stdout(&output)?;
            rustix::stdio::dup2_stderr(&errors)?;
            Ok(())
        };
        own().map_err(other("taking the streams"))?;
        drop((output, errors));
        let received = streams::receive(kiln);
        let (length, handed) = received.map_err(other("reading the order of the sandbox"))?;
        let order = read_order(kiln, length).map_err(other("reading the order of the sandbox"))?;
        raw::unshare(UnshareFlags::NEWNS)
            .map_err(|cause| Failure::new(Area::Namespace, "`unshare` of mounts", &cause))?;
        sandbox(kiln, &order, handed, &stop)
    })
}

/// Tells kiln what came of an order.
fn answer(
    mut kiln: UnixStream,
    work: impl FnOnce(&mut UnixStream) -> Result<(Report, Remains), Failure>,
) -> ExitCode {
    let (report, remains) =
        work(&mut kiln).unwrap_or_else(|failure| (Report::Failed(failure), None));
    // Kiln may be gone; then nobody wants to know.
    drop(tell(&kiln, &report));
    drop(kiln);
    drop(remains);
    ExitCode::SUCCESS
}

fn tell(mut kiln: &UnixStream, report: &Report) -> io::Result<()> {
    let text = serde_json::to_vec(report)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    // The mounts are there until this process is gone, which kiln can wait for.
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    streams::send(kiln, length, &[own.as_fd()])?;
    kiln.write_all(&text)
}

/// Moves the socket away from the standard input and leaves nothing there.
fn take_stdin() -> io::Result<UnixStream> {
    let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), OWN_NUMBERS)?;
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(UnixStream::from(socket))
}

/// Runs a command, in the namespaces of this process.
fn sandbox(
    kiln: &UnixStream,
    order: &Order,
    handed: Vec<OwnedFd>,
    stop: &AtomicBool,
) -> Result<(Report, Remains), Failure> {
    streams::take_up(order.streams, handed).map_err(other("taking the streams"))?;
    let _held = hold(&order.spec).map_err(other("holding the work folder"))?;
    overlay::mount(&order.spec)?;
    watch::run(order, kiln.as_fd(), stop)
}

fn other(step: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |cause| Failure::new(Area::Other, step, &cause)
}

/// Locks the file that says that the work folder is in use. Where that fails, kiln is dead and someone else is
/// already removing the folder.
fn hold(spec: &Spec) -> io::Result<Option<File>> {
    let Some(path) = &spec.hold else {
        return Ok(None);
    };
    let file = File::open(path)?;
    flock(&file, FlockOperation::NonBlockingLockShared)?;
    Ok(Some(file))
}

fn read_order(kiln: &mut UnixStream, length: u32) -> io::Result<Order> {
    let mut text = vec![0; length as usize];
    kiln.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Undoes what the caller of kiln may have set: ignored signals, umask, core files. Returns whether one of the
/// signals came that ask for an end.
fn reset_process(streams: Kind) -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for number in SIGNALS {
        // What the keys of its terminal send is for the command.
        let is_key = number == signal::SIGINT && streams == Kind::Terminal;
        let asks = matches!(number, signal::SIGHUP | signal::SIGINT | signal::SIGTERM) && !is_key;
        let flag = if asks { stop.clone() } else { Arc::new(AtomicBool::new(false)) };
        // A caught signal is back at its default after `exec`; an ignored one would stay ignored.
        signal_hook::flag::register(number, flag)?;
    }
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none)?;
    processes::limit()?;
    if streams != Kind::Log {
        streams::limit()?;
    }
    Ok(stop)
}

fn enter_namespaces(streams: Kind) -> Result<(), Failure> {
    let failed =
        |step: &'static str| move |cause: io::Error| Failure::new(Area::Namespace, step, &cause);
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let mut spaces = UnshareFlags::NEWUSER | UnshareFlags::NEWNS;
    if streams == Kind::Terminal {
        // `bwrap` belongs to the process group that gets the keys of the terminal. As the first process of a
        // namespace it is not ended by those, only the command is.
        spaces |= UnshareFlags::NEWPID;
    }
    raw::unshare(spaces).map_err(failed("`unshare` of user and mounts"))?;
    fs::write("/proc/self/setgroups", "deny").map_err(failed("writing `setgroups`"))?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).map_err(failed("writing `uid_map`"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).map_err(failed("writing `gid_map`"))?;
    // A disk that is unmounted outside is unmounted here too; nothing that is mounted here is seen outside.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .map_err(|cause| failed("making mounts private")(cause.into()))
}
