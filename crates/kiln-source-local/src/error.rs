//! What can go wrong with a folder of the project.

use kiln_cas::CasError;

/// A local source that cannot be used. Paths are relative to the project and escaped where needed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LocalError {
    #[error("the source `{}` is not inside the project", path.escape_debug())]
    #[diagnostic(
        code("K2101"),
        help(
            "use a path relative to the folder of `project.kiln`, without `..` and without links that leave it"
        )
    )]
    Outside { path: String },
    #[error("there is no `{}` in the project", path.escape_debug())]
    #[diagnostic(code("K2102"), help("correct the path of the source"))]
    Absent { path: String },
    #[error("`{}` is {what}, no file, folder or link", path.escape_debug())]
    #[diagnostic(code("K2103"), help("remove it, or leave it out by `exclude`"))]
    Special { path: String, what: &'static str },
    #[error("the name `{path}` is not UTF-8")]
    #[diagnostic(code("K2104"), help("rename it, or move it out of the source"))]
    NotUtf8 {
        /// With the bad bytes as `\xNN`.
        path: String,
    },
    #[error("`{glob}` is no glob")]
    #[diagnostic(code("K2105"), help("correct the `exclude` of the source"))]
    BadGlob {
        glob: String,
        #[source]
        cause: globset::Error,
    },
    #[error("`{path}` changed while it was used")]
    #[diagnostic(code("K2106"), help("save all files, then build again"))]
    Changed { path: String },
    #[error("`{}` lies deeper than {} folders", path.escape_debug(), kiln_tree::MAX_DEPTH)]
    #[diagnostic(code("K2107"), help("move it up, or leave it out by `exclude`"))]
    Deep { path: String },
    #[error("cannot read `{}`", path.escape_debug())]
    #[diagnostic(code("K2108"), help("check its permissions"))]
    Read {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{}` is larger than {n_most} bytes", path.escape_debug())]
    #[diagnostic(code("K2109"), help("shorten it, or say `with-ignored = true` in the source"))]
    Rules {
        path: String,
        /// Bytes.
        n_most: u64,
    },
    #[error("cannot keep `{}` in the store", path.escape_debug())]
    #[diagnostic(code("K5021"), help("is the disk of the store full?"))]
    Keep {
        path: String,
        #[source]
        cause: CasError,
    },
}
