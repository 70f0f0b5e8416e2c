//! What can go wrong while the files of a project are read.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;

/// A failure to read a project.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ProjectError {
    #[error("there is no project in `{}` or above it", from.display())]
    #[diagnostic(
        code("K1010"),
        help(
            "a project is a folder with a `project.kiln`; go there, or name it with `--directory`"
        )
    )]
    NotFound { from: PathBuf },
    #[error("cannot read `{}`", path.display())]
    #[diagnostic(code("K1011"), help("check that it is readable"))]
    Read {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{}` is {what}, no file with text", path.display())]
    #[diagnostic(
        code("K1016"),
        help("put a plain file there: kiln reads no pipes, devices, sockets and folders as texts")
    )]
    NotPlain { path: PathBuf, what: &'static str },
    #[error("`{}` is a link out of the project", path.display())]
    #[diagnostic(
        code("K1017"),
        help("put a copy of the file into the project: what lies outside of it is not part of it")
    )]
    LinkOut { path: PathBuf },
    #[error("`{}` is not UTF-8", path.display())]
    #[diagnostic(code("K1012"), help("save it as UTF-8; the first other byte is number {at}"))]
    NotText { path: PathBuf, at: usize },
    #[error("`{}` is larger than {limit} MiB", path.display())]
    #[diagnostic(code("K1013"), help("is it a kiln file? split it into several"))]
    Large { path: PathBuf, limit: u64 },
    #[error("`{first}` and `{second}` both define `{name}`")]
    #[diagnostic(
        code("K1014"),
        help("rename one of them: the folder `elements` at the root adds nothing to names")
    )]
    Twice { first: String, second: String, name: String },
    #[error("the input `{name}` cannot be brought")]
    #[diagnostic(code("K1015"), help("the cause above says what to mend; then ask again"))]
    Input { name: String },
}

impl ProjectError {
    /// Returns the error for what is named like a file and is none, by what was found there.
    pub fn not_plain(path: PathBuf, found: FileType) -> Self {
        let what = match () {
            () if found.is_dir() => "a folder",
            () if found.is_fifo() => "a pipe",
            () if found.is_socket() => "a socket",
            () if found.is_symlink() => "a link",
            () => "a device",
        };
        Self::NotPlain { path, what }
    }
}
