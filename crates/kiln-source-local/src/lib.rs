//! Sources that are folders of the project.
//!
//! # Purpose
//! [`import`] takes a folder or a file of the project into the store; [`measure`] takes only the digests,
//! which is all that planning needs. Both walk alike: regular files with the owner's executable bit, links as
//! text, empty folders; `.git` and `.kiln` are left out.
//!
//! # Never
//! Reads outside the project, follows a link inside the source, waits for a FIFO.
//!
//! # Example
//! ```
//! let project = tempfile::tempdir().unwrap();
//! std::fs::write(project.path().join("main.c"), "int main;").unwrap();
//! let cas = kiln_cas::MemoryCas::default();
//! let tree = kiln_source_local::import(&cas, project.path(), ".", &[]).unwrap();
//! assert_eq!(kiln_source_local::measure(project.path(), ".", &[]).unwrap(), tree);
//! assert_eq!(tree.files().count(), 1);
//! ```

mod error;
mod walk;

pub use error::LocalError;

use std::path::{Path, PathBuf};

use kiln_cas::Cas;
use kiln_ir::Source;
use kiln_source::{AnyError, Pin, Ports, SourceKind};
use kiln_tree::Tree;

use crate::walk::{Keep, Walk};

/// Takes a folder or file of the project into the store, with all its blobs and directories. `exclude` holds globs
/// of what is left out: one with a `/` is matched from the folder on, one without at any depth.
///
/// # Errors
/// When the path leaves the project, something in it is no file, folder or link, or reading or keeping fails.
pub fn import(
    cas: &dyn Cas,
    project: &Path,
    path: &str,
    exclude: &[String],
) -> Result<Tree, LocalError> {
    let tree = Walk::new(project, path, exclude, Keep::Blobs(cas))?.tree()?;
    cas.write_tree(&tree).map_err(|cause| LocalError::Keep { path: path.to_owned(), cause })?;
    Ok(tree)
}

/// Takes the digests of a folder or file of the project and keeps nothing: the same tree as [`import`].
///
/// # Errors
/// As [`import`], keeping aside.
pub fn measure(project: &Path, path: &str, exclude: &[String]) -> Result<Tree, LocalError> {
    Walk::new(project, path, exclude, Keep::Nothing)?.tree()
}

/// The kind of [`Source::Local`].
#[derive(Clone, Debug)]
pub struct LocalKind {
    /// The folder of the project.
    pub project: PathBuf,
}

impl SourceKind for LocalKind {
    fn takes(&self, source: &Source) -> bool {
        matches!(source, Source::Local { .. })
    }

    fn track(&self, source: &Source, ports: Ports<'_>) -> Result<Pin, AnyError> {
        let tree = self.import(source, ports)?;
        Ok(Pin { content: tree.digest(), tree: tree.digest() })
    }

    fn fetch(&self, source: &Source, pin: Pin, ports: Ports<'_>) -> Result<Tree, AnyError> {
        let tree = self.import(source, ports)?;
        if tree.digest() != pin.tree {
            return Err(LocalError::Changed { path: source.to_string() }.into());
        }
        Ok(tree)
    }
}

impl LocalKind {
    fn import(&self, source: &Source, ports: Ports<'_>) -> Result<Tree, LocalError> {
        match source {
            Source::Local { path, exclude } => import(ports.cas, &self.project, path, exclude),
            Source::Tar { url, .. } => Err(LocalError::Outside { path: url.clone() }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own projects")]
mod tests;
