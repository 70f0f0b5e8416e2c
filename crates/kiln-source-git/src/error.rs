//! What can be wrong with a repository: a rule for each refusal.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use kiln_cas::CasError;
use kiln_ir::ObjectId;
use kiln_source::SourceError;
use miette::Diagnostic;

const HOSTILE: &str = "the repository is hostile or damaged: ask where it comes from";

/// A git source that cannot be had. What comes from the repository is escaped.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum GitError {
    #[error("cannot run `{}`", program.display())]
    #[diagnostic(code("K2401"), help("install git, or put it on `PATH`"))]
    NoGit {
        program: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("`{url}` has no branch, tag or commit `{}`", track.escape_debug())]
    #[diagnostic(
        code("K2402"),
        help("`git ls-remote` lists what it has; a commit is written with all its digits")
    )]
    NoRef { url: String, track: String },
    #[error("`{url}` has a branch `{track}` and a tag `{track}`")]
    #[diagnostic(
        code("K2403"),
        help("write `refs/heads/{track}` or `refs/tags/{track}` in `track`")
    )]
    TwoRefs { url: String, track: String },
    #[error("no tag of `{url}` is a version of `{track}`")]
    #[diagnostic(
        code("K2404"),
        help("`git ls-remote --tags` lists its tags; `track` and `exclude` are globs of them")
    )]
    NoVersion { url: String, track: String },
    #[error("the commit `{commit}` of `{url}` has the tree `{found}`, the lock has `{expected}`")]
    #[diagnostic(
        code("K2405"),
        help("another version of kiln may have written the lock: `kiln track` writes it again")
    )]
    OtherTree { url: String, commit: ObjectId, expected: String, found: String },
    #[error("`{url}` has no commit `{commit}`")]
    #[diagnostic(
        code("K2406"),
        help("upstream may have removed it: `kiln track` takes the commit of now")
    )]
    NoCommit { url: String, commit: ObjectId },
    #[error("`{}` is no glob", glob.escape_debug())]
    #[diagnostic(
        code("K2407"),
        help("`*` stands for any text, `?` for one character, `[ab]` for one of these")
    )]
    BadGlob {
        glob: String,
        #[source]
        cause: globset::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] Refused),
    #[error("git failed in `{}`: {said}", folder.display())]
    #[diagnostic(code("K2408"), help("the folder may be deleted: it is fetched anew"))]
    Broken { folder: PathBuf, said: String },
    #[error("cannot write the git repository `{}`", path.display())]
    #[diagnostic(
        code("K5023"),
        help("is the disk full? the folder may be deleted: it is fetched anew")
    )]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the source `{given}` is no git repository")]
    #[diagnostic(code("K9023"), help("this is a defect of kiln: please report it"))]
    NoGitSource { given: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Source(#[from] SourceError),
}

/// A commit that breaks a rule; code and help are those of the rule.
#[derive(Debug)]
pub struct Refused {
    pub url: String,
    pub commit: ObjectId,
    pub rule: Box<Rule>,
}

/// Why a commit was refused.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Rule {
    #[error("the name `{name}` in `{folder}` cannot be the name of a file")]
    #[diagnostic(code("K2410"), help("{HOSTILE}"))]
    BadName { folder: String, name: String },
    #[error("`{0}` stands where git keeps its own files")]
    #[diagnostic(code("K2411"), help("{HOSTILE}"))]
    DotGit(String),
    #[error("the entry `{0}` comes twice")]
    #[diagnostic(code("K2412"), help("{HOSTILE}"))]
    Twice(String),
    #[error("the entry `{path}` has the unknown mode `{mode}`")]
    #[diagnostic(code("K2413"), help("{HOSTILE}"))]
    Mode { path: String, mode: String },
    #[error("the link `{path}` leads out of the repository, to `{target}`")]
    #[diagnostic(code("K2414"), help("{HOSTILE}"))]
    LinkOut { path: String, target: String },
    #[error("the link `{0}` is empty, too long, not UTF-8 or has a NUL byte")]
    #[diagnostic(code("K2414"), help("{HOSTILE}"))]
    BadLink(String),
    #[error("{0}")]
    #[diagnostic(code("K2415"), help("the repository is hostile, or too big for kiln"))]
    Exceeded(String),
    #[error("the object `{id}` {what}")]
    #[diagnostic(
        code("K2416"),
        help(
            "the repository is hostile or damaged; where the one of the cache is, it may be deleted"
        )
    )]
    Object { id: String, what: &'static str },
    #[error("the file `{0}` is kept by git-lfs")]
    #[diagnostic(
        code("K2417"),
        help("kiln cannot fetch such files yet; take an archive of the release")
    )]
    Pointer(String),
    #[error("the submodule `{path}` has the URL `{url}`: {reason}")]
    #[diagnostic(
        code("K2418"),
        help(
            "leave it out with `exclude-submodules`, and give its content as a source of its own"
        )
    )]
    SubmoduleUrl { path: String, url: String, reason: &'static str },
    #[error("the submodule `{0}` has no URL in `.gitmodules`")]
    #[diagnostic(code("K2418"), help("leave it out with `exclude-submodules`"))]
    NoSubmodule(String),
    #[error("its content cannot be kept")]
    #[diagnostic(code("K2419"), help("is the disk of the store full?"))]
    Keep(#[source] CasError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, commit, rule } = self;
        write!(f, "cannot take the commit `{commit}` of `{}`: {rule}", url.escape_debug())
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.rule.source()
    }
}

impl Diagnostic for Refused {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.rule.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.rule.help()
    }
}
