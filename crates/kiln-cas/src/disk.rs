//! Blobs as files: `cas/<aa>/<62 hex>` and, for executable ones, `cas/<aa>/<62 hex>.x`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kiln_digest::{Digest, Hasher};
use kiln_tree::Time;
use rustix::fs::{RenameFlags, Timespec, Timestamps};

use crate::lease::Lease;
use crate::{Cas, CasError};

/// A store of blobs in a folder of one user on one file system.
///
/// A blob has up to two files, as the executable bit belongs to a file and not to a link. Their modes and times
/// are fixed; one with another time was touched and is read again before it is trusted.
#[derive(Debug)]
pub struct DiskCas {
    store: PathBuf,
    blobs: PathBuf,
    scratch: Option<Lease>,
}

/// How much is read at once; small enough to come without a call to the kernel, as most files are small.
const BUFFER: usize = 1 << 16;

/// What is at the place of a blob's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Free,
    Good,
    Bad,
}

impl DiskCas {
    /// Opens the store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(store: &Path) -> Result<Self, CasError> {
        let blobs = store.join("cas");
        fs::create_dir_all(&blobs).map_err(CasError::write(&blobs))?;
        let parent = store.join("tmp");
        let scratch = Lease::take(&parent, &std::process::id().to_string());
        let scratch = Some(scratch.map_err(CasError::write(&parent))?);
        Ok(Self { store: store.to_path_buf(), blobs, scratch })
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
        if look(&path, digest, executable)? == Place::Good {
            return Ok(path);
        }
        if digest == Digest::EMPTY {
            self.write_checked(&mut io::empty(), executable, Some(digest))?;
            return Ok(path);
        }
        let other = self.place(digest, !executable);
        match look(&other, digest, !executable)? {
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

    pub(crate) fn place(&self, digest: Digest, executable: bool) -> PathBuf {
        let hex = digest.hex();
        let (folder, name) = hex.split_at(2);
        let suffix = if executable { ".x" } else { "" };
        self.blobs.join(folder).join(format!("{name}{suffix}"))
    }

    /// Copies a stream into a fresh file and installs it; `expected` is checked before.
    fn write_checked(
        &self,
        from: &mut dyn Read,
        executable: bool,
        expected: Option<Digest>,
    ) -> Result<Digest, CasError> {
        let partial = self.fresh();
        let copied = copy_hashed(from, &partial, executable).and_then(|digest| {
            if expected.is_some_and(|expected| expected != digest) {
                return Err(CasError::Corrupt {
                    digest: expected.unwrap_or(digest),
                    path: self.place(expected.unwrap_or(digest), !executable),
                });
            }
            self.install(&partial, digest, executable)?;
            Ok(digest)
        });
        if copied.is_err() {
            // What is left of a failed copy; that it cannot be removed changes nothing.
            drop(fs::remove_file(&partial));
        }
        copied
    }

    /// Moves a finished file to its place; a good one that is there already stays, a bad one is replaced.
    pub(crate) fn install(
        &self,
        partial: &Path,
        digest: Digest,
        executable: bool,
    ) -> Result<(), CasError> {
        let path = self.place(digest, executable);
        let drop_ours = || fs::remove_file(partial).map_err(CasError::write(partial));
        match look(&path, digest, executable)? {
            Place::Good => return drop_ours(),
            Place::Bad => return self.replace(partial, &path).map_err(CasError::write(&path)),
            Place::Free => {}
        }
        let mut renamed = rename_to_free(partial, &path);
        if renamed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            let folder = path.parent().unwrap_or(&self.blobs);
            fs::create_dir_all(folder).map_err(CasError::write(folder))?;
            renamed = rename_to_free(partial, &path);
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

    /// Reads one file of a blob; one with other bytes is taken away, so that a later write makes a good one.
    fn read_place(&self, digest: Digest, executable: bool) -> Result<Option<Vec<u8>>, CasError> {
        let path = self.place(digest, executable);
        let bytes = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => fs::read(&path),
            Ok(_other) => Ok(Vec::new()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(CasError::read(&path))?;
        if Digest::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        // A store that cannot be written keeps the bad file; it is found again at the next read.
        drop(fs::remove_file(&path));
        Err(CasError::Corrupt { digest, path })
    }
}

impl Drop for DiskCas {
    fn drop(&mut self) {
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
                || look(&self.place(*digest, false), *digest, false)? == Place::Good
                || look(&self.place(*digest, true), *digest, true)? == Place::Good;
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
        self.write_checked(&mut &*bytes, false, None)
    }

    fn write_stream(&self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError> {
        self.write_checked(from, executable, None)
    }
}

/// Looks at a file of a blob without reading it, unless its time or mode say that someone else had it.
pub(crate) fn look(path: &Path, digest: Digest, executable: bool) -> Result<Place, CasError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Free),
        Err(cause) => return Err(CasError::Read { path: path.to_path_buf(), cause }),
    };
    if !found.is_file() || found.size() != digest.size {
        return Ok(Place::Bad);
    }
    let untouched = found.mode() & 0o7777 == mode(executable)
        && found.mtime() == Time::STAGED.seconds
        && found.mtime_nsec() == i64::from(Time::STAGED.nanos);
    if untouched {
        return Ok(Place::Good);
    }
    let good = hash_file(path).is_ok_and(|hash| hash == digest)
        && File::open(path).is_ok_and(|file| settle(&file, executable).is_ok());
    Ok(if good { Place::Good } else { Place::Bad })
}

/// Returns the mode of a blob's file.
pub(crate) fn mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

/// Gives an open file the mode and time that every file of the store has.
pub(crate) fn settle(file: &File, executable: bool) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode(executable)))?;
    let time = Timespec { tv_sec: Time::STAGED.seconds, tv_nsec: Time::STAGED.nanos.into() };
    Ok(rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })?)
}

/// Takes the digest of an open file from where it stands.
pub(crate) fn hash(mut file: &File) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n_read) => hasher.update(&buffer[..n_read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hash_file(path: &Path) -> io::Result<Digest> {
    hash(&File::open(path)?)
}

fn copy_hashed(from: &mut dyn Read, to: &Path, executable: bool) -> Result<Digest, CasError> {
    let options = File::options().write(true).create_new(true).mode(mode(executable)).clone();
    let mut file = options.open(to).map_err(CasError::write(to))?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        let n_read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n_read) => n_read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(CasError::Stream { cause }),
        };
        hasher.update(&buffer[..n_read]);
        file.write_all(&buffer[..n_read]).map_err(CasError::write(to))?;
    }
    settle(&file, executable).map_err(CasError::write(to))?;
    Ok(hasher.finish())
}

/// Renames where nothing is at the new place, as far as the file system can tell.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let here = rustix::fs::CWD;
    match rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}
