//! Folders by descriptor: what lies in them is never followed.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use kiln_tree::Time;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, chmodat, openat, statat,
};

/// Opens a folder for reading; a link is no folder.
pub(crate) fn open_folder(at: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

/// Opens a regular file for reading; anything else that takes its place meanwhile neither blocks nor is followed.
pub(crate) fn open_file(at: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

/// Returns what a name stands for, a link for itself.
pub(crate) fn look(at: impl AsFd, name: &CStr) -> io::Result<Stat> {
    Ok(statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Returns what kind of thing a name stands for.
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Changes the mode of an entry that may not even be opened; a link is refused.
pub(crate) fn set_mode(at: impl AsFd, name: &CStr, mode: u32) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = openat(at, name, flags, Mode::empty())?;
    if kind(&rustix::fs::fstat(&held)?) == FileType::Symlink {
        return Err(io::Error::from(rustix::io::Errno::LOOP));
    }
    // A descriptor of this kind has no `fchmod`; its name in /proc leads to the very same thing.
    let path = format!("/proc/self/fd/{}", held.as_raw_fd());
    Ok(chmodat(CWD, path, Mode::from_raw_mode(mode), AtFlags::empty())?)
}

/// Returns the names in a folder.
pub(crate) fn names(folder: impl AsFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Gives an open file or folder a time.
pub(crate) fn set_time(file: impl AsFd, time: Time) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &timestamps(time))?)
}

/// Gives an entry a time, a link for itself.
pub(crate) fn set_entry_time(at: impl AsFd, name: &CStr, time: Time) -> io::Result<()> {
    Ok(rustix::fs::utimensat(at, name, &timestamps(time), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Returns the time of last modification.
pub(crate) fn time_of(stat: &Stat) -> Time {
    Time { seconds: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

fn timestamps(time: Time) -> Timestamps {
    let time = Timespec { tv_sec: time.seconds, tv_nsec: time.nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
