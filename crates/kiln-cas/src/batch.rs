//! Files on trial: they come into the store together, or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use kiln_digest::Digest;

use crate::disk::{copy_hashed, fill};
use crate::place::{BUFFER, Place};
use crate::{Cas, CasError, DiskCas, MemoryCas};

/// Contents of which none is in the store before [`Batch::keep`]; of a batch that is dropped nothing stays.
pub trait Batch {
    /// Takes the bytes of a stream, as [`Cas::write_stream`] keeps them.
    ///
    /// # Errors
    /// When the stream cannot be read or its bytes cannot be written; nothing half-written stays.
    fn write_stream(&mut self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError>;

    /// Keeps all that was taken.
    ///
    /// # Errors
    /// When the store cannot be written. What was kept before is whole.
    fn keep(self: Box<Self>) -> Result<(), CasError>;
}

/// A batch of a store on disk: finished files with other names.
pub(crate) struct DiskBatch<'a> {
    cas: &'a DiskCas,
    /// By content and executable bit, as the store has a file for each.
    new: BTreeMap<(Digest, bool), PathBuf>,
    buffer: Vec<u8>,
}

impl<'a> DiskBatch<'a> {
    pub(crate) fn new(cas: &'a DiskCas) -> Self {
        Self { cas, new: BTreeMap::new(), buffer: vec![0; BUFFER] }
    }

    /// Whether a content is in the store or in the batch already.
    fn has(&self, digest: Digest, executable: bool) -> Result<bool, CasError> {
        let is_new = self.new.contains_key(&(digest, executable));
        Ok(is_new || self.cas.look(digest, executable)? == Place::Good)
    }
}

impl Batch for DiskBatch<'_> {
    fn write_stream(&mut self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError> {
        let read = fill(from, &mut self.buffer);
        let n_read = read.map_err(|cause| CasError::Stream { cause })?;
        let is_whole = n_read < self.buffer.len();
        if is_whole {
            let digest = Digest::of(&self.buffer[..n_read]);
            if self.has(digest, executable)? {
                return Ok(digest);
            }
        }
        let partial = self.cas.named(executable)?;
        let folder = self.cas.folder();
        let digest = if is_whole {
            let bytes = &self.buffer[..n_read];
            (&partial.file).write_all(bytes).map_err(CasError::write(folder))?;
            Digest::of(bytes)
        } else {
            copy_hashed(from, &partial.file, &mut self.buffer, n_read, folder)?
        };
        // A long content is known only now; the file that was written for nothing goes.
        if is_whole || !self.has(digest, executable)? {
            let settled = self.cas.settle_new(&partial.file, executable);
            settled.map_err(CasError::write(folder))?;
            if let Some(path) = partial.take() {
                self.new.insert((digest, executable), path);
            }
        }
        Ok(digest)
    }

    fn keep(mut self: Box<Self>) -> Result<(), CasError> {
        self.cas.epoch.note();
        while let Some(((digest, executable), path)) = self.new.pop_first() {
            if let Err(error) = self.cas.install(&path, digest, executable) {
                // It goes with the rest.
                self.new.insert((digest, executable), path);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for DiskBatch<'_> {
    fn drop(&mut self) {
        for path in self.new.values() {
            // A later process sweeps what stays.
            drop(fs::remove_file(path));
        }
    }
}

/// A batch of a store in memory.
pub(crate) struct MemoryBatch<'a> {
    pub(crate) cas: &'a MemoryCas,
    pub(crate) new: MemoryCas,
}

impl Batch for MemoryBatch<'_> {
    fn write_stream(&mut self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError> {
        self.new.write_stream(from, executable)
    }

    fn keep(self: Box<Self>) -> Result<(), CasError> {
        self.cas.take_all(self.new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists the files of a store by the length of their paths: blobs, and what is on its way.
    fn listed(disk: &DiskCas) -> Vec<u64> {
        let mut folders = vec![disk.folder().join("cas"), disk.folder().join("tmp")];
        let mut sizes = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let found = entry.metadata().unwrap();
                if found.is_dir() {
                    folders.push(entry.path());
                } else if found.len() > 0 {
                    sizes.push(found.len());
                }
            }
        }
        sizes.sort_unstable();
        sizes
    }

    fn write(batch: &mut dyn Batch, bytes: &[u8], executable: bool) -> Digest {
        batch.write_stream(&mut &*bytes, executable).unwrap()
    }

    #[test]
    fn a_batch_is_kept_whole_or_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCas::open(folder.path()).unwrap();
        let here = disk.write(b"here").unwrap();
        let long = vec![b'x'; 200_000];
        for is_kept in [false, true] {
            let mut batch = disk.batch().unwrap();
            let digests = [
                write(&mut *batch, b"here", false),
                write(&mut *batch, b"small", true),
                write(&mut *batch, b"small", true),
                write(&mut *batch, &long, false),
                write(&mut *batch, &long, false),
            ];
            assert_eq!(digests[0], here);
            assert_eq!(disk.missing(&digests).unwrap().len(), 4);
            assert_eq!(listed(&disk), [4, 5, 200_000]);
            if is_kept {
                batch.keep().unwrap();
                assert_eq!(disk.missing(&digests).unwrap(), []);
                assert_eq!(disk.read(digests[3]).unwrap(), long);
                assert!(disk.place(digests[1], true).is_file());
            } else {
                drop(batch);
                assert_eq!(listed(&disk), [4]);
            }
        }
        assert_eq!(listed(&disk), [4, 5, 200_000]);
    }

    #[test]
    fn a_stream_that_fails_leaves_nothing() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("gone"))
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskCas::open(folder.path()).unwrap();
        let mut batch = disk.batch().unwrap();
        let long = vec![b'x'; 200_000];
        let mut cut = long.chain(Failing);
        assert!(matches!(batch.write_stream(&mut cut, false), Err(CasError::Stream { .. })));
        assert_eq!(listed(&disk), []);
        batch.keep().unwrap();
        assert_eq!(listed(&disk), []);
    }

    #[test]
    fn a_batch_in_memory_is_kept_whole_or_leaves_nothing() {
        let memory = MemoryCas::default();
        let mut batch = memory.batch().unwrap();
        let digest = write(&mut *batch, b"new", false);
        drop(batch);
        assert_eq!(memory.missing(&[digest]).unwrap(), [digest]);
        let mut batch = memory.batch().unwrap();
        write(&mut *batch, b"new", false);
        batch.keep().unwrap();
        assert_eq!(memory.read(digest).unwrap(), b"new");
    }
}
