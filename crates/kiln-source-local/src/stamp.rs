//! What the kernel says about a file, and when that is enough to know its content.

use std::os::fd::AsFd;

use rustix::fs::{FileType, FsWord, Stat, fstatfs};

/// What changes whenever somebody writes a file or puts another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    pub ctime: i64,
    pub executable: bool,
}

impl Stamp {
    /// Takes the stamp of what the kernel says.
    pub fn of(found: &Stat) -> Self {
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        Self {
            device: found.st_dev,
            inode: found.st_ino,
            size: u64::try_from(found.st_size).unwrap_or(0),
            mtime: nanoseconds(found.st_mtime, found.st_mtime_nsec),
            ctime: nanoseconds(found.st_ctime, found.st_ctime_nsec),
            executable: is_file && found.st_mode & 0o100 != 0,
        }
    }

    /// Returns whether an equal stamp, found later, means equal content: the file was last changed before the clock
    /// showed `clock`, when it was not yet read. One that was changed in the same tick may have been changed again
    /// without any trace.
    pub fn is_settled(&self, clock: i64) -> bool {
        self.mtime < clock && self.ctime < clock
    }

    /// A stamp that no file has, for a file that changed while it was read.
    pub(crate) fn unsettled(self) -> Self {
        Self { ctime: i64::MAX, ..self }
    }
}

/// Returns whether the stamp of a folder of this file system changes whenever a name in it does. Those that are not known
/// to do so are read.
pub fn stamps_folders(of: impl AsFd) -> bool {
    const EXT: FsWord = 0xef53;
    const XFS: FsWord = 0x5846_5342;
    const BTRFS: FsWord = 0x9123_683e;
    const F2FS: FsWord = 0xf2f5_2010;
    const BCACHEFS: FsWord = 0xca45_1a4e;
    const TMPFS: FsWord = 0x0102_1994;
    const ZFS: FsWord = 0x2fc1_2fc1;
    let known = [EXT, XFS, BTRFS, F2FS, BCACHEFS, TMPFS, ZFS];
    fstatfs(of).is_ok_and(|found| known.contains(&found.f_type))
}

fn nanoseconds(seconds: i64, nanos: u64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_at_the_tick_of_the_clock_is_not_settled() {
        let stamp =
            Stamp { device: 1, inode: 2, size: 3, mtime: 90, ctime: 100, executable: false };
        let touched = Stamp { mtime: 200, ..stamp };
        let cases = [(stamp, 99), (stamp, 100), (stamp, 101), (touched, 150), (touched, 201)];
        let found = cases.map(|(stamp, clock)| stamp.is_settled(clock));
        assert_eq!(found, [false, false, true, false, true]);
        assert!(!stamp.unsettled().is_settled(i64::MAX));
    }
}
