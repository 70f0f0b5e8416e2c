//! What can go wrong with a store of blobs.

use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_tree::LoadError;

/// A failure of a store of blobs.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CasError {
    #[error("blob `{digest}` is not in the store")]
    #[diagnostic(code("K5001"), help("build or fetch again what it belongs to"))]
    Missing { digest: Digest },
    #[error("blob `{digest}` in the store had other bytes than its digest says")]
    #[diagnostic(
        code("K5002"),
        help("the disk or another program changed `{}`; build again, it is written anew", path.display())
    )]
    Corrupt { digest: Digest, path: PathBuf },
    #[error("cannot read `{}` in the store", path.display())]
    #[diagnostic(code("K5003"), help("check the permissions and the disk of the store"))]
    Read {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot write `{}` in the store", path.display())]
    #[diagnostic(code("K5004"), help("is the disk full? nothing half-written was kept"))]
    Write {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot read what is to be kept in the store")]
    #[diagnostic(code("K5006"), help("try again; nothing half-written was kept"))]
    Stream {
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot load the tree `{root}`")]
    #[diagnostic(code("K5005"), help("build or fetch again what it belongs to"))]
    Tree {
        root: Digest,
        #[source]
        cause: Box<LoadError<CasError>>,
    },
}

impl CasError {
    pub(crate) fn read(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |cause| Self::Read { path: path.clone(), cause }
    }

    pub(crate) fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |cause| Self::Write { path: path.clone(), cause }
    }
}
