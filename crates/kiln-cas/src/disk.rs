//! Blobs as files: `cas/<aa>/<62 hex>` and, for executable ones, `cas/<aa>/<62 hex>.x`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kiln_digest::{Digest, Hasher};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::batch::DiskBatch;
use crate::epoch::Epoch;
use crate::lease::Lease;
use crate::partial::Ways;
use crate::place::{BUFFER, BlobName, Place, is_good};
use crate::{Batch, Cas, CasError};

/// A store of blobs in a folder of one user on one file system.
///
/// A blob has up to two files, as the executable bit belongs to a file and not to a link. Their modes and times
/// are fixed; one with another time was touched and is read again before it is trusted.
#[derive(Debug)]
pub struct DiskCas {
    store: PathBuf,
    /// The folder of blobs, open: names in it are short to find.
    pub(crate) blobs: OwnedFd,
    /// The folders in it, opened when a file of one is linked first.
    pub(crate) fans: Box<[OnceLock<OwnedFd>]>,
    pub(crate) ways: Ways,
    pub(crate) epoch: Arc<Epoch>,
    scratch: Option<Lease>,
}

impl DiskCas {
    /// Opens the store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(store: &Path) -> Result<Self, CasError> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self::open_in_boot(store, &boot)
    }

    /// Opens the store as [`DiskCas::open`] does; `boot` names the time since the machine was started. What was
    /// written in another one and is not known to be on the disk is read again before it is trusted.
    ///
    /// # Errors
    /// As [`DiskCas::open`].
    pub fn open_in_boot(store: &Path, boot: &str) -> Result<Self, CasError> {
        let blobs = store.join("cas");
        fs::create_dir_all(&blobs).map_err(CasError::write(&blobs))?;
        let parent = store.join("tmp");
        let scratch = Lease::take(&parent, &std::process::id().to_string());
        let scratch = Some(scratch.map_err(CasError::write(&parent))?);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let blobs = openat(CWD, &blobs, flags, Mode::empty())
            .map_err(|cause| CasError::read(&blobs)(cause.into()))?;
        let epoch = Epoch::new(store, boot);
        let fans = (0..256).map(|_| OnceLock::new()).collect();
        let (store, ways) = (store.to_path_buf(), Ways::default());
        let cas = Self { store, blobs, fans, ways, epoch, scratch };
        cas.check_boot()?;
        Ok(cas)
    }

    /// Returns the folder of the store.
    pub fn folder(&self) -> &Path {
        &self.store
    }

    /// Returns a path for temporary work on the file system of the store; nothing is there. It is swept when this
    /// process is dead.
    pub fn fresh(&self) -> PathBuf {
        // The lease is only given up when the store is dropped.
        self.scratch.as_ref().map_or_else(|| self.store.join("tmp"), Lease::fresh)
    }

    /// Returns the path of a file with the content of a blob and this executable bit; it is made when only the
    /// other one is there. Whoever links to it must keep it from being written.
    ///
    /// # Errors
    /// When the blob is not here, is not what its digest says, or its file cannot be made.
    pub fn file(&self, digest: Digest, executable: bool) -> Result<PathBuf, CasError> {
        let path = self.place(digest, executable);
        if self.look(digest, executable)? == Place::Good {
            return Ok(path);
        }
        if digest == Digest::EMPTY {
            self.write_checked(&mut io::empty(), executable, Some(digest))?;
            return Ok(path);
        }
        let other = self.place(digest, !executable);
        match self.look(digest, !executable)? {
            Place::Good => {
                let mut from = File::open(&other).map_err(CasError::read(&other))?;
                self.write_checked(&mut from, executable, Some(digest))?;
                Ok(path)
            }
            Place::Bad => Err(CasError::Corrupt { digest, path: other }),
            Place::Free if path.exists() => Err(CasError::Corrupt { digest, path }),
            Place::Free => Err(CasError::Missing { digest }),
        }
    }

    /// Opens a file with the content of a blob for reading.
    ///
    /// # Errors
    /// When the blob is not here, or is not what its digest says.
    pub fn open_blob(&self, digest: Digest) -> Result<File, CasError> {
        for executable in [false, true] {
            if let Ok(file) = self.open_place(digest, executable)
                && rustix::fs::fstat(&file).is_ok_and(|found| is_good(&found, digest, executable))
            {
                return Ok(file);
            }
        }
        let path = self.file(digest, false)?;
        File::open(&path).map_err(CasError::read(&path))
    }

    pub(crate) fn place(&self, digest: Digest, executable: bool) -> PathBuf {
        self.store.join("cas").join(BlobName::of(digest, executable).as_str())
    }

    /// Copies a stream into a fresh file and installs it; `expected` is checked before.
    fn write_checked(
        &self,
        from: &mut dyn Read,
        executable: bool,
        expected: Option<Digest>,
    ) -> Result<Digest, CasError> {
        let mut buffer = vec![0; BUFFER];
        let n_read = fill(from, &mut buffer).map_err(|cause| CasError::Stream { cause })?;
        if n_read < buffer.len() && expected.is_none() {
            return self.write_file(&buffer[..n_read], executable);
        }
        let partial = self.partial(executable)?;
        let digest = copy_hashed(from, &partial.file, &mut buffer, n_read, &self.store)?;
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            let path = self.place(expected, !executable);
            return Err(CasError::Corrupt { digest: expected, path });
        }
        self.finish(&partial, digest, executable)?;
        Ok(digest)
    }

    /// Writes bytes whose digest is known and which are not here.
    fn keep(&self, bytes: &[u8], digest: Digest, executable: bool) -> Result<Digest, CasError> {
        let partial = self.partial(executable)?;
        let written = (&partial.file).write_all(bytes);
        written.map_err(|cause| CasError::write(&self.place(digest, executable))(cause))?;
        self.finish(&partial, digest, executable)?;
        Ok(digest)
    }

    /// Reads one file of a blob; one with other bytes is taken away, so that a later write makes a good one.
    fn read_place(&self, digest: Digest, executable: bool) -> Result<Option<Vec<u8>>, CasError> {
        let bytes = match self.open_near(digest, executable) {
            Ok(file) => read_whole(&file, digest.size),
            Err(Errno::NOENT) => return Ok(None),
            // A link, or a socket: no file of the store.
            Err(Errno::LOOP | Errno::NXIO) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        };
        let path = || self.place(digest, executable);
        let bytes = bytes.map_err(|cause| CasError::read(&path())(cause))?;
        if Digest::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        let path = path();
        // A store that cannot be written keeps the bad file; it is found again at the next read.
        drop(fs::remove_file(&path));
        Err(CasError::Corrupt { digest, path })
    }
}

impl Drop for DiskCas {
    fn drop(&mut self) {
        self.epoch.end();
        if let Some(scratch) = self.scratch.take() {
            // What cannot be removed now is swept by a later process.
            drop(scratch.end(|folder| fs::remove_dir_all(folder)));
        }
    }
}

impl Cas for DiskCas {
    fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, CasError> {
        let mut missing = Vec::new();
        for digest in digests {
            let here = *digest == Digest::EMPTY
                || self.look(*digest, false)? == Place::Good
                || self.look(*digest, true)? == Place::Good;
            if !here {
                missing.push(*digest);
            }
        }
        Ok(missing)
    }

    fn read(&self, digest: Digest) -> Result<Vec<u8>, CasError> {
        if digest == Digest::EMPTY {
            return Ok(Vec::new());
        }
        let plain = self.read_place(digest, false);
        if let Ok(Some(bytes)) = plain {
            return Ok(bytes);
        }
        match (self.read_place(digest, true), plain) {
            (Ok(Some(bytes)), _) => Ok(bytes),
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(None), Ok(_)) => Err(CasError::Missing { digest }),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<Digest, CasError> {
        let digest = Digest::of(bytes);
        if self.missing(&[digest])?.is_empty() {
            return Ok(digest);
        }
        self.keep(bytes, digest, false)
    }

    fn write_file(&self, bytes: &[u8], executable: bool) -> Result<Digest, CasError> {
        let digest = Digest::of(bytes);
        if self.look(digest, executable)? == Place::Good {
            return Ok(digest);
        }
        self.keep(bytes, digest, executable)
    }

    fn write_stream(&self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError> {
        self.write_checked(from, executable, None)
    }

    fn batch(&self) -> Result<Box<dyn Batch + '_>, CasError> {
        Ok(Box::new(DiskBatch::new(self)))
    }
}

/// Reads a file that should have this size; of a longer one, enough to see that. A folder has no bytes.
fn read_whole(mut file: &File, size: u64) -> io::Result<Vec<u8>> {
    let wanted = size.saturating_add(1);
    // No more room at once than is worth it: the size may be anything that somebody says.
    let room = usize::try_from(wanted.min(1 << 20)).unwrap_or(0);
    let mut bytes = vec![0; room];
    let mut n_read = 0;
    // The kernel gives all there is, so the right size means the end.
    while n_read < room && n_read as u64 != size {
        match file.read(&mut bytes[n_read..]) {
            Ok(0) => break,
            Ok(n) => n_read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => break,
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(n_read);
    if n_read == room {
        file.take(wanted - room as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads until a buffer is full or the stream ends.
pub(crate) fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n_filled = 0;
    while n_filled < buffer.len() {
        match from.read(&mut buffer[n_filled..]) {
            Ok(0) => break,
            Ok(n_read) => n_filled += n_read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_filled)
}

/// Writes what is in the buffer and the rest of a stream.
pub(crate) fn copy_hashed(
    from: &mut dyn Read,
    mut to: &File,
    buffer: &mut [u8],
    mut n_read: usize,
    store: &Path,
) -> Result<Digest, CasError> {
    let mut hasher = Hasher::default();
    while n_read > 0 {
        hasher.update(&buffer[..n_read]);
        to.write_all(&buffer[..n_read]).map_err(|cause| CasError::write(store)(cause))?;
        n_read = fill(from, buffer).map_err(|cause| CasError::Stream { cause })?;
    }
    Ok(hasher.finish())
}
