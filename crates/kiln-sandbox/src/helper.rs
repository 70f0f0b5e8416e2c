//! The process that stacks the folders and becomes `bwrap`.
//!
//! It runs before `bwrap` because a stack of many folders can only be mounted where one is privileged, that is in
//! a user namespace of one's own, and in a process with one thread. Root goes the same way as everybody.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::fs::Mode;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Resource, Rlimit, Signal};
use rustix::thread::UnshareFlags;
use signal_hook::consts::signal;

use crate::report::{Area, Failure, Line, Order};
use crate::{Spec, User, overlay, raw};

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

/// Reads an order from the standard input, which is a socket, and becomes the sandbox. Called first thing in
/// `main`, while there is one thread; returns only when it failed, after it told its parent why.
pub fn helper_main() -> ExitCode {
    let Ok(mut kiln) = take_stdin() else {
        return ExitCode::from(2);
    };
    let failure = become_sandbox(&mut kiln);
    let line = Line { failure: Some(failure), ..Line::default() };
    let text = serde_json::to_string(&line).unwrap_or_default();
    // The parent may be gone; then nobody wants to know.
    match writeln!(kiln, "{text}") {
        Ok(()) | Err(_) => ExitCode::from(2),
    }
}

/// Moves the socket away from the standard input and leaves nothing there.
fn take_stdin() -> io::Result<UnixStream> {
    let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let nothing = fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(UnixStream::from(socket))
}

/// Does not return when it succeeds.
fn become_sandbox(kiln: &mut UnixStream) -> Failure {
    match prepare(kiln) {
        Ok((order, fds)) => {
            let cause = command(&order, &fds).exec();
            Failure::new(Area::Bwrap, "starting `bwrap`", &cause)
        }
        Err(failure) => failure,
    }
}

/// Descriptors that `bwrap` inherits.
struct Inherited {
    status: OwnedFd,
    block: OwnedFd,
}

fn prepare(kiln: &mut UnixStream) -> Result<(Order, Inherited), Failure> {
    let other = |step: &'static str| move |cause| Failure::new(Area::Other, step, &cause);
    let order = read_order(kiln).map_err(other("reading the order of the sandbox"))?;
    raw::close_on_exec().map_err(other("closing inherited files"))?;
    reset_process().map_err(other("resetting signals and limits"))?;
    enter_namespaces()?;
    stay_with(order.parent).map_err(other("tying the sandbox to kiln"))?;
    overlay::mount(&order.spec)?;
    let inherit = |kiln: &UnixStream| -> io::Result<OwnedFd> {
        let copy = fcntl_dupfd_cloexec(kiln.as_fd(), 3)?;
        fcntl_setfd(&copy, FdFlags::empty())?;
        Ok(copy)
    };
    let status = inherit(kiln).map_err(other("handing the status socket on"))?;
    let block = inherit(kiln).map_err(other("handing the status socket on"))?;
    Ok((order, Inherited { status, block }))
}

fn read_order(kiln: &mut UnixStream) -> io::Result<Order> {
    let mut length = [0; 4];
    kiln.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_le_bytes(length) as usize];
    kiln.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Undoes what the caller of kiln may have set: ignored signals, umask, core files.
fn reset_process() -> io::Result<()> {
    for signal in SIGNALS {
        // A caught signal is back at its default after `exec`; an ignored one would stay ignored.
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    Ok(rustix::process::setrlimit(Resource::Core, none)?)
}

fn enter_namespaces() -> Result<(), Failure> {
    let failed =
        |step: &'static str| move |cause: io::Error| Failure::new(Area::Namespace, step, &cause);
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    raw::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)
        .map_err(failed("`unshare` of user and mounts"))?;
    fs::write("/proc/self/setgroups", "deny").map_err(failed("writing `setgroups`"))?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).map_err(failed("writing `uid_map`"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).map_err(failed("writing `gid_map`"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|cause| failed("making mounts private")(cause.into()))
}

/// Makes the kernel kill this process with its parent. The request is lost by a change of credentials, so it comes
/// after the namespaces; the parent may have died before it.
fn stay_with(parent: i32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now == Some(parent) { Ok(()) } else { Err(io::Error::other("kiln is gone")) }
}

fn command(order: &Order, fds: &Inherited) -> Command {
    let mut command = Command::new(&order.bwrap);
    command.args(arguments(&order.spec));
    command.arg("--json-status-fd").arg(fds.status.as_raw_fd().to_string());
    // The sandbox waits until kiln holds on to its first process.
    command.arg("--block-fd").arg(fds.block.as_raw_fd().to_string());
    command.arg("--").args(&order.spec.argv);
    command.env_clear();
    command
}

/// Returns the arguments for `bwrap` up to those for descriptors.
fn arguments(spec: &Spec) -> Vec<OsString> {
    let id = match spec.user {
        User::Builder => "1000",
        User::Root => "0",
    };
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]);
    add(&["--die-with-parent", "--new-session", "--uid", id, "--gid", id]);
    add(&["--hostname", &spec.hostname, "--clearenv"]);
    for (name, value) in &spec.env {
        add(&["--setenv", name, value]);
    }
    arguments.extend(["--bind".into(), spec.root.clone().into_os_string(), "/".into()]);
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm"]);
    add(&["--chdir", "/"]);
    arguments
}
