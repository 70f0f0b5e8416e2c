//! A store in which only what came in this run counts: whoever fetches into it has to ask for everything.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kiln_cas::{Batch, Cas, CasError};
use kiln_digest::Digest;

/// What came, over a store that keeps it.
pub(super) struct Fresh {
    under: Arc<dyn Cas>,
    came: Mutex<BTreeSet<Digest>>,
}

impl Fresh {
    pub(super) fn new(under: Arc<dyn Cas>) -> Self {
        Self { under, came: Mutex::default() }
    }

    fn came(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, digest: Digest) -> Digest {
        self.came().insert(digest);
        digest
    }
}

impl Cas for Fresh {
    fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, CasError> {
        let came = self.came();
        let is_missing = |digest: &&Digest| **digest != Digest::EMPTY && !came.contains(*digest);
        Ok(digests.iter().filter(is_missing).copied().collect())
    }

    fn read(&self, digest: Digest) -> Result<Vec<u8>, CasError> {
        if digest != Digest::EMPTY && !self.came().contains(&digest) {
            return Err(CasError::Missing { digest });
        }
        self.under.read(digest)
    }

    fn write(&self, bytes: &[u8]) -> Result<Digest, CasError> {
        self.under.write(bytes).map(|digest| self.note(digest))
    }

    fn write_stream(&self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError> {
        self.under.write_stream(from, executable).map(|digest| self.note(digest))
    }

    fn write_file(&self, bytes: &[u8], executable: bool) -> Result<Digest, CasError> {
        self.under.write_file(bytes, executable).map(|digest| self.note(digest))
    }

    fn batch(&self) -> Result<Box<dyn Batch + '_>, CasError> {
        Ok(Box::new(FreshBatch { of: self, under: self.under.batch()?, taken: Vec::new() }))
    }
}

struct FreshBatch<'a> {
    of: &'a Fresh,
    under: Box<dyn Batch + 'a>,
    taken: Vec<Digest>,
}

impl Batch for FreshBatch<'_> {
    fn write_stream(&mut self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError> {
        let digest = self.under.write_stream(from, executable)?;
        self.taken.push(digest);
        Ok(digest)
    }

    fn keep(self: Box<Self>) -> Result<(), CasError> {
        let Self { of, under, taken } = *self;
        under.keep()?;
        of.came().extend(taken);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kiln_cas::MemoryCas;

    use super::*;

    #[test]
    fn what_was_there_before_has_to_come_again() {
        let under = Arc::new(MemoryCas::default());
        let digest = under.write(b"old").unwrap();
        let fresh = Fresh::new(under);
        assert_eq!(fresh.missing(&[digest, Digest::EMPTY]).unwrap(), [digest]);
        assert!(fresh.read(digest).is_err());
        let mut batch = fresh.batch().unwrap();
        batch.write_stream(&mut &b"old"[..], false).unwrap();
        assert!(fresh.read(digest).is_err());
        batch.keep().unwrap();
        assert_eq!(fresh.read(digest).unwrap(), b"old");
    }
}
