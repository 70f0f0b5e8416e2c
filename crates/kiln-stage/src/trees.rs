//! Trees as folders that are only ever read.

use std::path::PathBuf;
use std::sync::Arc;

use kiln_cas::DiskCas;
use kiln_tree::Tree;

use crate::StageError;

/// The folders `trees/<digest>` of a store, each one tree, made once; their files are the files of the blobs.
#[derive(Debug, Clone)]
pub struct Trees {
    cas: Arc<DiskCas>,
}

impl Trees {
    /// Returns the staged trees of a store.
    pub fn new(cas: Arc<DiskCas>) -> Self {
        Self { cas }
    }

    /// Returns the folder of a tree; it is made when it is not there. Times of the tree are not in it: everything
    /// has the one constant time.
    ///
    /// # Errors
    /// When a blob is missing or the folder cannot be written.
    pub fn extract(&self, tree: &Tree) -> Result<PathBuf, StageError> {
        unimplemented!("{:?} {tree:?}", self.cas)
    }
}
