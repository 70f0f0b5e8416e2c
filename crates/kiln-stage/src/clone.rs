//! One file's bytes into another: shared where the file system can, else copied.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;

use kiln_tree::Time;
use rustix::fs::{Mode, OFlags, copy_file_range, ioctl_ficlone, openat};
use rustix::io::Errno;

use crate::folder::set_time;

/// Files up to this length are read and written whole: the kernel needs longer to copy a range of them.
const SMALL: usize = 1 << 18;

/// Copies many files; what the file system cannot do is tried once.
#[derive(Debug, Default)]
pub(crate) struct Copying {
    buffer: Vec<u8>,
    no_sharing: bool,
    no_ranges: bool,
    /// Whether the umask leaves the modes alone: plain, executable.
    modes: [Option<bool>; 2],
}

impl Copying {
    /// Makes a file in an open folder with the bytes of another, which stands at its start.
    pub(crate) fn copy(
        &mut self,
        from: &File,
        at: BorrowedFd<'_>,
        name: &CStr,
        file: kiln_tree::File,
        time: Time,
    ) -> io::Result<()> {
        let mode = Mode::from_raw_mode(if file.executable { 0o755 } else { 0o644 });
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let to = File::from(openat(at, name, flags, mode)?);
        self.fill(from, &to, file.digest.size)?;
        let is_kept = &mut self.modes[usize::from(file.executable)];
        if is_kept.is_none() {
            *is_kept = Some(rustix::fs::fstat(&to)?.st_mode & 0o7777 == mode.as_raw_mode());
        }
        if *is_kept == Some(false) {
            rustix::fs::fchmod(&to, mode)?;
        }
        set_time(&to, time)
    }

    fn fill(&mut self, mut from: &File, mut to: &File, size: u64) -> io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        if !self.no_sharing {
            match ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                // A file system may share long files only, but none shares some short ones alone.
                Err(Errno::NOSPC | Errno::DQUOT) => return Err(Errno::NOSPC.into()),
                Err(_unsupported) => self.no_sharing = true,
            }
        }
        if usize::try_from(size).is_ok_and(|size| size <= SMALL) {
            self.buffer.resize(SMALL + 1, 0);
            let n_read = from.read(&mut self.buffer)?;
            to.write_all(&self.buffer[..n_read])?;
            if u64::try_from(n_read) == Ok(size) {
                return Ok(());
            }
        }
        self.fill_rest(from, to)
    }

    fn fill_rest(&mut self, mut from: &File, mut to: &File) -> io::Result<()> {
        while !self.no_ranges {
            match copy_file_range(from, None, to, None, 1 << 30) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::NOSPC) => return Err(Errno::NOSPC.into()),
                Err(_unsupported) => self.no_ranges = true,
            }
        }
        // Nothing is left where the ranges went well.
        io::copy(&mut from, &mut to).map(drop)
    }
}
