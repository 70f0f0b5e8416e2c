//! Blobs and directories by digest: the [`Cas`] trait, on disk and in memory.
//!
//! # Purpose
//! Content in, digest out; bytes that do not match their digest are never given back as that content.
//! [`DiskCas`] keeps blobs as files that other folders may link to, [`MemoryCas`] keeps them in memory.
//!
//! # Never
//! Knows keys, elements, or what a blob is for.
//!
//! # Example
//! ```
//! use kiln_cas::{Cas, MemoryCas};
//! let store = MemoryCas::default();
//! let digest = store.write(b"kiln").unwrap();
//! assert_eq!(store.read(digest).unwrap(), b"kiln");
//! ```
#![expect(clippy::disallowed_methods, reason = "this crate owns the blobs on disk")]

mod adopt;
mod batch;
mod disk;
mod epoch;
mod error;
mod lease;
mod memory;
mod partial;
mod place;

pub use batch::Batch;
pub use disk::DiskCas;
pub use error::CasError;
pub use lease::{Lease, sweep};
pub use memory::MemoryCas;

use std::io::Read;

use kiln_digest::Digest;
use kiln_tree::Tree;

/// A content-addressed store of blobs; directories are blobs that hold REAPI `Directory` messages.
pub trait Cas: Send + Sync {
    /// Returns those of the digests that are not here.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, CasError>;

    /// Returns the bytes of a blob, checked against their digest.
    ///
    /// # Errors
    /// When it is not here, cannot be read, or its bytes are others.
    fn read(&self, digest: Digest) -> Result<Vec<u8>, CasError>;

    /// Keeps bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    fn write(&self, bytes: &[u8]) -> Result<Digest, CasError>;

    /// Keeps the bytes of a stream, to its end. `executable` says how files of this content will be staged first;
    /// it is a hint and no part of the content.
    ///
    /// # Errors
    /// When the stream cannot be read or its bytes cannot be kept; nothing half-written stays.
    fn write_stream(&self, from: &mut dyn Read, executable: bool) -> Result<Digest, CasError>;

    /// Keeps the bytes of a file. `executable` says how files of this content will be staged first, as in
    /// [`Cas::write_stream`].
    ///
    /// # Errors
    /// When they cannot be written.
    fn write_file(&self, bytes: &[u8], executable: bool) -> Result<Digest, CasError> {
        self.write_stream(&mut &*bytes, executable)
    }

    /// Begins to take files of which none is kept before it is certain that all are wanted.
    ///
    /// # Errors
    /// When there is no store to keep them in.
    fn batch(&self) -> Result<Box<dyn Batch + '_>, CasError>;

    /// Loads a tree by the digest of its root directory.
    ///
    /// # Errors
    /// When a directory of it is not here or not canonical.
    fn read_tree(&self, root: Digest) -> Result<Tree, CasError> {
        let mut read = |digest| self.read(digest);
        Tree::load(root, &mut read).map_err(|cause| CasError::Tree { root, cause: Box::new(cause) })
    }

    /// Keeps all directories of a tree; its files are kept before.
    ///
    /// # Errors
    /// When a directory cannot be written.
    fn write_tree(&self, tree: &Tree) -> Result<(), CasError> {
        for directory in tree.directories().values() {
            self.write(&directory.encode())?;
        }
        Ok(())
    }
}
