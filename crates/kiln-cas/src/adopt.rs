//! Files that come into the store by their inode, without a copy.

use std::fs::{self, File};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use kiln_digest::Digest;
use rustix::fs::{AtFlags, CWD, Mode, linkat, mkdirat};
use rustix::io::Errno;

use crate::disk::{Place, hash, look, settle};
use crate::{Cas, CasError, DiskCas};

impl DiskCas {
    /// Takes a file into the store and leaves `name` in `folder` as a link to the blob's file (or as a file with
    /// its mode and time, where no more links fit). `file` is `name`, open for reading from its start.
    ///
    /// The caller knows that nobody else can write the file any more, now or later.
    ///
    /// # Errors
    /// When the file cannot be read or the store cannot be written.
    pub fn adopt(
        &self,
        folder: BorrowedFd<'_>,
        name: &Path,
        file: &File,
        executable: bool,
    ) -> Result<Digest, CasError> {
        let stream = |cause: io::Error| CasError::Stream { cause };
        let digest = hash(file).map_err(stream)?;
        settle(file, executable).map_err(CasError::write(name))?;
        let path = self.place(digest, executable);
        if look(&path, digest, executable)? == Place::Good {
            return self.share(folder, name, &path).map(|()| digest);
        }
        match self.link_in(folder, name, &path) {
            Ok(()) => {}
            // Someone was faster, or something bad is in the way.
            Err(Errno::EXIST) => {
                let partial = self.fresh();
                linkat(folder, name, CWD, &partial, AtFlags::empty()).map_err(|cause| {
                    CasError::Write { path: partial.clone(), cause: cause.into() }
                })?;
                self.install(&partial, digest, executable)?;
            }
            Err(Errno::XDEV | Errno::MLINK | Errno::PERM) => {
                io::Seek::rewind(&mut &*file).map_err(stream)?;
                self.write_stream(&mut &*file, executable)?;
            }
            Err(error) => return Err(CasError::Write { path, cause: error.into() }),
        }
        Ok(digest)
    }

    /// Links a finished file to the place of its blob; the folder of the place may have to be made.
    fn link_in(&self, folder: BorrowedFd<'_>, name: &Path, path: &Path) -> Result<(), Errno> {
        match linkat(folder, name, CWD, path, AtFlags::empty()) {
            Err(Errno::NOENT) => {
                let parent = path.parent().unwrap_or(self.folder());
                match mkdirat(CWD, parent, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error),
                }
                linkat(folder, name, CWD, path, AtFlags::empty())
            }
            linked => linked,
        }
    }

    /// Replaces a file by a link to the store's own one, so that equal files are one.
    fn share(&self, folder: BorrowedFd<'_>, name: &Path, path: &Path) -> Result<(), CasError> {
        let partial = self.fresh();
        match linkat(CWD, path, CWD, &partial, AtFlags::empty()) {
            Ok(()) => {}
            // It stays a file of its own, already with the right mode and time.
            Err(Errno::MLINK) => return Ok(()),
            Err(error) => return Err(CasError::Write { path: partial, cause: error.into() }),
        }
        match rustix::fs::renameat(CWD, &partial, folder, name) {
            Ok(()) => {
                // Renaming one link over another of the same file does nothing and leaves both.
                drop(fs::remove_file(&partial));
                Ok(())
            }
            Err(Errno::XDEV) => {
                drop(fs::remove_file(&partial));
                Ok(())
            }
            Err(error) => Err(CasError::Write { path: name.to_path_buf(), cause: error.into() }),
        }
    }
}
