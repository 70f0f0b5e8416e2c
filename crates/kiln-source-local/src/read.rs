//! Files that must be read: their digests, and their bytes where they are kept.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use kiln_cas::{Cas, CasError};
use kiln_digest::{Digest, Hasher};
use kiln_tree::Name;
use rustix::fs::{FileType, fstat};

use crate::LocalError;
use crate::rules::{Rules, special};
use crate::stamp::Stamp;
use crate::survey::open_file;

/// Files up to this length are read whole.
const BUFFER: usize = 1 << 18;

/// Some files of one folder.
pub(crate) struct Files {
    pub(crate) open: Arc<OwnedFd>,
    pub(crate) folder: u32,
    pub(crate) path: String,
    pub(crate) members: Vec<ToRead>,
}

pub(crate) struct ToRead {
    /// Its number in the folder.
    pub(crate) entry: usize,
    pub(crate) raw: Box<CStr>,
    pub(crate) name: Name,
    pub(crate) stamp: Stamp,
}

/// A file that was read.
pub(crate) struct Done {
    pub(crate) folder: u32,
    pub(crate) entry: usize,
    pub(crate) stamp: Stamp,
    pub(crate) digest: Digest,
}

/// Reads files into one buffer.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) done: Vec<Done>,
    buffer: Vec<u8>,
}

impl Reading {
    pub(crate) fn read(
        &mut self,
        files: &Files,
        rules: &Rules,
        keep: Option<&dyn Cas>,
    ) -> Result<(), LocalError> {
        self.buffer.resize(BUFFER, 0);
        for file in &files.members {
            let path = || Rules::join(&files.path, &file.name);
            let (stamp, digest) = self.one(files, file, keep).map_err(|failed| match failed {
                Failed::Read(cause) => rules.read_error(&path(), cause),
                Failed::Keep(cause) => {
                    LocalError::Keep { path: rules.shown(&files.path, &file.name), cause }
                }
                Failed::Special(kind) => LocalError::Special {
                    path: rules.shown(&files.path, &file.name),
                    what: special(kind),
                },
            })?;
            let (folder, entry) = (files.folder, file.entry);
            self.done.push(Done { folder, entry, stamp, digest });
        }
        Ok(())
    }

    fn one(
        &mut self,
        files: &Files,
        file: &ToRead,
        keep: Option<&dyn Cas>,
    ) -> Result<(Stamp, Digest), Failed> {
        let mut open = open_file(&files.open, &file.raw)?;
        let digest = self.content(&mut open, file.stamp, keep)?;
        let found = fstat(&open).map_err(io::Error::from)?;
        let kind = FileType::from_raw_mode(found.st_mode);
        if kind != FileType::RegularFile {
            return Err(Failed::Special(kind));
        }
        let after = Stamp::of(&found);
        // What changed since it was looked at may be anything.
        let stamp = if file.stamp == after { after } else { after.unsettled() };
        Ok((stamp, digest))
    }

    fn content(
        &mut self,
        file: &mut File,
        stamp: Stamp,
        keep: Option<&dyn Cas>,
    ) -> Result<Digest, Failed> {
        let mut n_read = 0;
        while n_read < self.buffer.len() {
            match file.read(&mut self.buffer[n_read..]) {
                Ok(0) => break,
                Ok(n) => n_read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
            // The kernel gives all there is of a file; one that grows meanwhile is found out by its stamp.
            if u64::try_from(n_read) == Ok(stamp.size) {
                break;
            }
        }
        let start = &self.buffer[..n_read];
        if n_read < self.buffer.len() {
            return match keep {
                Some(cas) => Ok(cas.write_file(start, stamp.executable)?),
                None => Ok(Digest::of(start)),
            };
        }
        if let Some(cas) = keep {
            return Ok(cas.write_stream(&mut start.chain(file), stamp.executable)?);
        }
        let mut hasher = Hasher::default();
        io::copy(&mut start.chain(file), &mut hasher)?;
        Ok(hasher.finish())
    }
}

enum Failed {
    Read(io::Error),
    Keep(CasError),
    Special(FileType),
}

impl From<io::Error> for Failed {
    fn from(cause: io::Error) -> Self {
        Self::Read(cause)
    }
}

impl From<CasError> for Failed {
    fn from(cause: CasError) -> Self {
        match cause {
            CasError::Stream { cause } => Self::Read(cause),
            cause => Self::Keep(cause),
        }
    }
}
