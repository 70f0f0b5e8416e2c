//! A download on its way: one file that one process at a time writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kiln_digest::Hasher;
use rustix::fs::FlockOperation;

use crate::SourceError;

/// The part of a file that is here so far. It stays after a failure, and the next run goes on with it.
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    /// How many bytes are here.
    pub(crate) n_bytes: u64,
    /// How many bytes came in this run.
    pub(crate) n_fetched: u64,
}

impl Part {
    /// Opens a part for this process alone; waits for another one that writes it.
    pub(crate) fn lock(path: &Path) -> io::Result<Self> {
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
            // Whoever held the lock may have renamed the part to its final name: that file is not ours to write.
            let mine = file.metadata()?;
            let same = fs::metadata(path)
                .is_ok_and(|now| (mine.dev(), mine.ino()) == (now.dev(), now.ino()));
            if same {
                return Ok(Self { file, path: path.to_owned(), n_bytes: mine.len(), n_fetched: 0 });
            }
        }
    }

    /// Takes the digest of what is here, and stands at its end.
    pub(crate) fn rehash(&mut self) -> io::Result<Hasher> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut hasher = Hasher::default();
        self.n_bytes = io::copy(&mut self.file, &mut hasher)?;
        Ok(hasher)
    }

    /// Empties the part.
    pub(crate) fn restart(&mut self) -> io::Result<Hasher> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.n_bytes = 0;
        Ok(Hasher::default())
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.n_bytes += bytes.len() as u64;
        self.n_fetched += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its final name.
    pub(crate) fn keep(&self, path: &Path) -> io::Result<()> {
        // The rename comes after the sync: a torn file under its final name would look whole.
        self.file.sync_all()?;
        fs::rename(&self.path, path)
    }

    /// Takes the part away; whoever waits for it sees that, and begins his own.
    pub(crate) fn discard(&self) {
        drop(fs::remove_file(&self.path));
    }

    pub(crate) fn failed(&self, cause: io::Error) -> SourceError {
        SourceError::Write { path: self.path.clone(), cause }
    }
}
