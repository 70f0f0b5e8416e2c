//! `kiln bundle`: all that targets need of outside in one file, and such a file taken into the cache.

mod form;
mod fresh;
mod lacks;
mod make;
mod take;

pub(crate) use lacks::{lacking, lacking_input};
pub use make::{Bundled, bundle};
pub(crate) use take::take;

use std::io;
use std::path::PathBuf;

use kiln_digest::Digest;

/// A bundle that cannot be used or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum BundleError {
    #[error("`{}` is no bundle of kiln", path.display())]
    #[diagnostic(code("K2051"), help("`kiln bundle --file FILE` writes one"))]
    Foreign { path: PathBuf },
    #[error("the bundle `{}` is of another version of kiln", path.display())]
    #[diagnostic(
        code("K2052"),
        help("use the kiln that wrote it, or write it again with this one")
    )]
    Version { path: PathBuf },
    #[error("the bundle `{}` is damaged: {what}", path.display())]
    #[diagnostic(
        code("K2053"),
        help("copy it again, or write it again with `kiln bundle`; nothing of it was taken")
    )]
    Damaged { path: PathBuf, what: String },
    #[error("neither the bundle `{}` nor the cache has {what}", path.display())]
    #[diagnostic(
        code("K2056"),
        help(
            "where there is a network, write it for all that is built: `kiln bundle [ELEMENT]... --file FILE`"
        )
    )]
    Lacks { path: PathBuf, what: String },
    #[error("cannot read the bundle `{}`", path.display())]
    #[diagnostic(code("K2054"), help("check that the file is there and readable"))]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write the bundle `{}`", path.display())]
    #[diagnostic(
        code("K2055"),
        help("check its folder and whether the disk is full; nothing half-written stays")
    )]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("`{digest}` changed while the bundle was written")]
    #[diagnostic(
        code("K5035"),
        help("does another program change files of the cache? run the command again")
    )]
    Changed { digest: Digest },
}
