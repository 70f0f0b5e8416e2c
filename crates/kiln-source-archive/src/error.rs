//! What can be wrong with an archive: a rule for each refusal.

use std::error::Error;
use std::fmt;
use std::io;

use kiln_cas::CasError;
use kiln_digest::Digest;
use kiln_source::without_password;
use miette::Diagnostic;

use crate::limits::Exceeded;

/// An archive that breaks a rule; code and help are those of the rule.
#[derive(Debug)]
pub struct ArchiveError {
    /// The archive as it is written, such as its URL.
    pub archive: String,
    pub rule: Rule,
}

const REPACK: &str = "the archive is hostile or damaged: ask where it comes from, or pack it anew";

/// Why an archive was refused. Names of entries are escaped.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Rule {
    #[error("it is no tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd")]
    #[diagnostic(code("K2201"), help("check the URL: some servers answer with a page of text"))]
    NoTar(#[source] Option<io::Error>),
    #[error("it is damaged")]
    #[diagnostic(code("K2202"), help("{REPACK}"))]
    Damaged(#[source] io::Error),
    #[error("it is damaged: `{0}` ends too early")]
    #[diagnostic(code("K2202"), help("{REPACK}"))]
    Short(String),
    #[error("the entry `{0}` has an absolute path")]
    #[diagnostic(code("K2203"), help("{REPACK}"))]
    Absolute(String),
    #[error("the entry `{0}` climbs out of the archive")]
    #[diagnostic(code("K2204"), help("{REPACK}"))]
    Climbs(String),
    #[error("the name `{0}` is not UTF-8")]
    #[diagnostic(code("K2205"), help("pack it anew with UTF-8 names"))]
    NotUtf8(String),
    #[error("the entry `{0}` has an empty name or one with a NUL byte")]
    #[diagnostic(code("K2206"), help("{REPACK}"))]
    BadName(String),
    #[error("the entry `{0}` comes twice")]
    #[diagnostic(code("K2207"), help("pack it anew: which of them counts is not certain"))]
    Twice(String),
    #[error("the entry `{entry}` goes through `{through}`, which is no folder")]
    #[diagnostic(code("K2208"), help("{REPACK}"))]
    Through { entry: String, through: String },
    #[error("the entry `{entry}` is {what}")]
    #[diagnostic(code("K2209"), help("pack it anew with files, folders and links only"))]
    Special { entry: String, what: &'static str },
    #[error("the entry `{entry}` is a hard link to `{target}`, which is no earlier file")]
    #[diagnostic(code("K2210"), help("{REPACK}"))]
    HardLink { entry: String, target: String },
    #[error("the entry `{0}` is a sparse file")]
    #[diagnostic(code("K2211"), help("pack it anew without `--sparse`"))]
    Sparse(String),
    #[error("the entry `{0}` is no file but has content")]
    #[diagnostic(code("K2212"), help("{REPACK}"))]
    Content(String),
    #[error("the entry `{0}` has two names, links or sizes")]
    #[diagnostic(code("K2213"), help("{REPACK}"))]
    Ambiguous(String),
    #[error("an extended header is malformed")]
    #[diagnostic(code("K2214"), help("{REPACK}"))]
    Extension,
    #[error("{0}")]
    #[diagnostic(code("K2215"), help("the archive is hostile, or too big for kiln"))]
    Exceeded(String),
    #[error("something follows the end of the archive")]
    #[diagnostic(code("K2216"), help("{REPACK}"))]
    Trailing,
    #[error("it is empty")]
    #[diagnostic(code("K2217"), help("check the URL of the source, and its `strip`"))]
    Empty,
    #[error("the entry `{0}` lies above the stripped folders")]
    #[diagnostic(code("K2218"), help("write `strip = 0` in the source"))]
    Stripped(String),
    #[error("it is no zip archive")]
    #[diagnostic(code("K2220"), help("check the URL: some servers answer with a page of text"))]
    NoZip,
    #[error("it is damaged at `{entry}`")]
    #[diagnostic(code("K2202"), help("{REPACK}"))]
    Wrong {
        entry: String,
        #[source]
        cause: io::Error,
    },
    #[error("the entry `{0}` is encrypted")]
    #[diagnostic(code("K2221"), help("pack it anew without a password"))]
    Encrypted(String),
    #[error("the entry `{entry}` is packed as {name}")]
    #[diagnostic(code("K2222"), help("pack it anew: kiln reads what is stored or deflated"))]
    Method { entry: String, name: &'static str },
    #[error("the directory and the header of `{entry}` say two things about its {what}")]
    #[diagnostic(code("K2223"), help("{REPACK}"))]
    Disagree { entry: String, what: &'static str },
    #[error("the entry `{0}` overlaps what follows it")]
    #[diagnostic(code("K2224"), help("{REPACK}"))]
    Overlaps(String),
    #[error("there are bytes {0} that belong to nothing")]
    #[diagnostic(code("K2225"), help("pack it anew: a program or a signature may stand there"))]
    Stray(String),
    #[error("it is one volume of several")]
    #[diagnostic(code("K2226"), help("join the volumes, or pack it anew as one file"))]
    Volumes,
    #[error("the entry `{0}` has a backslash in its name")]
    #[diagnostic(code("K2227"), help("pack it anew with `/` between folders"))]
    Backslash(String),
    #[error("it has no folder `{0}`")]
    #[diagnostic(code("K2228"), help("check `subdir`: it is looked for below what `strip` leaves"))]
    NoFolder(String),
    #[error("it cannot be read")]
    #[diagnostic(code("K2219"), help("check the folder of downloads"))]
    Read(#[source] io::Error),
    #[error("its content cannot be kept")]
    #[diagnostic(code("K5022"), help("is the disk of the store full?"))]
    Keep(#[source] CasError),
}

/// An archive that is not what the project or the lock says.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum KindError {
    #[error("`{}` unpacks to the tree `{found}`, the lock has `{expected}`", without_password(url))]
    #[diagnostic(
        code("K2231"),
        help("another version of kiln may have written the lock: `kiln track` writes it again")
    )]
    OtherTree { url: String, expected: Digest, found: Digest },
    #[error("`{}` is no sha256 of `{}`", written.escape_debug(), without_password(url))]
    #[diagnostic(code("K2232"), help("write 64 hexadecimal digits, or leave `sha256` out"))]
    BadHash { url: String, written: String },
    #[error("`{}` is no name for the file `{}`", name.escape_debug(), without_password(url))]
    #[diagnostic(code("K2233"), help("write the name of one file, without a folder"))]
    BadName { url: String, name: String },
    #[error("the source `{}` is no archive", without_password(given))]
    #[diagnostic(code("K9022"), help("this is a defect of kiln: please report it"))]
    NoArchive { given: String },
}

impl Rule {
    /// Finds the rule behind a failed read of the archive.
    pub(crate) fn of_read(error: io::Error) -> Self {
        let exceeded = error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>());
        match exceeded {
            Some(exceeded) => Self::Exceeded(exceeded.to_string()),
            None => Self::Damaged(error),
        }
    }

    /// Finds the rule behind the failed write of an entry of a zip archive.
    pub(crate) fn of_content(error: CasError, entry: &str) -> Self {
        match error {
            CasError::Stream { cause } => Self::Wrong { entry: entry.to_owned(), cause },
            error => Self::Keep(error),
        }
    }

    /// Finds the rule behind a failed write of an entry.
    pub(crate) fn of_write(error: CasError) -> Self {
        match error {
            CasError::Stream { cause } => Self::of_read(cause),
            error => Self::Keep(error),
        }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let archive = without_password(&self.archive);
        write!(f, "cannot unpack `{}`: {}", archive.escape_debug(), self.rule)
    }
}

impl Error for ArchiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.rule.source()
    }
}

impl Diagnostic for ArchiveError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.rule.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.rule.help()
    }
}
