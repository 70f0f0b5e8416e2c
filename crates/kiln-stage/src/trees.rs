//! Trees as folders that are only ever read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_cas::DiskCas;
use kiln_digest::Digest;
use kiln_tree::Tree;

use crate::StageError;
use crate::copy::open_new;
use crate::remove::remove_folder;
use crate::write::{Files, write_into};

/// The folders `trees/<digest>` of a store, each one tree, made once; their files are the files of the blobs.
#[derive(Debug, Clone)]
pub struct Trees {
    cas: Arc<DiskCas>,
    folder: PathBuf,
}

impl Trees {
    /// Returns the staged trees of a store.
    pub fn new(cas: Arc<DiskCas>) -> Self {
        let folder = cas.folder().join("trees");
        Self { cas, folder }
    }

    /// Returns the folder of a tree; it is made when it is not there. Times of the tree are not in it: everything
    /// has the one constant time.
    ///
    /// # Errors
    /// When a blob is missing or the folder cannot be written.
    pub fn extract(&self, tree: &Tree) -> Result<PathBuf, StageError> {
        let place = self.place(tree.digest());
        if self.has(tree.digest()) {
            return Ok(place);
        }
        let partial = self.cas.fresh();
        let written = open_new(&partial)
            .and_then(|folder| write_into(&self.cas, tree, folder, Files::Linked))
            .and_then(|()| self.install(&partial, tree.digest()));
        if written.is_err() {
            // What is left is swept when this process is dead.
            drop(remove_folder(&partial));
        }
        written
    }

    /// Returns whether a tree has its folder.
    pub(crate) fn has(&self, tree: Digest) -> bool {
        self.place(tree).is_dir()
    }

    /// Moves a finished folder to its place; where another process was faster, its folder stays.
    pub(crate) fn install(&self, partial: &Path, tree: Digest) -> Result<PathBuf, StageError> {
        let place = self.place(tree);
        let failed = |cause| StageError::Write { path: place.display().to_string(), cause };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        match fs::rename(partial, &place) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                remove_folder(partial).map_err(failed)?;
            }
            renamed => renamed.map_err(failed)?,
        }
        Ok(place)
    }

    /// Half of the hash is enough for a name, and keeps paths short.
    fn place(&self, tree: Digest) -> PathBuf {
        let mut name = tree.hex();
        name.truncate(32);
        self.folder.join(name)
    }
}
