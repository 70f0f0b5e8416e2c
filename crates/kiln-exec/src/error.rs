//! What can go wrong with a run, other than a script.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use kiln_artifact::IndexError;
use kiln_assemble::AssembleError;
use kiln_cas::CasError;
use kiln_digest::Key;
use kiln_image::ImageError;
use kiln_ir::ElementName;
use kiln_patch::PatchError;
use miette::Diagnostic;

use crate::ForeignError;

/// An error of a part that the executor does not know, with its code and help.
pub struct Foreign(pub ForeignError);

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Foreign {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for Foreign {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }
}

/// A failure of the run itself.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ExecError {
    #[error("content of {} artifacts is gone from the store", keys.len())]
    #[diagnostic(code("K5033"), help("build again: what is lost is made anew"))]
    Lost { keys: Vec<Key> },
    #[error("overlaps in the root of `{element}`: {}", overlaps.join(", "))]
    #[diagnostic(
        code("K3025"),
        help(
            "remove the file from one of them, or allow it: `overlaps += [\"/path\"]` in the one that wins"
        )
    )]
    Overlaps { element: ElementName, overlaps: Vec<String> },
    #[error("`{element}` was built with warnings: {}", warnings.join("; "))]
    #[diagnostic(
        code("K4105"),
        help("its output is not used because warnings are denied (`-D warnings`)")
    )]
    Warnings { element: ElementName, warnings: Vec<String> },
    #[error("the root of `{element}` cannot be integrated")]
    #[diagnostic(
        code("K4106"),
        help(
            "`kiln build {element}` shows what its integration says, `kiln shell --failed {element}` leads into it"
        )
    )]
    Integration { element: ElementName },
    #[error("`{element}` was cancelled")]
    #[diagnostic(code("K4107"), help("run the command again"))]
    Cancelled { element: ElementName },
    #[error("cannot get what `{element}` starts from")]
    #[diagnostic(forward(cause))]
    Supply {
        element: ElementName,
        #[source]
        cause: Foreign,
    },
    #[error("cannot patch the sources of `{element}`")]
    #[diagnostic(forward(cause))]
    Patch {
        element: ElementName,
        #[source]
        cause: PatchError,
    },
    #[error("cannot run `{element}`")]
    #[diagnostic(forward(cause))]
    Run {
        element: ElementName,
        #[source]
        cause: Foreign,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Assemble(#[from] AssembleError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cas(#[from] CasError),
    #[error("cannot write the log `{}`", path.display())]
    #[diagnostic(code("K5034"), help("is the disk of the state folder full or read-only?"))]
    Log {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
}
