//! The six calls that have no safe form.
#![expect(unsafe_code, reason = "these calls have no safe form, here or in `rustix`")]

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Pid;
use rustix::thread::UnshareFlags;

use crate::Usage;

/// Moves this process into new namespaces. It must have one thread.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: what this call can break is a table of descriptors shared with other threads (`CLONE_FILES`); no
    // caller asks for that, and the helper has one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Makes a copy of this process, which must have one thread. Returns the child to the parent, nothing to the child.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: what this call can break are locks that other threads hold; the caller has none.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        child => Ok(Pid::from_raw(child)),
    }
}

/// Marks all descriptors above the standard ones to be closed by the next `exec`: the shell that started kiln may
/// have left some open.
pub(crate) fn close_on_exec() -> io::Result<()> {
    let numbers: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: the number was open a moment ago; if it is the closed one of the listing itself, the call fails
        // and does nothing. It is not closed here, so no owner of it is hurt.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        match fcntl_setfd(borrowed, FdFlags::CLOEXEC) {
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Gives a descriptor a second number, under which it is inherited. Nothing of this program may own that number.
pub(crate) fn place(descriptor: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: what this call can hurt is an owner of the number; the helper gives higher ones to all it opens before.
    match unsafe { libc::dup2(descriptor.as_raw_fd(), number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Has the program of a command start with SIGPIPE ignored, as farms start theirs: the standard library resets it.
pub(crate) fn ignore_broken_pipes(command: &mut Command) {
    let ignore = || {
        // SAFETY: `signal` may be called between fork and exec and touches no memory of this program.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: the closure makes this one call and allocates nothing.
    unsafe { command.pre_exec(ignore) };
}

/// Returns what all children that were waited for cost, with their own children.
pub(crate) fn usage_of_children() -> Usage {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call writes one `rusage` to the place it is given, or nothing; all zeroes are one too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| {
        u64::try_from(time.tv_sec * 1_000_000 + time.tv_usec).unwrap_or_default()
    };
    // The kernel counts bytes and tells them in blocks of this size, whatever the disk has.
    let bytes = |blocks: i64| u64::try_from(blocks).unwrap_or_default() * 512;
    Usage {
        user_micros: micros(usage.ru_utime),
        system_micros: micros(usage.ru_stime),
        max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or_default(),
        read_bytes: bytes(usage.ru_inblock),
        written_bytes: bytes(usage.ru_oublock),
    }
}
