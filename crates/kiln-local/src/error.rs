//! What can go wrong around a command on this machine.

use std::path::PathBuf;

/// An action that could not be run here.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LocalError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cas(#[from] kiln_cas::CasError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Stage(#[from] kiln_stage::StageError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] kiln_sandbox::SandboxError),
    #[error("cannot write the work folder `{}`", path.display())]
    #[diagnostic(code("K4010"), help("check the permissions and the disk of the store"))]
    Work {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the disk of the store is full: the command failed with {free} bytes left")]
    #[diagnostic(
        code("K4012"),
        help("make space on the disk of `{}` and build again; nothing of this run is recorded", path.display())
    )]
    Full { path: PathBuf, free: u64 },
    #[error("cannot write the log `{}`", path.display())]
    #[diagnostic(code("K4011"), help("check the permissions and the disk"))]
    Log {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{word}` is no way to stage a root")]
    #[diagnostic(code("K4013"), help("one of `overlay`, `legacy`, `reflink`, `copy`"))]
    NoRung { word: String },
    #[error("the file system of the store cannot share blocks between files")]
    #[diagnostic(
        code("K4014"),
        help(
            "use `KILN_STAGING=copy`, or a store on btrfs or on xfs; without `KILN_STAGING` kiln finds a way"
        )
    )]
    NoReflink {
        #[source]
        cause: std::io::Error,
    },
}
