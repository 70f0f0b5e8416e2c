//! Files on their way into the store: nothing half-written gets the name of a blob.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use kiln_digest::Digest;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, mkdirat, openat, renameat_with};
use rustix::io::Errno;

use crate::place::{BlobName, Place, mode, settle_time};
use crate::{CasError, DiskCas};

/// A file that is being written.
pub(crate) struct Partial {
    pub(crate) file: File,
    /// Where it is, unless it has no name yet.
    path: Option<PathBuf>,
}

impl Partial {
    /// Returns where it is, for one who takes care of it.
    pub(crate) fn take(mut self) -> Option<PathBuf> {
        self.path.take()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // It was moved to its place, or is not wanted; a later process sweeps what stays.
            drop(fs::remove_file(path));
        }
    }
}

/// How the file system and the kernel want files to be made; found out once by trying.
#[derive(Debug)]
pub(crate) struct Ways {
    /// A file may be made without a name and get it when it is finished: the cheapest way, and nothing is left
    /// behind by a process that dies.
    nameless: AtomicBool,
    /// A nameless file is linked by its descriptor alone; older kernels allow that to root only.
    by_descriptor: AtomicBool,
    /// Whether a new file has the mode it is made with (plain, executable), or the umask of the process takes
    /// something away: 0 is not known yet.
    modes: [AtomicU8; 2],
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            nameless: AtomicBool::new(true),
            by_descriptor: AtomicBool::new(true),
            modes: [AtomicU8::new(0), AtomicU8::new(0)],
        }
    }
}

const MODE_KEPT: u8 = 1;
const MODE_CUT: u8 = 2;

impl DiskCas {
    /// Makes a file to be written.
    pub(crate) fn partial(&self, executable: bool) -> Result<Partial, CasError> {
        if !self.ways.nameless.load(Ordering::Relaxed) {
            return self.named(executable);
        }
        let mode = Mode::from_raw_mode(mode(executable));
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(&self.blobs, ".", flags, mode) {
            Ok(file) => Ok(Partial { file: file.into(), path: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                self.ways.nameless.store(false, Ordering::Relaxed);
                self.named(executable)
            }
            Err(cause) => Err(CasError::write(self.folder())(cause.into())),
        }
    }

    /// Makes a file to be written that has a name, though not its own one.
    pub(crate) fn named(&self, executable: bool) -> Result<Partial, CasError> {
        let path = self.fresh();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(CWD, &path, flags, Mode::from_raw_mode(mode(executable)))
            .map_err(|cause| CasError::write(&path)(cause.into()))?;
        Ok(Partial { file: file.into(), path: Some(path) })
    }

    /// Gives a written file its place; a good one that is there already stays, a bad one is replaced.
    pub(crate) fn finish(
        &self,
        partial: &Partial,
        digest: Digest,
        executable: bool,
    ) -> Result<(), CasError> {
        let failed = |cause: io::Error| CasError::write(&self.place(digest, executable))(cause);
        self.epoch.note();
        self.settle_new(&partial.file, executable).map_err(failed)?;
        if let Some(path) = &partial.path {
            return self.install(path, digest, executable);
        }
        match self.name(&partial.file, &BlobName::of(digest, executable)) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) if self.look(digest, executable)? == Place::Good => return Ok(()),
            // Only a file that has a name can replace what is in the way.
            Err(Errno::EXIST) => {}
            Err(cause @ (Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::ROFS)) => {
                return Err(failed(cause.into()));
            }
            // This file system wants files to have names from the start.
            Err(_unsupported) => self.ways.nameless.store(false, Ordering::Relaxed),
        }
        let copy = self.named(executable)?;
        let mut from = &partial.file;
        io::Seek::rewind(&mut from)
            .and_then(|()| io::copy(&mut from, &mut &copy.file))
            .and_then(|_length| self.settle_new(&copy.file, executable))
            .map_err(failed)?;
        copy.path.as_ref().map_or(Ok(()), |path| self.install(path, digest, executable))
    }

    /// Gives a file that was just made the mode and time of all files of the store.
    pub(crate) fn settle_new(&self, file: &File, executable: bool) -> io::Result<()> {
        let known = &self.ways.modes[usize::from(executable)];
        let mut is = known.load(Ordering::Relaxed);
        if is == 0 {
            let found = rustix::fs::fstat(file)?.st_mode & 0o7777;
            is = if found == mode(executable) { MODE_KEPT } else { MODE_CUT };
            known.store(is, Ordering::Relaxed);
        }
        if is == MODE_CUT {
            rustix::fs::fchmod(file, Mode::from_raw_mode(mode(executable)))?;
        }
        settle_time(file)
    }

    /// Names a nameless file; the folder of the name may have to be made.
    fn name(&self, file: &File, name: &BlobName) -> Result<(), Errno> {
        let named = self.name_once(file, name);
        if named != Err(Errno::NOENT) {
            return named;
        }
        self.make_folder(name)?;
        self.name_once(file, name)
    }

    fn name_once(&self, file: &File, name: &BlobName) -> Result<(), Errno> {
        let to = name.as_c_str();
        if self.ways.by_descriptor.load(Ordering::Relaxed) {
            let named = linkat(file, "", &self.blobs, to, AtFlags::EMPTY_PATH);
            // Without the right to do it there is "no such file", as when the folder is missing.
            if named != Err(Errno::NOENT) {
                return named;
            }
        }
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, &from, &self.blobs, to, AtFlags::SYMLINK_FOLLOW)?;
        self.ways.by_descriptor.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn make_folder(&self, name: &BlobName) -> Result<(), Errno> {
        match mkdirat(&self.blobs, name.folder(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Moves a finished file to its place; a good one that is there already stays, a bad one is replaced.
    pub(crate) fn install(
        &self,
        partial: &Path,
        digest: Digest,
        executable: bool,
    ) -> Result<(), CasError> {
        let path = self.place(digest, executable);
        match self.look(digest, executable)? {
            Place::Good => return fs::remove_file(partial).map_err(CasError::write(partial)),
            Place::Bad => return self.replace(partial, &path).map_err(CasError::write(&path)),
            Place::Free => {}
        }
        let name = BlobName::of(digest, executable);
        let mut renamed = self.rename_to_free(partial, &name);
        if renamed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            self.make_folder(&name).map_err(|cause| CasError::write(&path)(cause.into()))?;
            renamed = self.rename_to_free(partial, &name);
        }
        match renamed {
            // Another writer was faster. His file stays: someone may be linking to it at this moment, which fails
            // when it is replaced.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.install(partial, digest, executable)
            }
            renamed => renamed.map_err(CasError::write(&path)),
        }
    }

    /// Puts a finished file where something bad is.
    fn replace(&self, partial: &Path, path: &Path) -> io::Result<()> {
        match fs::rename(partial, path) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                fs::rename(path, self.fresh())?;
                fs::rename(partial, path)
            }
            renamed => renamed,
        }
    }

    /// Renames where nothing is at the new place, as far as the file system can tell.
    fn rename_to_free(&self, from: &Path, to: &BlobName) -> io::Result<()> {
        let to = to.as_c_str();
        match renameat_with(CWD, from, &self.blobs, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {
                Ok(rustix::fs::renameat(CWD, from, &self.blobs, to)?)
            }
            renamed => Ok(renamed?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::Cas;

    /// Writes blobs as on a file system or kernel that can do less, and over a bad one.
    fn check(nameless: bool, by_descriptor: bool) {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCas::open(folder.path()).unwrap();
        disk.ways.nameless.store(nameless, Ordering::Relaxed);
        disk.ways.by_descriptor.store(by_descriptor, Ordering::Relaxed);
        for executable in [false, true] {
            let digest = disk.write_file(b"kiln", executable).unwrap();
            let path = disk.place(digest, executable);
            fs::write(&path, "bad").unwrap();
            assert_eq!(disk.write_file(b"kiln", executable).unwrap(), digest);
            assert_eq!(fs::read(&path).unwrap(), b"kiln");
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.mode() & 0o7777, found.mtime()), (mode(executable), 1_321_009_871));
        }
        let still = |way: &AtomicBool| way.load(Ordering::Relaxed);
        assert!(nameless || !still(&disk.ways.nameless));
        assert!(by_descriptor || !still(&disk.ways.by_descriptor));
    }

    #[test]
    fn a_blob_is_made_in_every_way_that_a_machine_offers() {
        for (nameless, by_descriptor) in [(true, true), (true, false), (false, false)] {
            check(nameless, by_descriptor);
        }
    }

    #[test]
    fn a_mode_that_the_umask_cuts_is_put_right() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCas::open(folder.path()).unwrap();
        let partial = disk.partial(true).unwrap();
        rustix::fs::fchmod(&partial.file, Mode::from_raw_mode(0o700)).unwrap();
        disk.finish(&partial, Digest::EMPTY, true).unwrap();
        let found = fs::metadata(disk.place(Digest::EMPTY, true)).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o755);
    }
}
