//! What can be wrong with a lock file of Python packages and what it names.

use kiln_source::{SourceError, TakeError};

/// Python packages that cannot be vendored. What comes from the lock file is escaped.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PypiError {
    #[error("`{path}` is no lock file of Python packages: {what}")]
    #[diagnostic(
        code("K2613"),
        help(
            "kiln reads `uv.lock`, `pylock.toml`, and requirements with hashes under any other name"
        )
    )]
    Syntax { path: String, what: String },
    #[error("`{path}` has no sha256 for `{}`", named.escape_debug())]
    #[diagnostic(
        code("K2614"),
        help("kiln takes nothing unchecked: `pip-compile --generate-hashes` writes hashes")
    )]
    NoHash { path: String, named: String },
    #[error("`{path}` names a file `{}` that no package can be", named.escape_debug())]
    #[diagnostic(code("K2615"), help("the lock file or the index is hostile or damaged"))]
    BadName { path: String, named: String },
    #[error("`{path}` takes `{}` {what}", named.escape_debug())]
    #[diagnostic(code("K2616"), help("give it as a source of its own, or take it from an index"))]
    Unsupported { path: String, named: String, what: &'static str },
    #[error("the index has no file of `{project}` with the sha256 `{sha256}`")]
    #[diagnostic(
        code("K2617"),
        help(
            "it may have been deleted, or be of another index: lock again, or set `pypi` to that index"
        )
    )]
    NotInIndex { project: String, sha256: String },
    #[error("`{path}` names more than {limit} files")]
    #[diagnostic(code("K2618"), help("the lock file is hostile, or too big for kiln"))]
    TooMany { path: String, limit: usize },
    #[error("`{path}` names the file `{name}` twice, with two contents")]
    #[diagnostic(code("K2619"), help("the lock file is hostile, or joins two that do not fit"))]
    Twice { path: String, name: String },
    #[error("`{path}` has no file of `{project}` for Linux")]
    #[diagnostic(code("K2620"), help("lock it with its source archive or wheels for Linux"))]
    NotForLinux { path: String, project: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Take(#[from] TakeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Source(#[from] SourceError),
}
