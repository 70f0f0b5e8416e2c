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

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Resource, Rlimit};
use rustix::thread::UnshareFlags;
use signal_hook::consts::signal;

use crate::report::{Area, Failure, Order, Report};
use crate::streams::{self, Kind, OWN_NUMBERS};
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
/// runs any more. Called first thing in `main`, while there is one thread.
pub fn helper_main() -> ExitCode {
    let Ok(mut kiln) = take_stdin() else {
        return ExitCode::from(2);
    };
    let report = sandbox(&mut kiln).unwrap_or_else(Report::Failed);
    let text = serde_json::to_string(&report).unwrap_or_default();
    // Kiln may be gone; then nobody wants to know.
    match writeln!(kiln, "{text}") {
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

/// Moves the socket away from the standard input and leaves nothing there.
fn take_stdin() -> io::Result<UnixStream> {
    let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), OWN_NUMBERS)?;
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(UnixStream::from(socket))
}

fn sandbox(kiln: &mut UnixStream) -> Result<Report, Failure> {
    let other = |step: &'static str| move |cause| Failure::new(Area::Other, step, &cause);
    raw::close_on_exec().map_err(other("closing inherited files"))?;
    let (order, handed) = read_order(kiln).map_err(other("reading the order of the sandbox"))?;
    let stop = reset_process(order.streams).map_err(other("resetting signals and limits"))?;
    streams::take_up(order.streams, handed).map_err(other("taking the streams"))?;
    let _held = hold(&order.spec).map_err(other("holding the work folder"))?;
    enter_namespaces(order.streams)?;
    overlay::mount(&order.spec)?;
    watch::run(&order, kiln.as_fd(), &stop)
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

fn read_order(kiln: &mut UnixStream) -> io::Result<(Order, Vec<OwnedFd>)> {
    let (length, handed) = streams::receive(kiln)?;
    let mut text = vec![0; length as usize];
    kiln.read_exact(&mut text)?;
    Ok((serde_json::from_slice(&text)?, handed))
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
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|cause| failed("making mounts private")(cause.into()))
}
