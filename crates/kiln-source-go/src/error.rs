//! What can be wrong with a `go.sum` and what it names.

use kiln_source::TakeError;

/// Modules that cannot be vendored. What comes from the file is escaped.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GoError {
    #[error("line {line} of `{path}` is no sum of a module")]
    #[diagnostic(code("K2627"), help("`go mod tidy` writes it; `sumfile` names the file `go.sum`"))]
    Syntax { path: String, line: usize },
    #[error("`{path}` names a module `{}` that go has not", named.escape_debug())]
    #[diagnostic(code("K2628"), help("the file is hostile or damaged: `go mod tidy` writes it"))]
    BadName { path: String, named: String },
    #[error("`{path}` has two sums of `{named}`")]
    #[diagnostic(code("K2629"), help("the file is hostile or damaged: `go mod tidy` writes it"))]
    Twice { path: String, named: String },
    #[error("`{path}` has no sum of the `go.mod` of `{named}`")]
    #[diagnostic(code("K2630"), help("kiln takes nothing unchecked: `go mod tidy` writes it"))]
    NoSum { path: String, named: String },
    #[error("`{path}` names more than {limit} modules")]
    #[diagnostic(code("K2631"), help("the file is hostile, or too big for kiln"))]
    TooMany { path: String, limit: usize },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Take(#[from] TakeError),
}
