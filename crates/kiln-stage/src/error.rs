//! What can go wrong between trees and folders.

use std::path::PathBuf;

use kiln_cas::CasError;

/// A failure while a tree becomes a folder or a folder a tree.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StageError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cas(#[from] CasError),
    #[error("cannot read `{path}`")]
    #[diagnostic(code("K5010"), help("check the permissions and the disk"))]
    Read {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot write `{path}`")]
    #[diagnostic(code("K5012"), help("{}; nothing half-written was kept", advice(cause)))]
    Write {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("the name `{name}` is not UTF-8")]
    #[diagnostic(code("K5013"), help("rename it: no tree can hold such a name"))]
    Name { name: String },
    #[error("the link `{path}` leads to `{target}`, which is not UTF-8")]
    #[diagnostic(code("K5014"), help("let it lead elsewhere: no tree can hold such a link"))]
    Link { path: String, target: String },
    #[error(
        "`{path}` lies deeper than {} folders or its path is longer than {} bytes",
        kiln_tree::MAX_DEPTH,
        crate::capture::MAX_PATH
    )]
    #[diagnostic(code("K5015"), help("do not leave such a folder behind"))]
    Deep { path: String },
    #[error("`{}` is missing", path.display())]
    #[diagnostic(code("K5016"), help("it must be there and be a folder"))]
    Missing { path: PathBuf },
    #[error("`{}` is a {found}, not a folder", path.display())]
    #[diagnostic(code("K5017"), help("it must be a folder, and no link to one"))]
    NoFolder { path: PathBuf, found: &'static str },
    #[error("`{}` is not empty", path.display())]
    #[diagnostic(code("K5018"), help("name an empty or a new folder, or say `--force`"))]
    NotEmpty { path: PathBuf },
}

/// Returns what to do about a failed write.
fn advice(cause: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match cause.kind() {
        ErrorKind::PermissionDenied => "check who may write there",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full: make room",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only: name another folder",
        _ => "check the disk",
    }
}

#[cfg(test)]
mod tests {
    use miette::Diagnostic as _;

    use super::*;

    #[test]
    fn a_failed_write_is_answered_by_its_cause() {
        for (errno, expected) in [
            (rustix::io::Errno::ACCESS, "check who may write there"),
            (rustix::io::Errno::NOSPC, "the disk is full: make room"),
            (rustix::io::Errno::ROFS, "the file system is read-only: name another folder"),
            (rustix::io::Errno::IO, "check the disk"),
        ] {
            let error = StageError::Write { path: "out".to_owned(), cause: errno.into() };
            let help = error.help().unwrap().to_string();
            assert_eq!(help, format!("{expected}; nothing half-written was kept"));
        }
    }
}
