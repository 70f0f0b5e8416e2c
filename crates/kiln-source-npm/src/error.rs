//! What can be wrong with a `package-lock.json` and what it names.

use kiln_source::TakeError;

/// Packages that cannot be vendored. What comes from the lock file is escaped.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum NpmError {
    #[error("`{path}` is no lock file of npm: {what}")]
    #[diagnostic(
        code("K2621"),
        help("`npm install --package-lock-only` writes it; `lockfile` names `package-lock.json`")
    )]
    Syntax { path: String, what: String },
    #[error("`{path}` has the version {found}, kiln knows 2 and 3")]
    #[diagnostic(
        code("K2622"),
        help("`npm install --package-lock-only --lockfile-version 3` writes it anew")
    )]
    Version { path: String, found: i64 },
    #[error("`{path}` names a package `{}` that npm has not", named.escape_debug())]
    #[diagnostic(code("K2623"), help("the lock file is hostile or damaged: let npm write it"))]
    BadName { path: String, named: String },
    #[error("`{path}` has no integrity for `{}`", named.escape_debug())]
    #[diagnostic(
        code("K2624"),
        help(
            "kiln takes nothing unchecked: let npm write the lock file anew, with its cache empty"
        )
    )]
    NoIntegrity { path: String, named: String },
    #[error("`{path}` takes `{named}` from `{}`, which is no file of a server", from.escape_debug())]
    #[diagnostic(code("K2625"), help("take it from a registry: npm could not have it offline"))]
    Unsupported { path: String, named: String, from: String },
    #[error("`{path}` names more than {limit} packages")]
    #[diagnostic(code("K2626"), help("the lock file is hostile, or too big for kiln"))]
    TooMany { path: String, limit: usize },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Take(#[from] TakeError),
}
