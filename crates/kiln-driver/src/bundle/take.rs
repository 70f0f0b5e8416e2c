//! A bundle taken into the cache: all that is not there yet, once every byte of it is checked.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kiln_cas::{Batch, Cas};
use kiln_digest::{Digest, Hasher};

use super::BundleError;
use super::form::{Bad, END, Kind, List, Member, N_HEADER, padded, size_of_list};
use crate::store::Store;
use crate::{DriverError, Problem, Session};

/// Takes what the bundle of a session has into the cache, if there is one. Of one that is damaged nothing is taken.
///
/// # Errors
/// When the bundle cannot be read or is not what it should be, or the cache cannot be written.
pub(crate) fn take(session: &Session, store: &Store) -> Result<(), Problem> {
    let Some(bundle) = &session.choices.bundle else {
        return Ok(());
    };
    take_from(Opened::new(&session.environment.cwd, bundle)?, store)
}

fn take_from(mut opened: Opened, store: &Store) -> Result<(), Problem> {
    let missing = missing(store, &opened.members)?;
    let mut taking = Taking::new(store)?;
    for member in missing {
        taking.take(&mut opened, member)?;
    }
    taking.keep()
}

/// Returns the members that the cache does not have.
fn missing(store: &Store, members: &[Member]) -> Result<Vec<Member>, Problem> {
    let mut missing = Vec::new();
    for member in members {
        let is_missing = match member.kind {
            Kind::Blob => !store.cas.missing(&[member.digest])?.is_empty(),
            Kind::File => {
                let found = fs::metadata(store.downloads.join(member.digest.hex()));
                !found.is_ok_and(|found| found.is_file() && found.len() == member.digest.size)
            }
        };
        if is_missing {
            missing.push(*member);
        }
    }
    Ok(missing)
}

/// A bundle whose list is read.
struct Opened {
    path: PathBuf,
    file: File,
    members: Vec<Member>,
}

impl Opened {
    fn new(folder: &Path, path: &Path) -> Result<Self, BundleError> {
        let path = path.to_owned();
        let read = |cause| BundleError::Read { path: path.clone(), cause };
        let damaged =
            |what: &str| BundleError::Damaged { path: path.clone(), what: what.to_owned() };
        let at = folder.join(&path);
        // What is no file may keep whoever opens it waiting.
        let found = fs::metadata(&at).map_err(read)?;
        if !found.is_file() {
            return Err(read(io::Error::other("it is no file")));
        }
        let mut file = File::open(&at).map_err(read)?;
        let mut header = [0; N_HEADER];
        let foreign = |cause: io::Error| match cause.kind() {
            io::ErrorKind::UnexpectedEof => BundleError::Foreign { path: path.clone() },
            _ => read(cause),
        };
        file.read_exact(&mut header).map_err(foreign)?;
        let Some(size) = size_of_list(&header) else {
            return Err(BundleError::Foreign { path });
        };
        let mut text = String::new();
        let n_read = (&file).take(size).read_to_string(&mut text);
        match n_read {
            Ok(n_read) if n_read as u64 == size => {}
            Ok(_) => return Err(damaged("it ends too early")),
            Err(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged("its list is malformed"));
            }
            Err(cause) => return Err(read(cause)),
        }
        let list = List::parse(&text).map_err(|bad| match bad {
            Bad::Foreign => BundleError::Foreign { path: path.clone() },
            Bad::Version => BundleError::Version { path: path.clone() },
            Bad::Malformed => damaged("its list is malformed"),
        })?;
        let (members, whole) =
            list.members().ok_or_else(|| damaged("its list has sizes that cannot be"))?;
        // A pipe has no size, and no other form is read from the middle.
        match found.len() {
            size if size == whole => {
                let list = padded(text.len() as u64).unwrap_or_default() - text.len() as u64;
                let is_filled = is_nothing(&mut file, list).and_then(|is_filled| {
                    file.seek(SeekFrom::Start(whole - END))?;
                    Ok(is_filled && is_nothing(&mut file, END)?)
                });
                match is_filled {
                    Ok(true) => Ok(Self { path, file, members }),
                    Ok(false) => Err(damaged("something stands where nothing may be")),
                    Err(cause) => Err(read(cause)),
                }
            }
            size if size < whole => {
                let what = format!("it has {size} of its {whole} bytes");
                Err(BundleError::Damaged { path, what })
            }
            _ => Err(damaged("something follows its end")),
        }
    }

    /// Copies the content of a member, which is compared with its name.
    fn copy<T>(
        &mut self,
        member: Member,
        copy: impl FnOnce(&mut dyn Read) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let path = self.path.clone();
        let read = |cause| BundleError::Read { path: path.clone(), cause };
        let damaged = || {
            let what = format!("its member `{}` is not what its name says", member.digest.hex());
            BundleError::Damaged { path: path.clone(), what }
        };
        let mut header = [0; N_HEADER];
        self.file.seek(SeekFrom::Start(member.at)).map_err(read)?;
        self.file.read_exact(&mut header).map_err(read)?;
        if header != member.header() {
            return Err(damaged().into());
        }
        let mut content =
            Hashed { from: (&self.file).take(member.digest.size), hasher: Hasher::default() };
        let copied = copy(&mut content)?;
        let is_right = content.hasher.finish() == member.digest;
        let size = member.digest.size;
        let n_filled = padded(size).unwrap_or(size) - size;
        if is_right && is_nothing(&mut self.file, n_filled).map_err(read)? {
            return Ok(copied);
        }
        Err(damaged().into())
    }
}

/// Reads so many bytes and returns whether all are zero.
fn is_nothing(file: &mut File, n_bytes: u64) -> io::Result<bool> {
    let mut bytes = Vec::new();
    let n_read = file.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(n_read as u64 == n_bytes && bytes.iter().all(|byte| *byte == 0))
}

/// A stream whose digest is taken on the way.
struct Hashed<R> {
    from: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.from.read(buffer)?;
        self.hasher.update(buffer.get(..n_read).unwrap_or_default());
        Ok(n_read)
    }
}

/// What was taken and has no name in the cache yet.
struct Taking<'a> {
    downloads: &'a Path,
    /// Swept when this process is dead.
    scratch: PathBuf,
    files: Vec<Digest>,
    blobs: Box<dyn Batch + 'a>,
}

impl<'a> Taking<'a> {
    fn new(store: &'a Store) -> Result<Self, Problem> {
        let scratch = store.cas.fresh();
        for folder in [&scratch, &store.downloads] {
            let made = fs::create_dir_all(folder);
            made.map_err(|cause| DriverError::Folder { path: folder.clone(), cause })?;
        }
        let blobs = store.cas.batch()?;
        Ok(Self { downloads: &store.downloads, scratch, files: Vec::new(), blobs })
    }

    fn take(&mut self, opened: &mut Opened, member: Member) -> Result<(), Problem> {
        match member.kind {
            Kind::Blob => opened.copy(member, |mut content| {
                self.blobs.write_stream(&mut content, false)?;
                Ok(())
            }),
            Kind::File => {
                let path = self.scratch.join(member.digest.hex());
                opened.copy(member, |content| {
                    let written = File::create(&path).and_then(|mut file| {
                        io::copy(content, &mut file)?;
                        file.flush()?;
                        // The rename comes after the sync: a torn file under its name would look whole.
                        file.sync_all()
                    });
                    Ok(written
                        .map_err(|cause| DriverError::Folder { path: path.clone(), cause })?)
                })?;
                self.files.push(member.digest);
                Ok(())
            }
        }
    }

    fn keep(self) -> Result<(), Problem> {
        self.blobs.keep()?;
        for digest in &self.files {
            let path = self.downloads.join(digest.hex());
            let kept = fs::rename(self.scratch.join(digest.hex()), &path);
            kept.map_err(|cause| DriverError::Folder { path, cause })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "hostile.rs"]
mod hostile;
