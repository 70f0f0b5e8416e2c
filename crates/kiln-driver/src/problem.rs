//! What an operation answers when it could not be done.

use std::fmt;
use std::path::PathBuf;

use kiln_diag::{Diagnostic, Texts};

/// Findings in texts, or a failure of the world.
pub enum Problem {
    /// At least one of them is an error.
    Findings {
        texts: Texts,
        findings: Vec<Diagnostic>,
    },
    World(Box<dyn miette::Diagnostic + Send + Sync + 'static>),
}

impl Problem {
    /// Makes a problem of one finding.
    pub(crate) fn finding(texts: &Texts, finding: Diagnostic) -> Self {
        Self::Findings { texts: texts.clone(), findings: vec![finding] }
    }

    /// Returns the code of the first error, such as `K0101`.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Findings { findings, .. } => {
                findings.iter().find(|finding| finding.is_error()).map(|f| f.code.to_string())
            }
            Self::World(error) => error.code().map(|code| code.to_string()),
        }
    }

    /// Returns the exit status, by the area of the code (`docs/errors/README.md`).
    pub fn exit_status(&self) -> u8 {
        match self.code().as_deref().and_then(|code| code.as_bytes().get(1).copied()) {
            Some(b'0' | b'1' | b'3' | b'7') => 3,
            Some(b'2') => 4,
            Some(b'4') => 6,
            Some(b'5') => 5,
            Some(b'6') => 7,
            Some(b'8') => 2,
            _ => 70,
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings { findings, .. } => f.debug_list().entries(findings).finish(),
            Self::World(error) => write!(f, "{error:?}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings { findings, .. } => {
                findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
            }
            Self::World(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Problem {}

impl<E: miette::Diagnostic + Send + Sync + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::World(Box::new(error))
    }
}

/// A failure of the driver's own work.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DriverError {
    #[error("cannot tell where this program runs")]
    #[diagnostic(code("K8001"), help("start kiln in a folder that exists"))]
    Here {
        #[source]
        cause: std::io::Error,
    },
    #[error("there is no home folder")]
    #[diagnostic(
        code("K8002"),
        help("set `HOME`, or `KILN_HOME` to a folder for all of kiln's own files")
    )]
    NoHome,
    #[error("cannot read the configuration `{}`", path.display())]
    #[diagnostic(code("K8003"), help("check its permissions, or remove it"))]
    ReadConfig {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the configuration `{}` has a mistake in line {line}: {what}", path.display())]
    #[diagnostic(
        code("K8004"),
        help(
            "it knows `jobs`, `fetchers`, `build-trees`, `time-limit`, `silence-limit`, `[mirrors]` with `alias = [\"URL\", ...]`, and `[tokens]` with `alias = \"TOKEN\"`"
        )
    )]
    BadConfig {
        path: PathBuf,
        line: usize,
        /// Without what stands there.
        what: String,
    },
    #[error(
        "the token of the alias `{alias}` is none: it is empty, or has a blank or a control character"
    )]
    #[diagnostic(
        code("K8020"),
        help("correct its environment variable, or `[tokens]` in config.toml")
    )]
    BadToken { alias: String },
    #[error("`{text}` is no mirror: `ALIAS=URL` is needed")]
    #[diagnostic(
        code("K8005"),
        help("for example `--mirror debian=https://deb.example.org/debian`")
    )]
    BadMirror { text: String },
    #[error("there is no folder `{}`", path.display())]
    #[diagnostic(
        code("K8012"),
        help("`--directory` takes the folder to look for the project from")
    )]
    NoFolder { path: PathBuf },
    #[error("`{text}` is no element's name")]
    #[diagnostic(code("K8006"), help("`kiln show` lists the elements of the project"))]
    BadElement { text: String },
    #[error("{place} cannot be `{text}`")]
    #[diagnostic(code("K8009"), help("{wanted}"))]
    BadSetting {
        /// The variable, or the key and its file.
        place: String,
        text: String,
        wanted: &'static str,
    },
    #[error("sources cannot be compared with where they come from while kiln is offline")]
    #[diagnostic(code("K8013"), help("leave `--offline` out"))]
    NeedsNetwork,
    #[error("this kiln knows no kind of source for `{text}`")]
    #[diagnostic(code("K2090"), help("use another kind of source"))]
    UnknownSource { text: String },
    #[error("`{text}` is not in the lock")]
    #[diagnostic(code("K1110"), help("kiln track"))]
    NotLocked { text: String },
    #[error("cannot use the folder `{}`", path.display())]
    #[diagnostic(code("K5030"), help("check its permissions and whether its disk is full"))]
    Folder {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the store `{}` belongs to another user", path.display())]
    #[diagnostic(
        code("K5031"),
        help(
            "a store has one owner: run kiln as that user, or set `KILN_HOME` to a folder of your own"
        )
    )]
    ForeignStore { path: PathBuf },
    #[error("cannot read `{}`", path.display())]
    #[diagnostic(code("K1001"), help("check that the file is there and readable"))]
    ReadProject {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{}` is no IR", path.display())]
    #[diagnostic(code("K1002"), help("`kiln debug ir` prints the form that is expected"))]
    BadIr {
        path: PathBuf,
        #[source]
        cause: kiln_ir::BadIr,
    },
    #[error("`{}` is a project already", folder.display())]
    #[diagnostic(
        code("K8033"),
        help("`kiln new KIND NAME` adds an element to it; `kiln init DIR` begins one elsewhere")
    )]
    IsProject { folder: PathBuf },
    #[error("`{name}` is in `{}` already, and a new project would have one, too", folder.display())]
    #[diagnostic(code("K8033"), help("begin it in a folder of its own: kiln init DIR"))]
    InTheWay { folder: PathBuf, name: String },
    #[error("cannot write `{}`", path.display())]
    #[diagnostic(code("K1003"), help("check its permissions and whether the disk is full"))]
    WriteProject {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{element}` is not built")]
    #[diagnostic(code("K3020"), help("kiln build {element}"))]
    NotBuilt { element: String },
    #[error("there is no log of `{element}`")]
    #[diagnostic(code("K3021"), help("only what ran has a log: kiln build {element}"))]
    NoLog { element: String },
    #[error("no build tree of `{element}` is kept")]
    #[diagnostic(code("K3022"), help("{next}"))]
    NoBuildTree { element: String, next: String },
    #[error("no command runs for `{element}`")]
    #[diagnostic(
        code("K3023"),
        help("it is put together from its sources and dependencies: kiln checkout {element} DIR")
    )]
    NothingRuns { element: String },
    #[error("the root of `{element}` cannot be made: what it is built with failed")]
    #[diagnostic(
        code("K3026"),
        help("the failures are above; `kiln build {element}` tells them again")
    )]
    NoRoot { element: String },
    #[error("no failed run of `{element}` is known")]
    #[diagnostic(code("K3024"), help("{next}"))]
    NoFailure { element: String, next: String },
    #[error("`{element}` runs programs for {arch}, which this machine ({machine}) cannot")]
    #[diagnostic(
        code("K4007"),
        help(
            "build it on a machine for {arch}, or have an emulator run them (`binfmt_misc`, such as by the package `qemu-user-static`)"
        )
    )]
    OtherMachine { element: String, arch: String, machine: String },
    #[error("content of the store was lost again while it was made anew")]
    #[diagnostic(
        code("K5032"),
        help("does another program remove files of the store? check the disk")
    )]
    LostAgain,
}
