//! Files that come into the store by their inode, without a copy.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use kiln_digest::Digest;
use rustix::fs::{AtFlags, CWD, Mode, linkat, statat, unlinkat};
use rustix::io::Errno;

use crate::place::{BlobName, Place, hash_with, is_good, mode, settle_time};
use crate::{Cas, CasError, DiskCas};

impl DiskCas {
    /// Takes a file into the store and leaves `name` in `folder` as a link to the blob's file (or as a file with
    /// its mode and time, where no more links fit). `file` is `name`, open for reading from its start, with the
    /// permission bits `bits`; it is read into `buffer`.
    ///
    /// The caller knows that nobody else can write the file any more, now or later.
    ///
    /// # Errors
    /// When the file cannot be read or the store cannot be written.
    pub fn adopt(
        &self,
        folder: BorrowedFd<'_>,
        name: &CStr,
        file: &File,
        bits: u32,
        buffer: &mut [u8],
    ) -> Result<Digest, CasError> {
        let stream = |cause: io::Error| CasError::Stream { cause };
        let executable = bits & 0o100 != 0;
        let digest = hash_with(file, buffer).map_err(stream)?;
        let settled = if bits & 0o7777 == mode(executable) {
            settle_time(file)
        } else {
            let mode = Mode::from_raw_mode(mode(executable));
            rustix::fs::fchmod(file, mode).map_err(Into::into).and_then(|()| settle_time(file))
        };
        settled.map_err(|cause| CasError::write(&shown(name))(cause))?;
        self.epoch.note();
        match self.link_in(folder, name, &BlobName::of(digest, executable)) {
            Ok(()) => {}
            Err(Errno::EXIST) if self.look(digest, executable)? == Place::Good => {
                self.share(folder, name, digest, executable)?;
            }
            // Something bad is in the way.
            Err(Errno::EXIST) => {
                let partial = self.fresh();
                linkat(folder, name, CWD, &partial, AtFlags::empty())
                    .map_err(|cause| CasError::write(&partial)(cause.into()))?;
                self.install(&partial, digest, executable)?;
            }
            Err(Errno::XDEV | Errno::MLINK | Errno::PERM) => {
                io::Seek::rewind(&mut &*file).map_err(stream)?;
                self.write_stream(&mut &*file, executable)?;
            }
            Err(error) => {
                return Err(CasError::write(&self.place(digest, executable))(error.into()));
            }
        }
        Ok(digest)
    }

    /// Links the file of a blob to a name that is free in an open folder. The inner result says whether the link
    /// could be made there; the outer one, whether there is such a blob.
    ///
    /// # Errors
    /// As [`DiskCas::file`].
    pub fn link(
        &self,
        digest: Digest,
        executable: bool,
        folder: BorrowedFd<'_>,
        name: &CStr,
    ) -> Result<io::Result<()>, CasError> {
        let blob = BlobName::of(digest, executable);
        let mut linked = Err(Errno::NOENT);
        for attempt in 0..2 {
            linked = match self.fan(digest).filter(|_fan| attempt == 0) {
                Some(fan) => linkat(fan, blob.last(), folder, name, AtFlags::empty()),
                None => linkat(&self.blobs, blob.as_c_str(), folder, name, AtFlags::empty()),
            };
            match linked {
                // Looked at by its new name, which is found faster.
                Ok(()) => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) if is_good(&found, digest, executable) => return Ok(Ok(())),
                    looked => {
                        let gone = unlinkat(folder, name, AtFlags::empty());
                        if let Err(error) = looked.map(drop).and(gone) {
                            return Ok(Err(error.into()));
                        }
                        linked = Err(Errno::NOENT);
                    }
                },
                Err(Errno::NOENT) => {}
                Err(error) => return Ok(Err(error.into())),
            }
            // It is made of its other file, or read again, or someone replaced it at this very moment.
            self.file(digest, executable)?;
        }
        Ok(linked.map_err(Into::into))
    }

    /// Links a finished file to the place of its blob; the folder of the place may have to be made.
    fn link_in(&self, folder: BorrowedFd<'_>, name: &CStr, to: &BlobName) -> Result<(), Errno> {
        match linkat(folder, name, &self.blobs, to.as_c_str(), AtFlags::empty()) {
            Err(Errno::NOENT) => {
                self.make_folder(to)?;
                linkat(folder, name, &self.blobs, to.as_c_str(), AtFlags::empty())
            }
            linked => linked,
        }
    }

    /// Replaces a file by a link to the store's own one, so that equal files are one.
    fn share(
        &self,
        folder: BorrowedFd<'_>,
        name: &CStr,
        digest: Digest,
        executable: bool,
    ) -> Result<(), CasError> {
        let partial = self.fresh();
        let blob = BlobName::of(digest, executable);
        match linkat(&self.blobs, blob.as_c_str(), CWD, &partial, AtFlags::empty()) {
            Ok(()) => {}
            // It stays a file of its own, already with the right mode and time.
            Err(Errno::MLINK) => return Ok(()),
            Err(error) => return Err(CasError::write(&partial)(error.into())),
        }
        let renamed = rustix::fs::renameat(CWD, &partial, folder, name);
        // Renaming one link over another of the same file does nothing and leaves both.
        drop(fs::remove_file(&partial));
        match renamed {
            Ok(()) | Err(Errno::XDEV) => Ok(()),
            Err(error) => Err(CasError::write(&shown(name))(error.into())),
        }
    }
}

fn shown(name: &CStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()))
}
