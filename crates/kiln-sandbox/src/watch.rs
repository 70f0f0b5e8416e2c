//! `bwrap` and everything it starts, from start to end.
//!
//! The helper stays as the parent: `bwrap` asks the kernel to be killed with its parent only some milliseconds
//! after its start, and its first process inside never looks whether the parent is already gone. Whatever is
//! orphaned below the helper becomes its child, so nothing outlives it, and what all of it cost is known.

use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, kill_process, pidfd_open,
    set_child_subreaper, waitid,
};

use crate::report::{Area, Death, Failure, Line, Order, Report};
use crate::sample::Sampler;
use crate::streams::Kind;
use crate::{HostUsr, Spec, User, raw, seccomp};

/// What is still open when all is over. To close it the kernel waits some milliseconds, for which nobody else should.
pub(crate) type Remains = Option<Sampler>;

/// Starts `bwrap` and returns when nothing of it is left. It is killed when kiln says something, or is gone.
pub(crate) fn run(
    order: &Order,
    kiln: BorrowedFd<'_>,
    stop: &AtomicBool,
) -> Result<(Report, Remains), Failure> {
    let other = |step: &'static str| move |cause| Failure::new(Area::Other, step, &cause);
    set_child_subreaper(Some(getpid())).map_err(|cause| other("adopting orphans")(cause.into()))?;
    let (mut said, status) = io::pipe().map_err(other("making a pipe"))?;
    // One thread: nobody else starts a process that would inherit it too.
    fcntl_setfd(&status, FdFlags::empty())
        .map_err(|cause| other("handing the status pipe on")(cause.into()))?;
    let mut sampler = Sampler::new(&order.spec);
    let filter = handed_filter().map_err(other("making the filter"))?;
    let bwrap = command(order, status.as_raw_fd(), filter.as_ref().map(AsRawFd::as_raw_fd)).spawn();
    let bwrap = bwrap.map_err(|cause| Failure::new(Area::Bwrap, "starting `bwrap`", &cause))?;
    drop((status, filter));
    let (ended, asked) =
        wait(bwrap, kiln, stop, &mut sampler).map_err(other("waiting for `bwrap`"))?;
    let mut text = String::new();
    said.read_to_string(&mut text).map_err(other("reading the status pipe"))?;
    let usage = raw::usage_of_children();
    let samples = sampler.as_mut().map(|sampler| sampler.end(usage)).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let report = if let Some(status) = lines.filter_map(|line| line.exit_code).next_back() {
        Report::Exit { status, usage, samples }
    } else {
        let bwrap = Death { text: ended.to_string(), signal: ended.signal(), asked };
        Report::NoCommand { bwrap, usage, samples }
    };
    Ok((report, sampler))
}

/// Waits for the end of `bwrap`, then for the end of everything else. Returns how it ended, and whether that was asked.
fn wait(
    mut bwrap: Child,
    kiln: BorrowedFd<'_>,
    stop: &AtomicBool,
    sampler: &mut Option<Sampler>,
) -> io::Result<(ExitStatus, bool)> {
    let bwrap_ended = open_process(&bwrap)?;
    loop {
        let ended = PollFd::new(&bwrap_ended, PollFlags::IN);
        let mut fds = vec![ended, PollFd::from_borrowed_fd(kiln, PollFlags::IN)];
        let events = sampler.as_ref().and_then(Sampler::events);
        fds.extend(events.map(|events| PollFd::from_borrowed_fd(events, PollFlags::IN)));
        let patience = sampler.as_ref().map(Sampler::patience);
        let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
        match poll(&mut fds, patience.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |ix: usize| fds.get(ix).is_some_and(|fd| !fd.revents().is_empty());
        let (has_ended, asked) = (is_ready(0), is_ready(1) || stop.load(Ordering::SeqCst));
        let grew = is_ready(2);
        if let Some(sampler) = sampler {
            sampler.look(bwrap.id());
            if grew {
                sampler.take(bwrap.id());
            }
        }
        if asked {
            kill_children();
        }
        if asked || has_ended {
            let ended = bwrap.wait()?;
            end_children();
            return Ok((ended, asked));
        }
    }
}

/// Ends what `bwrap` left: first the first process of the sandbox, and with it all others in there.
fn end_children() {
    loop {
        kill_children();
        match waitid(WaitId::All, WaitIdOptions::EXITED) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_no_child) => return,
        }
    }
}

/// Kills the children. Their numbers are their own, as they were not waited for.
fn kill_children() {
    // A kernel that does not list them still kills them with `bwrap`, as it was asked to.
    let list = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let numbers = list.split_whitespace().filter_map(|number| number.parse().ok());
    for child in numbers.filter_map(Pid::from_raw) {
        // One that has ended meanwhile is as good as killed.
        kill_process(child, Signal::KILL).ok();
    }
}

fn open_process(child: &Child) -> io::Result<OwnedFd> {
    let number = Pid::from_raw(child.id().cast_signed());
    let number = number.ok_or_else(|| io::Error::other("a process without a number"))?;
    Ok(pidfd_open(number, PidfdFlags::empty())?)
}

/// Makes the filter of calls, to be inherited by `bwrap`.
fn handed_filter() -> io::Result<Option<PipeReader>> {
    let filter = seccomp::filter()?;
    if let Some(filter) = &filter {
        fcntl_setfd(filter, FdFlags::empty())?;
    }
    Ok(filter)
}

fn command(order: &Order, status: i32, filter: Option<i32>) -> Command {
    let mut command = Command::new(&order.bwrap);
    command.args(arguments(&order.spec, order.streams));
    if let Some(filter) = filter {
        command.arg("--seccomp").arg(filter.to_string());
    }
    command.arg("--json-status-fd").arg(status.to_string());
    command.arg("--").args(&order.spec.argv);
    command.env_clear();
    if order.streams == Kind::Log {
        raw::ignore_broken_pipes(&mut command);
    }
    command
}

/// Returns the arguments for `bwrap` up to those for descriptors.
fn arguments(spec: &Spec, streams: Kind) -> Vec<OsString> {
    let id = match spec.user {
        User::Builder => "1000",
        User::Root => "0",
    };
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]);
    add(&["--die-with-parent", "--uid", id, "--gid", id]);
    if streams != Kind::Terminal {
        add(&["--new-session"]);
    }
    add(&["--hostname", &spec.hostname, "--clearenv"]);
    for (name, value) in &spec.env {
        add(&["--setenv", name, value]);
    }
    arguments.extend(["--bind".into(), spec.root.clone().into_os_string(), "/".into()]);
    if let Some(HostUsr { folder, above }) = &spec.usr
        && above.is_empty()
    {
        arguments.extend(["--ro-bind".into(), folder.clone().into_os_string(), "/usr".into()]);
    }
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["--dev", "/dev", "--proc", "/proc"]);
    for folder in ["/tmp", "/dev/shm"] {
        if streams != Kind::Log {
            // In a build, `/kiln/run` does it.
            add(&["--perms", "1777"]);
        }
        add(&["--tmpfs", folder]);
    }
    add(&["--chdir", &spec.folder]);
    arguments
}
