//! A download on its way: one file that one process at a time writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kiln_digest::{Digest, Hasher};
use rustix::fs::FlockOperation;

use crate::SourceError;
use crate::pause::TICK;
use crate::transport::Validator;

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
    /// Opens a part for this process alone; waits for another one that writes it. Nothing when somebody asked to stop.
    pub(crate) fn lock(path: &Path, is_stopped: &dyn Fn() -> bool) -> io::Result<Option<Self>> {
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            while let Err(cause) =
                rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            {
                if cause != rustix::io::Errno::WOULDBLOCK {
                    return Err(cause.into());
                }
                if is_stopped() {
                    return Ok(None);
                }
                std::thread::sleep(TICK);
            }
            // Whoever held the lock may have renamed the part to its final name: that file is not ours to write.
            let mine = file.metadata()?;
            let same = fs::metadata(path)
                .is_ok_and(|now| (mine.dev(), mine.ino()) == (now.dev(), now.ino()));
            if same {
                let (n_bytes, path) = (mine.len(), path.to_owned());
                return Ok(Some(Self { file, path, n_bytes, n_fetched: 0 }));
            }
        }
    }

    /// Returns what told, when the part was begun, that the file of this place is still the same.
    pub(crate) fn origin(&self, place: &str) -> Option<Validator> {
        let text = fs::read_to_string(self.origin_path()).ok()?;
        let (begun, validator) = text.split_once('\n')?;
        (begun == id(place)).then(|| Validator::from_text(validator))?
    }

    /// Notes where the part comes from; nothing that is not known to stay the same.
    pub(crate) fn set_origin(&self, place: &str, validator: Option<&Validator>) -> io::Result<()> {
        let Some(validator) = validator else {
            return self.forget_origin();
        };
        fs::write(self.origin_path(), format!("{}\n{}", id(place), validator.as_str()))
    }

    fn forget_origin(&self) -> io::Result<()> {
        match fs::remove_file(self.origin_path()) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
            _ => Ok(()),
        }
    }

    fn origin_path(&self) -> PathBuf {
        self.path.with_extension("part-of")
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
        // In this order: bytes without an origin are asked for anew, an origin without its bytes would lie.
        self.forget_origin()?;
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
        self.forget_origin()?;
        fs::rename(&self.path, path)
    }

    /// Takes the part away; whoever waits for it sees that, and begins his own.
    pub(crate) fn discard(&self) {
        drop(self.forget_origin());
        drop(fs::remove_file(&self.path));
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn failed(&self, cause: io::Error) -> SourceError {
        SourceError::Write { path: self.path.clone(), cause }
    }
}

/// Returns a name for a place that holds nothing of its URL.
fn id(place: &str) -> String {
    Digest::of(place.as_bytes()).hex()
}
