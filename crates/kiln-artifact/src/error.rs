//! What can go wrong with an index.

use std::path::PathBuf;

/// A failure of an index.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum IndexError {
    #[error("cannot open the index of the store `{}`", path.display())]
    #[diagnostic(code("K5101"), help("check that the folder is yours and its disk has room"))]
    Open {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot use the index of the store `{}`", path.display())]
    #[diagnostic(
        code("K5102"),
        help(
            "check the permissions and the disk; the index may be removed, what it knew is built again"
        )
    )]
    Query {
        path: PathBuf,
        #[source]
        cause: rusqlite::Error,
    },
    #[error("another program holds the index of the store `{}` for too long", path.display())]
    #[diagnostic(code("K5103"), help("end the other `kiln`, or wait for it, and try again"))]
    Busy {
        path: PathBuf,
        #[source]
        cause: rusqlite::Error,
    },
}

/// Something that was put right, and that a person should know.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum IndexWarning {
    #[error("the index of the store was damaged; a new one was begun, the old one is `{}`", kept.display())]
    #[diagnostic(
        code("K5104"),
        severity(Warning),
        help("what it knew is built again; if this comes again, check the disk")
    )]
    SetAside { kept: PathBuf },
}
