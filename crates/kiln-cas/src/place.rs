//! Where the files of a blob are, and whether they can be trusted.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use kiln_digest::{Digest, Hasher};
use kiln_tree::Time;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, openat, statat};
use rustix::io::Errno;

use crate::{CasError, DiskCas};

/// How much is read at once; small enough to come without a call to the kernel, as most files are small.
pub(crate) const BUFFER: usize = 1 << 16;

/// What is at the place of a blob's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Free,
    Good,
    Bad,
}

/// The name of a blob's file below the folder of blobs: `<aa>/<62 hex>` or `<aa>/<62 hex>.x`.
#[derive(Clone, Copy)]
pub(crate) struct BlobName([u8; 68]);

impl BlobName {
    pub(crate) fn of(digest: Digest, executable: bool) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut name = [0; 68];
        let mut at = 0;
        for (ix, byte) in digest.hash.iter().enumerate() {
            if ix == 1 {
                name[at] = b'/';
                at += 1;
            }
            name[at] = DIGITS[usize::from(byte >> 4)];
            name[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        if executable {
            name[at..at + 2].copy_from_slice(b".x");
        }
        Self(name)
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        self.as_c_str().to_str().unwrap_or_default()
    }

    /// Returns the name in that folder.
    pub(crate) fn last(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0[3..]).unwrap_or_default()
    }

    /// Returns the name of the folder of the file.
    pub(crate) fn folder(&self) -> &str {
        &self.as_str()[..2]
    }
}

impl DiskCas {
    /// Looks at a file of a blob without reading it, unless its time or mode say that someone else had it.
    pub(crate) fn look(&self, digest: Digest, executable: bool) -> Result<Place, CasError> {
        let name = BlobName::of(digest, executable);
        let found = match statat(&self.blobs, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(Place::Free),
            Err(cause) => {
                let path = self.place(digest, executable);
                return Err(CasError::Read { path, cause: cause.into() });
            }
        };
        if !is_sized(&found, digest) {
            return Ok(Place::Bad);
        }
        if is_untouched(&found, executable) {
            return Ok(Place::Good);
        }
        let good = self.open_place(digest, executable).is_ok_and(|file| {
            hash(&file).is_ok_and(|hash| hash == digest) && settle(&file, executable).is_ok()
        });
        Ok(if good { Place::Good } else { Place::Bad })
    }

    /// Opens a file of a blob for reading, whatever it holds.
    pub(crate) fn open_place(&self, digest: Digest, executable: bool) -> Result<File, Errno> {
        let name = BlobName::of(digest, executable);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.blobs, name.as_c_str(), flags, Mode::empty()).map(File::from)
    }

    /// Opens as [`DiskCas::open_place`] does, by the open folder of the file: for one who opens many.
    pub(crate) fn open_near(&self, digest: Digest, executable: bool) -> Result<File, Errno> {
        let name = BlobName::of(digest, executable);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let near = self.fan(digest).map(|fan| openat(fan, name.last(), flags, Mode::empty()));
        match near {
            // The folder may have been another one when it was opened.
            None | Some(Err(Errno::NOENT)) => self.open_place(digest, executable),
            Some(opened) => opened.map(File::from),
        }
    }

    /// Returns the folder of the files of a blob; it is opened once, as names of one part are found faster.
    pub(crate) fn fan(&self, digest: Digest) -> Option<BorrowedFd<'_>> {
        let held = &self.fans[usize::from(digest.hash[0])];
        if held.get().is_none() {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name = BlobName::of(digest, false);
            let opened = openat(&self.blobs, name.folder(), flags, Mode::empty()).ok()?;
            // Where two threads open it at once, one of the two is closed again.
            drop(held.set(opened));
        }
        held.get().map(AsFd::as_fd)
    }
}

/// Returns whether something may be the file of a blob, going by its size.
fn is_sized(found: &Stat, digest: Digest) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && u64::try_from(found.st_size) == Ok(digest.size)
}

/// Returns whether a file has mode and time as the store gave them.
fn is_untouched(found: &Stat, executable: bool) -> bool {
    found.st_mode & 0o7777 == mode(executable)
        && found.st_mtime == Time::STAGED.seconds
        && found.st_mtime_nsec == u64::from(Time::STAGED.nanos)
}

/// Returns whether a file of a blob needs no reading to be trusted.
pub(crate) fn is_good(found: &Stat, digest: Digest, executable: bool) -> bool {
    is_sized(found, digest) && is_untouched(found, executable)
}

/// Returns the mode of a blob's file.
pub(crate) fn mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

/// Gives an open file the mode and time that every file of the store has.
pub(crate) fn settle(file: &File, executable: bool) -> io::Result<()> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode(executable)))?;
    settle_time(file)
}

/// Gives an open file the time that every file of the store has.
pub(crate) fn settle_time(file: impl AsFd) -> io::Result<()> {
    let time = Timespec { tv_sec: Time::STAGED.seconds, tv_nsec: Time::STAGED.nanos.into() };
    Ok(rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })?)
}

/// Takes the digest of an open file from where it stands.
pub(crate) fn hash(file: &File) -> io::Result<Digest> {
    hash_with(file, &mut vec![0; BUFFER])
}

/// Takes the digest of an open file from where it stands, reading into a buffer.
pub(crate) fn hash_with(mut file: &File, buffer: &mut [u8]) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n_read) => hasher.update(&buffer[..n_read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
