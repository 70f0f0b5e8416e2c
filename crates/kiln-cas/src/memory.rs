//! Blobs in memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiln_digest::Digest;

use crate::batch::MemoryBatch;
use crate::{Batch, Cas, CasError};

/// A store in memory; it is gone with the value.
#[derive(Debug, Default)]
pub struct MemoryCas {
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl MemoryCas {
    /// Loses a blob, as an eviction would.
    pub fn remove(&self, digest: Digest) {
        self.blobs().remove(&digest);
    }

    /// Takes the blobs of another store.
    pub(crate) fn take_all(&self, other: Self) {
        let blobs = other.blobs.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.blobs().extend(blobs);
    }

    fn blobs(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<u8>>> {
        // A map of whole blobs is never half-changed, so a panic elsewhere does no harm to it.
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cas for MemoryCas {
    fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, CasError> {
        let blobs = self.blobs();
        let absent = |digest: &&Digest| **digest != Digest::EMPTY && !blobs.contains_key(digest);
        Ok(digests.iter().filter(absent).copied().collect())
    }

    fn read(&self, digest: Digest) -> Result<Vec<u8>, CasError> {
        if digest == Digest::EMPTY {
            return Ok(Vec::new());
        }
        self.blobs().get(&digest).cloned().ok_or(CasError::Missing { digest })
    }

    fn write(&self, bytes: &[u8]) -> Result<Digest, CasError> {
        let digest = Digest::of(bytes);
        self.blobs().entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn write_stream(&self, from: &mut dyn Read, _executable: bool) -> Result<Digest, CasError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(|cause| CasError::Stream { cause })?;
        self.write(&bytes)
    }

    fn batch(&self) -> Result<Box<dyn Batch + '_>, CasError> {
        Ok(Box::new(MemoryBatch { cas: self, new: Self::default() }))
    }
}
