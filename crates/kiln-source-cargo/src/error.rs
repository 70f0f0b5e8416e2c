//! What can be wrong with a `Cargo.lock` and what it names.

use kiln_cas::CasError;
use kiln_ir::ObjectId;
use kiln_source::TakeError;

/// Crates that cannot be vendored. What comes from the lock file is escaped.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CargoError {
    #[error("`{path}` is no lock file of cargo")]
    #[diagnostic(
        code("K2601"),
        help("`cargo generate-lockfile` writes it; `lockfile` names the file `Cargo.lock`")
    )]
    Syntax {
        path: String,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("`{path}` has the version {found}, kiln knows those up to 4")]
    #[diagnostic(code("K2602"), help("a newer kiln may know it, an older cargo writes another"))]
    Version { path: String, found: i64 },
    #[error("`{path}` names more than {limit} packages")]
    #[diagnostic(code("K2603"), help("the lock file is hostile, or too big for kiln"))]
    TooMany { path: String, limit: usize },
    #[error("`{path}` names a package `{}` that no crate can be", named.escape_debug())]
    #[diagnostic(code("K2604"), help("the lock file is hostile or damaged: let cargo write it"))]
    BadName { path: String, named: String },
    #[error("`{path}` names `{named}` twice")]
    #[diagnostic(code("K2605"), help("the lock file is hostile or damaged: let cargo write it"))]
    Twice { path: String, named: String },
    #[error("`{path}` has no sha256 for `{named}`")]
    #[diagnostic(
        code("K2606"),
        help("kiln takes nothing unchecked: `cargo generate-lockfile` writes the checksums")
    )]
    NoChecksum { path: String, named: String },
    #[error("`{path}` takes `{named}` from `{}`, which is no source that kiln knows", origin.escape_debug())]
    #[diagnostic(code("K2607"), help("kiln knows registries and git repositories"))]
    BadOrigin { path: String, named: String, origin: String },
    #[error("`{named}` is of the registry `{}`, which kiln cannot find", index.escape_debug())]
    #[diagnostic(
        code("K2608"),
        help("name it below `[registries]` of cargo's configuration, with this very `index`")
    )]
    UnknownRegistry { named: String, index: String },
    #[error("the file of the crate `{named}` holds something else")]
    #[diagnostic(
        code("K2609"),
        help(
            "was its version changed by hand? let cargo write the lock file: `cargo update -p NAME`; else the registry or the lock file is hostile or damaged"
        )
    )]
    OtherCrate { named: String },
    #[error("the commit `{commit}` of `{url}` has no package `{named}`")]
    #[diagnostic(code("K2610"), help("let cargo write the lock file anew"))]
    NotInRepository { named: String, url: String, commit: ObjectId },
    #[error("the manifest of `{named}` needs its workspace, which does not say `{what}`")]
    #[diagnostic(code("K2611"), help("cargo could not build it either: ask its authors"))]
    Inherits { named: String, what: String },
    #[error("`{path}` says that `{named}` needs `{}`, which it does not name", need.escape_debug())]
    #[diagnostic(code("K2612"), help("the lock file is hostile or damaged: let cargo write it"))]
    NoPackage { path: String, named: String, need: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Take(#[from] TakeError),
}

impl From<CasError> for CargoError {
    fn from(error: CasError) -> Self {
        Self::Take(error.into())
    }
}
